/** Files as a killed process leaves them. */
import { openBlackboard } from "run-blackboard";
import { type Running, startFile } from "../processes/spawn.ts";

/** Starts a program of this folder's `programs/`. `through` is a command that runs it. */
export function startHere(name: string, args: readonly string[], through: readonly string[] = []): Running {
  return startFile(new URL(`programs/${name}.ts`, import.meta.url), args, through);
}

/** Kills a process that has the run open with `briefs` briefs that are in its -wal but not in the file. */
export async function crashed(file: string, runId: string, briefs: number): Promise<void> {
  const program = startHere("create-briefs", [file, runId, `${briefs}`]);
  await program.line("created");
  program.kill();
  await program.ended;
}

export function countBriefs(file: string, runId: string): number {
  using board = openBlackboard({ runId, file, create: false });
  const { pending, active, done, failed } = board.getRunSummary().briefs;
  return pending + active + done + failed;
}
