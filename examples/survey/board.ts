/**
 * The blackboard, in a file or on a PostgreSQL server. Other modules use the same code for both, with `await`. Only opening and
 * transactions differ, and both are here.
 */
import { type Blackboard, type BlackboardOperations, type Mode, openBlackboard } from "run-blackboard";
import { roles } from "./roles.ts";

export type Board = Blackboard<Mode, typeof roles>;
/** One operation of a transaction, such as `(tx) => tx.logEvent("spawned")`. */
export type Step = (tx: BlackboardOperations<Mode, typeof roles>) => unknown;

export async function openBoard(
  runId: string,
  postgres: string | undefined,
): Promise<Board & (Disposable | AsyncDisposable)> {
  // Each file takes three commits, so none waits for the disk. Only a power failure can undo the last results; the briefs are
  // then pending again and measured again.
  if (postgres === undefined) return openBlackboard({ runId, roles, synchronous: "normal" });
  // Imported on demand: it needs `pg`, which a blackboard in a file does not.
  const { openPostgresBlackboard } = await import("run-blackboard/postgres");
  return await openPostgresBlackboard({ runId, roles, connection: postgres });
}

/** Runs the steps in order, in one transaction. */
export async function together(board: Board, steps: readonly Step[]): Promise<void> {
  if (Symbol.dispose in board) {
    // SQLite's transaction ends when the callback returns, so the steps must not be awaited.
    board.transaction((tx) => {
      for (const step of steps) step(tx);
    });
  } else {
    await board.transaction(async (tx) => {
      for (const step of steps) await step(tx);
    });
  }
}
