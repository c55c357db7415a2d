/**
 * Locations of runs: which run to read, and where to write one.
 */
import { Check, type Names } from "./check.ts";
import { checkLocation, checkPath, checkRunId } from "./options.ts";

/** A run under a root (default `"runs"`), or in a file; there `runId` is optional if the file has only one run. */
export type RunLocation = { runId: string; root?: string | undefined } | { file: string; runId?: string | undefined };

/** The destination of a run: under a root (default `"runs"`) or in a file. Without a `runId` the run keeps its id. */
export type RunDestination =
  | { runId?: string | undefined; root?: string | undefined }
  | { file: string; runId?: string | undefined };

type All = { runId?: string | undefined; root?: string | undefined; file?: string | undefined };
const names: Names<All> = { runId: true, root: true, file: true };

/** `locationOf` returns the file's absolute path, which depends on the run under a root. */
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
    // A run that keeps its id may have one that is not a valid folder name.
    const path = checkLocation(late, given, given.file === undefined ? checkRunId(late, run) : run);
    late.done();
    return path;
  };
  return { runId, locationOf };
}

/** Returns the absolute path of a file to create. Does not follow a link at the path: it counts as an existing file. */
export function checkNewFile(path: string, file: string): string {
  const check = new Check();
  const location = checkPath(check, { file }, "");
  if (location === ":memory:") check.refuse(path, 'must be a file on disk, got ":memory:"');
  check.done();
  return location;
}
