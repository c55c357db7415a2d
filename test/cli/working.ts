/** Runs whose briefs `work` works on, and the programs that it runs. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBlackboard } from "run-blackboard";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";

export const programFile = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));
export interface Folder {
  folder: string;
  file: string;
  board: ReturnType<typeof openBlackboard>;
}

/** A run with one brief for each of the ids. */
export function makeRun(...ids: string[]): Folder {
  const folder = temporaryFolder();
  const file = join(folder, "blackboard.db");
  const board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  onTestFinished(() => board.close());
  board.createRun("a goal");
  for (const briefId of ids) board.spawnBrief({ briefId, role: "coder", tier: 1, payload: { n: 1 } });
  return { folder, file, board };
}

export function kindsOf(board: Folder["board"], briefId: string): string[] {
  return board.listEvents({ briefId }).items.map(({ kind }) => kind);
}
