/**
 * Waiting for other writers, synchronously and fairly.
 *
 * SQLite's own busy handler waits longer the longer it has waited, so that whoever came first loses to whoever came last:
 * among eight writers it left one waiting for 933 ms. Here the wait shrinks with each try, so that the longer somebody has
 * waited the more often he asks.
 */
import { BusyError } from "../errors.ts";
import { lockHolder } from "./diagnosis.ts";

/** The first wait is at most this, the second half of it, the third a third, and so on down to 1 ms. */
const firstWaitMs = 16;

const bell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Gives what `work` gives, trying again while `isBusy` says so of what it throws. After `limitMs` milliseconds of that
 * throws a `BusyError` with the last error as its cause.
 */
export function waiting<T>(work: () => T, isBusy: (error: unknown) => boolean, limitMs: number, location: string): T {
  const start = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waitedMs = Math.round(performance.now() - start);
      if (waitedMs >= limitMs) {
        const message =
          `${location} stayed locked by ${lockHolder(location)} for ${waitedMs} ms, the limit of this call. ` +
          `Nothing was written; retry, or raise the limit.`;
        throw new BusyError(message, waitedMs, { cause: error });
      }
      const waitMs = Math.max(1, firstWaitMs / tries) * (0.5 + Math.random() / 2);
      // Sleeps without burning a core: nobody ever rings the bell.
      Atomics.wait(bell, 0, 0, Math.min(waitMs, limitMs - waitedMs));
    }
  }
}

/** What is opened is changed by another process at this moment. Waited for, and never thrown to a caller. */
export class StartOver extends Error {}
