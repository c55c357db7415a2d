/**
 * The blackboard, in a file or on a PostgreSQL server. Whatever reads, or writes one thing, is the same code for both: it
 * awaits. What differs stands here: how one is opened, and how a transaction is written.
 */
import { type Blackboard, type BlackboardOperations, type Mode, openBlackboard } from "run-blackboard";

export type Board = (Blackboard<"sync"> & Disposable) | (Blackboard<"async"> & AsyncDisposable);
/** One operation, such as `(tx) => tx.logEvent("spawned")`. */
export type Step = (tx: BlackboardOperations<Mode>) => unknown;

export async function openBoard(runId: string, postgres: string | undefined): Promise<Board> {
  if (postgres === undefined) return openBlackboard({ runId });
  // Only now: it needs `pg`, which a blackboard in a file does without.
  const { openPostgresBlackboard } = await import("run-blackboard/postgres");
  return await openPostgresBlackboard({ runId, connection: postgres });
}

/** Does the steps one after another in one commit: all of them or none. */
export async function together(board: Board, steps: readonly Step[]): Promise<void> {
  if (Symbol.dispose in board) {
    // SQLite's transaction ends when the callback returns, so nothing in it may wait.
    board.transaction((tx) => {
      for (const step of steps) step(tx);
    });
  } else {
    await board.transaction(async (tx) => {
      for (const step of steps) await step(tx);
    });
  }
}
