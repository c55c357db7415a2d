/**
 * Who only reads: what operations want to know of him, and which run he means when he names none.
 */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { newId } from "../input/new-id.ts";
import { timestamps } from "../input/options.ts";
import { listed } from "../shown.ts";

export const reader = { roles: undefined, now: timestamps(() => new Date()), newId };

/** @throws NotFoundError where there is no run; InvalidInputError where there are several. */
export function theOnlyOne(runIds: readonly string[], location: string): string {
  const [first, second] = runIds;
  if (first === undefined) throw new NotFoundError("run", location, location);
  if (second === undefined) return first;
  throw new InvalidInputError([
    { path: "runId", message: `must say which run is meant; ${location} holds ${listed(runIds)}` },
  ]);
}
