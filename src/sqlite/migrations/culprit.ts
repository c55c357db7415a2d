/**
 * Which migration is at fault for what shows only after all of them: dangling references, and users' objects that no longer
 * fit. Found by applying them again, one at a time, in the transaction that failed, which is then rolled back.
 */
import type { Migration } from "../../engine/history.ts";

export interface Culprit {
  readonly migration: Migration;
  /** The statement since which it is so. */
  readonly statement?: string;
}

export interface Trial {
  readonly pending: readonly Migration[];
  /** Undoes all that was applied. */
  readonly rewind: () => void;
  /** Applies one migration, and calls `after` after each of its statements. */
  readonly apply: (migration: Migration, after?: (statement: string) => void) => void;
  /** Whether it is so by now. */
  readonly isFaulty: () => boolean;
}

/** `undefined` where it does not happen again. What is so for a while, as in a rebuild, and is then put right is no fault. */
export function findCulprit({ pending, rewind, apply, isFaulty }: Trial): Culprit | undefined {
  let migration: Migration | undefined;
  rewind();
  for (const one of pending) {
    apply(one);
    migration = isFaulty() ? (migration ?? one) : undefined;
  }
  if (!migration) return undefined;
  rewind();
  for (const one of pending.slice(0, pending.indexOf(migration))) apply(one);
  let statement: string | undefined;
  apply(migration, (text) => {
    statement = isFaulty() ? (statement ?? text) : undefined;
  });
  return { migration, ...(statement !== undefined && { statement }) };
}
