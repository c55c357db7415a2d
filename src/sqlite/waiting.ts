/**
 * Waits for other writers, synchronously and fairly.
 *
 * SQLite's own busy handler increases the delay with each retry, so that the writer that has waited longest retries least often:
 * with eight writers, one waited for 933 ms. Here the delay shrinks with each retry, so that the longer a writer has waited, the
 * more often it retries.
 */
import { BusyError } from "../errors.ts";
import { lockHolder } from "./diagnosis.ts";

/** Maximum delay before the first retry; the nth delay is at most 1/n of it, and at least about 1 ms. */
const firstWaitMs = 16;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Returns the result of `work`. Retries it while `isBusy` is true for the error it throws, for up to `limitMs` milliseconds.
 * @throws BusyError after the limit, with the last error as its cause.
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
      // Sleeps without using the CPU: nothing ever notifies.
      Atomics.wait(sleeper, 0, 0, Math.min(waitMs, limitMs - waitedMs));
    }
  }
}

/** Another process is changing the file during opening. Retried internally, never thrown to a caller. */
export class StartOver extends Error {}
