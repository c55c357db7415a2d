/**
 * The types of what is measured. A subject is a file in `subjects/` with lines; a line is one operation, done by several sides.
 * Results are ratios: `ours` ÷ `raw`, and any other side, a peer, ÷ `ours`.
 */
import type { Level, Sites } from "./sites.ts";

export interface Subject {
  readonly name: string;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly name: string;
  /** Writes are measured at both levels; reads cost the same at both. */
  readonly levels: readonly Level[];
  /** Creates the sides, each on its own equal files, so that all grow equally. */
  sides(sites: Sites): Sides | Promise<Sides>;
}

export interface Sides {
  readonly ours: Side;
  readonly raw: Side;
  readonly [peer: string]: Side;
}

/** One implementation of an operation. A side in another process, or an asynchronous one, times itself. */
export interface Side {
  /** Returns one call's value. All sides that define it must return the same value before timing starts. Peers omit it. */
  value?(): unknown;
  /** Returns the milliseconds that this many sequential calls take. */
  timeMs(calls: number): number | Promise<number>;
}

export const writing: readonly Level[] = ["normal", "full"];
export const reading: readonly Level[] = ["normal"];

/** Creates a synchronous side in this process. `supply` creates what the calls consume, such as briefs, and is not timed. */
export function calling(call: () => unknown, supply: (calls: number) => void = () => undefined): Side {
  return {
    value() {
      supply(1);
      return call();
    },
    timeMs(calls) {
      supply(calls);
      const start = performance.now();
      for (let n = 0; n < calls; n++) call();
      return performance.now() - start;
    },
  };
}

/** Creates a side of another package that returns promises. */
export function awaiting(call: () => Promise<unknown>, supply: (calls: number) => unknown = () => undefined): Side {
  return {
    async timeMs(calls) {
      await supply(calls);
      const start = performance.now();
      for (let n = 0; n < calls; n++) await call();
      return performance.now() - start;
    },
  };
}
