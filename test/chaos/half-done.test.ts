/**
 * Imports, backups and restores that are killed after each of their file system calls in turn: the target is absent, or
 * it is complete and opens.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { backupBlackboard, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { restoreFunction } from "../../chaos/actors/looks.ts";
import type { Way } from "../../chaos/actors/put.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { startFile } from "../processes/spawn.ts";

const runId = "moved";
const ways: readonly Way[] = [
  "importRun",
  "backupBlackboard",
  ...(restoreFunction() ? (["restoreBlackboard"] as const) : []),
];

/** More calls than any of them makes. */
const manyCalls = 60;

test.each(ways)("%s leaves nothing or the whole run, wherever it is killed", async (way) => {
  const folder = temporaryFolder();
  const from = join(folder, "backup.db");
  {
    using board = openBlackboard({ runId, root: folder });
    board.createRun("be moved");
    for (let n = 0; n < 20; n++) board.spawnBrief({ briefId: `b-${n}`, tier: 1, role: "mover" });
    backupBlackboard({ file: board.location }, from);
  }
  for (let killAfterCall = 1; killAfterCall < manyCalls; killAfterCall++) {
    const scratch = join(folder, `${killAfterCall}`);
    mkdirSync(scratch);
    const to = join(scratch, "blackboard.db");
    const task = { way, from, runId, to, toRunId: runId, scratch, killAfterCall };
    const program = startFile(new URL("../../chaos/actors/put.ts", import.meta.url), [JSON.stringify(task)]);
    await program.line("loaded");
    program.say("begin");
    const { signal } = await program.ended;
    if (existsSync(to)) {
      using board = openBlackboard({ runId, file: to, create: false });
      expect(board.getRunSummary(), `killed after ${killAfterCall} calls`).toMatchObject({
        briefs: { pending: 20 },
        events: { spawned: 20 },
      });
    }
    if (signal === null) {
      expect(program.lines).toContain('{"outcome":"done"}');
      return;
    }
  }
  throw new Error(`it made more than ${manyCalls} calls`);
});
