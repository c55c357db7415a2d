/**
 * The blackboard, in a file or on a PostgreSQL server. What uses it is the same code for both: it awaits. What differs stands
 * here: how one is opened, and how a transaction is written.
 */
import { type Blackboard, type BlackboardOperations, type Mode, openBlackboard } from "run-blackboard";
import { roles } from "./roles.ts";

export type Board = Blackboard<Mode, typeof roles>;
/** One operation, such as `(tx) => tx.logEvent("spawned")`. */
export type Step = (tx: BlackboardOperations<Mode, typeof roles>) => unknown;

export async function openBoard(
  runId: string,
  postgres: string | undefined,
): Promise<Board & (Disposable | AsyncDisposable)> {
  // Three commits for each file, and none waits for the disk: what a power failure may undo, the last results, is pending
  // again then, and measured again. No other failure can undo them.
  if (postgres === undefined) return openBlackboard({ runId, roles, synchronous: "normal" });
  // Only now: it needs `pg`, which a blackboard in a file does without.
  const { openPostgresBlackboard } = await import("run-blackboard/postgres");
  return await openPostgresBlackboard({ runId, roles, connection: postgres });
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
