/**
 * What the commands that follow a run share: that its later writes are visible, and when they end.
 */
import { setTimeout } from "node:timers/promises";
import { type Blackboard, FileError, type Mode } from "../errors-and-types.ts";

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

/** The shortest time between two changes that are reported: a run may log hundreds of events a second. */
const leastMs = 1000;
/** A claim logs no event, and times grow without one. */
const mostMs = 10_000;

/**
 * Yields at once, and again after the run has changed, at most once a second; every ten seconds also without an event. Ends when
 * the signal aborts.
 * @throws What `watchEvents` throws.
 */
export async function* changesOf(board: Blackboard<Mode>, signal: AbortSignal): AsyncGenerator<void, void, void> {
  const { lastSeq } = await board.getRunSummary();
  const events = board.watchEvents({ after: lastSeq, signal })[Symbol.asyncIterator]();
  // One `next` at a time, which is not awaited in vain: all events that are there already make one change.
  let next = events.next();
  try {
    while (!signal.aborted) {
      yield;
      await pause(leastMs, signal);
      const timeout = new AbortController();
      await Promise.race([next, pause(mostMs, AbortSignal.any([signal, timeout.signal]))]);
      timeout.abort();
      for (let event = await atOnce(next); event; event = await atOnce(next)) {
        if (event.done) return;
        next = events.next();
      }
    }
  } finally {
    next.catch(() => undefined);
    await events.return?.();
  }
}

/** The value of a promise that is settled, otherwise `undefined`. */
async function atOnce<T>(promise: Promise<T>): Promise<T | undefined> {
  return await Promise.race([promise, new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))]);
}

/** Resolves after this time, or when the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);
}
