/**
 * The context of functions that only read, and the run they use if none is specified.
 */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { newId } from "../input/new-id.ts";
import { timestamps } from "../input/options.ts";
import { listed } from "../shown.ts";

export const reader = { roles: undefined, now: timestamps(() => new Date()), newId };

/**
 * Returns the only run's id.
 * @throws NotFoundError if there is no run; InvalidInputError if there are several.
 */
export function theOnlyOne(runIds: readonly string[], location: string): string {
  const [first, second] = runIds;
  if (first === undefined) throw new NotFoundError("run", location, location);
  if (second === undefined) return first;
  throw new InvalidInputError([
    { path: "runId", message: `is required, since ${location} contains several runs: ${listed(runIds)}` },
  ]);
}
