/** pruneRuns while other processes open runs or replace a run's folder by a link. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openBlackboard, pruneRuns } from "run-blackboard";
import { expect, test } from "vitest";
import { open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { startHere } from "./kill.ts";

function doneRun(root: string, runId: string): void {
  using board = openBlackboard({ runId, root, synchronous: "normal" });
  board.createRun("an old goal");
  board.updateRunStatus("done");
}

test("repeated prunes of a run that other processes open lose no acknowledged write", async () => {
  const root = temporaryFolder();
  const file = join(root, "r/blackboard.db");
  const openers = ["one", "two"].map((name) => startHere("reopen", [root, name]));
  await Promise.all(openers.map((opener) => opener.line("ready")));
  for (let round = 0; round < 60; round++) {
    doneRun(root, "r");
    for (const opener of openers) opener.say(`${round}`);
    pruneRuns({ root, olderThanMs: 0 });
    const answers = await Promise.all(
      openers.map((opener) => opener.until((lines) => lines.find((line) => line.startsWith(`${round} `)))),
    );
    for (const answer of answers) expect(answer).toMatch(/ \d+$/);
    const board = open({ runId: "r", root });
    const ids = board.listEvents().items.map(({ eventId }) => eventId);
    // Each process wrote one event and kept its blackboard open, so prune cannot have deleted it afterwards.
    expect(ids).toEqual(expect.arrayContaining([`one/${round}`, `two/${round}`]));
    board.close();
    for (const opener of openers) opener.say("close");
    await Promise.all(openers.map((opener) => opener.line(`closed ${round}`)));
    rmSync(join(root, "r"), { recursive: true });
  }
  expect(existsSync(file)).toBe(false);
  await Promise.all(openers.map((opener) => opener.finish()));
});

test("prune never deletes the target of a link that repeatedly replaces a run's folder", async () => {
  const [root, elsewhere] = [temporaryFolder(), temporaryFolder()];
  doneRun(elsewhere, "target");
  const target = join(elsewhere, "target");
  const swapper = startHere("swap", [join(root, "r"), target]);
  await swapper.line("swapping");
  while (swapper.lines.length < 40) {
    try {
      pruneRuns({ root, olderThanMs: 0 });
    } catch (error) {
      // The folder may be missing at the moment of the swap.
      expect(error).toMatchObject({ code: expect.any(String) });
    }
    expect(readdirSync(target)).toContain("blackboard.db");
    // Lets the swapper's lines arrive.
    await new Promise(setImmediate);
  }
  await swapper.finish();
});

test("a run whose folder holds something else, or may not be deleted, is reported as deleted", async () => {
  const root = temporaryFolder();
  for (const runId of ["r", "s"]) doneRun(root, runId);
  mkdirSync(join(root, "r/kept"));
  if (process.getuid?.() === 0) {
    // As a user who owns the run and may write in its folder, and not in the root.
    for (const path of ["r", "s", "r/blackboard.db", "s/blackboard.db"]) chownSync(join(root, path), 65_534, 65_534);
  }
  chmodSync(root, 0o555);
  const program = startHere("prune-as-nobody", [root]);
  const pruned = JSON.parse(await program.until((lines) => lines[0]));
  await program.finish();
  chmodSync(root, 0o755);
  expect(pruned).toMatchObject([
    { runId: "r", outcome: "deleted", reason: null },
    { runId: "s", outcome: "deleted", reason: null },
  ]);
  expect(readdirSync(root, { recursive: true }).sort()).toEqual(["r", "r/kept", "s"]);
});

test("prune deletes a pruned file's companion files and does not follow a link among them", () => {
  const root = temporaryFolder();
  const notes = join(temporaryFolder(), "notes.txt");
  writeFileSync(notes, "mine");
  doneRun(root, "r");
  writeFileSync(join(root, "r/blackboard.db-shm"), "stale");
  expect(pruneRuns({ root, olderThanMs: 0 })).toMatchObject([{ outcome: "deleted" }]);
  expect(readdirSync(root)).toEqual([]);
  doneRun(root, "s");
  symlinkSync(notes, join(root, "s/blackboard.db-shm"));
  pruneRuns({ root, olderThanMs: 0 });
  expect(existsSync(notes)).toBe(true);
  unlinkSync(notes);
});
