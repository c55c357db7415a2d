/**
 * Runs one operation on a file and prints {"outcome": "done"} or {"outcome": CODE, "message": …}. Prints "loaded" first and
 * starts when it reads a line on stdin.
 */
import { createInterface } from "node:readline";
import * as api from "run-blackboard";
import { killAfterCall } from "./kill-after.ts";
import { looks, restoreFunction } from "./looks.ts";
import { taskOf } from "./task.ts";

export interface PutTask {
  readonly way: Way;
  /** The source: a run's file or a backup. */
  readonly from: string;
  readonly runId: string;
  /** The target file, or the file to open. */
  readonly to: string;
  readonly toRunId: string;
  readonly scratch: string;
  /** Kill this process after this many calls of node:fs. */
  readonly killAfterCall?: number | undefined;
}
export type Way = keyof typeof ways;

const restore = (task: PutTask, force: boolean) => restoreFunction()?.(task.from, { file: task.to }, { force });
const see = (which: string) => (task: PutTask) =>
  looks[which]?.({ ...task, root: task.scratch, file: task.to, runId: task.toRunId });

const ways = {
  importRun: ({ from, runId, to, toRunId }: PutTask) =>
    api.importRun(api.exportRun({ file: from, runId }), { file: to, runId: toRunId }),
  copyRun: ({ from, runId, to, toRunId }: PutTask) => api.copyRun({ file: from, runId }, { file: to, runId: toRunId }),
  backupBlackboard: ({ from, to }: PutTask) => api.backupBlackboard({ file: from }, to),
  restoreBlackboard: (task: PutTask) => restore(task, false),
  "restoreBlackboard with force": (task: PutTask) => restore(task, true),
  openBlackboard: ({ to, toRunId }: PutTask) => {
    using board = api.openBlackboard({ file: to, runId: toRunId });
    if (!board.getRun()) board.createRun("a new one");
  },
  migrateBlackboard: see("migrateBlackboard"),
  migrationStatus: see("migrationStatus"),
  viewBlackboard: see("viewBlackboard"),
  "openBlackboard with readonly": see("openBlackboard with readonly"),
  exportRun: see("exportRun"),
  verifyBlackboard: see("verifyBlackboard"),
} as const;

const task = taskOf<PutTask>();
console.log("loaded");
createInterface({ input: process.stdin }).once("line", async () => {
  if (task.killAfterCall !== undefined) killAfterCall(task.killAfterCall);
  try {
    await ways[task.way](task);
    console.log(JSON.stringify({ outcome: "done" }));
  } catch (error) {
    const code = error instanceof api.BlackboardError ? error.code : "none";
    console.log(JSON.stringify({ outcome: code, message: error instanceof Error ? error.message : String(error) }));
  }
  process.exit();
});
