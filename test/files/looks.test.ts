/** Read-only functions: their cost does not depend on the file's size or on writers, and they leave no trace. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  backupBlackboard,
  exportRun,
  listRuns,
  migrateBlackboard,
  migrationStatus,
  openBlackboard,
  verifyBlackboard,
  viewBlackboard,
} from "run-blackboard";
import { expect, test } from "vitest";
import { open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { crashed, startHere } from "./kill.ts";

function closedRun(root: string): string {
  using board = openBlackboard({ runId: "r", root });
  board.createRun("a goal");
  board.createBrief({ tier: 1, role: "coder" });
  return board.location;
}

test("status and dry run of a 3 GB file read a few pages of it in a process with little memory", async () => {
  const file = closedRun(temporaryFolder());
  // The added part is empty, and SQLite's header contains the database's size.
  truncateSync(file, 3 * 2 ** 30);
  expect(migrationStatus({ file })).toMatchObject({ state: "current" });
  expect(migrateBlackboard({ file, dryRun: true })).toMatchObject({ state: "current" });
  using view = viewBlackboard({ file });
  expect(view.board.getRunSummary().briefs.pending).toBe(1);
  view.close();
  expect(readdirSync(dirname(file))).toEqual(["blackboard.db"]);
});

test("status, a dry run and a view succeed every time while another process writes without a pause", async () => {
  const root = temporaryFolder();
  const file = closedRun(root);
  const writer = startHere("write-fast", [file]);
  await writer.line("writing");
  for (let n = 0; n < 20; n++) {
    expect(migrationStatus({ file })).toMatchObject({ state: "current" });
    expect(migrateBlackboard({ file, dryRun: true })).toMatchObject({ state: "current" });
    expect(listRuns({ root })).toMatchObject([{ error: null }]);
  }
  await writer.finish();
});

test("every read-only function leaves a file that no process has open unchanged and alone in its folder", async () => {
  const root = temporaryFolder();
  const file = closedRun(root);
  const before = statSync(file, { bigint: true });
  const looks: (() => unknown)[] = [
    () => migrationStatus({ file }),
    () => migrateBlackboard({ file, dryRun: true }),
    () => viewBlackboard({ file }).close(),
    () => viewBlackboard({ file, live: true }).close(),
    () => openBlackboard({ runId: "r", root, readonly: true }).close(),
    () => listRuns({ root }),
    () => verifyBlackboard({ file }),
    () => backupBlackboard({ file }, join(root, "copy.db")),
    async () => {
      for await (const _ of exportRun({ file }));
    },
  ];
  for (const look of looks) {
    await look();
    expect([String(look), readdirSync(dirname(file))]).toEqual([String(look), ["blackboard.db"]]);
  }
  const { size, mtimeNs, ino } = statSync(file, { bigint: true });
  expect({ size, mtimeNs, ino }).toEqual({ size: before.size, mtimeNs: before.mtimeNs, ino: before.ino });
});

test("every read-only function leaves a file and its WAL unchanged after its process died", async () => {
  const root = temporaryFolder();
  const file = join(root, "r/blackboard.db");
  await crashed(file, "r", 5);
  const state = () =>
    [file, `${file}-wal`].map((path) => {
      const { size, mtimeNs } = statSync(path, { bigint: true });
      return `${size} ${mtimeNs}`;
    });
  const before = state();
  for (const look of [
    () => migrationStatus({ file }),
    () => viewBlackboard({ file }).close(),
    () => openBlackboard({ runId: "r", root, readonly: true }).close(),
    () => expect(listRuns({ root })[0]?.summary?.briefs.pending).toBe(5),
    () => expect(verifyBlackboard({ file }).problems).toEqual([]),
    () => backupBlackboard({ file }, join(root, "copy.db")),
  ]) {
    look();
    expect(state()).toEqual(before);
  }
});

test("the next copy removes the temporary copies of a killed reader on this host and keeps all others", async () => {
  const { pid } = spawnSync("true");
  const left = (owner: string) => join(tmpdir(), `run-blackboard-copy-${owner}-Ab3dEf`);
  const [dead, alive, elsewhere] = [
    left(`${pid}@${hostname()}`),
    left(`${process.pid}@${hostname()}`),
    left(`${pid}@other`),
  ];
  for (const folder of [dead, alive, elsewhere]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "copy.db"), "part of a copy");
  }
  // A file with an unfinished transaction can only be read as a copy.
  const file = closedRun(temporaryFolder());
  const program = startHere("die-in-transaction", [file]);
  await program.line("dirty");
  program.kill();
  await program.ended;
  using view = viewBlackboard({ file });
  expect(view.board.getRunSummary().briefs.pending).toBe(1);
  expect([dead, alive, elsewhere].map((folder) => existsSync(folder))).toEqual([false, true, true]);
  spawnSync("rm", ["-r", alive, elsewhere]);
});

test("a stalled reader lets the WAL grow, and the WAL shrinks after the reader ends", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = open({ runId: "r", file, synchronous: "normal" });
  board.createRun("a goal");
  const reader = open({ runId: "r", file, readonly: true });
  reader.drizzle.$client.exec("BEGIN");
  reader.getRun();
  const payload = { text: "x".repeat(1_000_000) };
  for (let n = 0; n < 150; n++) board.createBrief({ tier: 1, role: "coder", payload });
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(150_000_000);
  reader.drizzle.$client.exec("COMMIT");
  // The first write finds the WAL checkpointed, the next one restarts it.
  for (let n = 0; n < 3; n++) board.createBrief({ tier: 1, role: "coder", payload });
  expect(statSync(`${file}-wal`).size).toBeLessThan(70_000_000);
});
