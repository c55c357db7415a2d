/**
 * What the commands that follow a run share: that its later writes are visible, and when they end.
 */
import { FileError } from "../errors-and-types.ts";

/**
 * Requires a run whose later writes are visible.
 * @throws FileError for one that was read as a snapshot.
 */
export function requireLive(isLive: boolean, location: string, state: string): void {
  if (isLive) return;
  const reason =
    state === "current" ? "this user cannot write to its folder" : `its schema is ${state}: run migrate first`;
  const message = `cannot follow ${location}: it was read as a snapshot, because ${reason}`;
  throw new FileError("READ_ONLY", location, message);
}

/** Returns a signal that aborts at Ctrl-C or SIGTERM, so that the command ends cleanly with exit code 0. */
export function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}
