/**
 * What is measured: subjects, each a file of `subjects/`, of lines, each one operation done by several sides. `raw` is the
 * floor, `ours` is divided by it; any other side is a peer, which is divided by ours.
 */
import type { Level, Sites } from "./sites.ts";

export interface Subject {
  readonly name: string;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly name: string;
  /** What commits is measured at both; reading costs the same at either. */
  readonly levels: readonly Level[];
  /** Each side with files of its own, alike, so that all of them grow alike. */
  sides(sites: Sites): Sides | Promise<Sides>;
}

export interface Sides {
  readonly ours: Side;
  readonly raw: Side;
  readonly [peer: string]: Side;
}

/** One way to do it. A side in another process, or one that gives promises, times itself. */
export interface Side {
  /** What one call gives: all sides that say so must give the same before anything is timed. A peer gives what it gives. */
  value?(): unknown;
  /** How many milliseconds this many calls take, one after another. */
  timeMs(calls: number): number | Promise<number>;
}

export const writing: readonly Level[] = ["normal", "full"];
export const reading: readonly Level[] = ["normal"];

/** A side that answers at once, in this process. `supply` makes what so many calls use up, and is not timed. */
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

/** A side of another package, which gives promises. */
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
