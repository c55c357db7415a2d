/**
 * Which run is meant, and where one is to go.
 */
import { Check, type Names } from "./check.ts";
import { checkLocation, checkPath, checkRunId } from "./options.ts";

/** A run under a root, `"runs"` when left out; or in a file, where it may go without saying if it is the only one. */
export type RunLocation = { runId: string; root?: string | undefined } | { file: string; runId?: string | undefined };

/** Where a run goes: under a root, `"runs"` when left out, or into a file. Without a `runId` it keeps its own. */
export type RunDestination =
  | { runId?: string | undefined; root?: string | undefined }
  | { file: string; runId?: string | undefined };

type All = { runId?: string | undefined; root?: string | undefined; file?: string | undefined };
const names: Names<All> = { runId: true, root: true, file: true };

/** `locationOf` gives the file's absolute path, which under a root depends on the run. */
export interface CheckedLocation {
  readonly runId: string | undefined;
  locationOf(runId: string): string;
}

export function checkRunLocation(location: RunLocation): CheckedLocation {
  return checkAll(location, true);
}

export function checkRunDestination(destination: RunDestination): CheckedLocation {
  return checkAll(destination, false);
}

function checkAll(location: All, runNeeded: boolean): CheckedLocation {
  const check = new Check();
  const given = check.object<All>("location", location, names);
  const known = given.runId === undefined && !(runNeeded && given.file === undefined);
  const runId = known ? undefined : checkRunId(check, given.runId);
  if (checkLocation(check, given, runId ?? "run") === ":memory:") {
    check.refuse("file", 'must be a file on disk, got ":memory:"');
  }
  check.done();
  const locationOf = (run: string) => {
    const late = new Check();
    // A run keeps its own id, which may not be one that a folder can have.
    const path = checkLocation(late, given, given.file === undefined ? checkRunId(late, run) : run);
    late.done();
    return path;
  };
  return { runId, locationOf };
}

/** The absolute path of a file to create. A link at the path is not followed: it counts as an existing file. */
export function checkNewFile(path: string, file: string): string {
  const check = new Check();
  const location = checkPath(check, { file }, "");
  if (location === ":memory:") check.refuse(path, 'must be a file on disk, got ":memory:"');
  check.done();
  return location;
}
