/**
 * Finds the migration that causes a fault detected only after all of them: dangling references, or user-defined objects that cannot
 * be recreated. Applies the migrations again, one at a time, in the failed transaction, which is then rolled back.
 */
import type { Migration } from "../../engine/history.ts";

export interface Culprit {
  readonly migration: Migration;
  /** The statement that introduced the fault. */
  readonly statement?: string;
}

interface Trial {
  readonly pending: readonly Migration[];
  /** Rolls back all applied migrations. */
  readonly rewind: () => void;
  /** Applies one migration; calls `after` after each statement. */
  readonly apply: (migration: Migration, after?: (statement: string) => void) => void;
  /** Whether the fault is present now. */
  readonly isFaulty: () => boolean;
}

/** Returns `undefined` if the fault does not recur. Ignores a fault that later statements correct, such as during a rebuild. */
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
