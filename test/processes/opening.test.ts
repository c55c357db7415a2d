/** Concurrent opening of one file that is missing, written by the reference, or current. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { migrations } from "../../src/sqlite/migrations/embedded.sqlite.ts";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

const fixture = fileURLToPath(new URL("../fixtures/python/webhook.db", import.meta.url));

function expectMigratedOnce(file: string): void {
  const database = new Database(file, { readonly: true });
  try {
    const rows = database
      .prepare('SELECT hash, created_at AS "when" FROM __drizzle_migrations ORDER BY created_at')
      .all();
    expect(rows).toEqual(migrations.map(({ hash, when }) => ({ hash, when })));
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  } finally {
    database.close();
  }
}

test("concurrent processes that open a missing, a reference's or a current file migrate it once", async () => {
  const folder = temporaryFolder();
  const programs = Array.from({ length: 20 }, () => startProgram("open", []));
  await Promise.all(programs.map((program) => program.line("ready")));
  const openAtOnce = async (file: string) => {
    const options = JSON.stringify({ runId: "webhook", file });
    const answers = await Promise.all(programs.map((program) => program.ask(options)));
    expect(answers).toEqual(programs.map(() => "ok"));
    expectMigratedOnce(file);
  };
  for (let round = 0; round < 5; round++) {
    const missing = join(folder, `new folder ${round}`, "blackboard.db");
    await openAtOnce(missing);
    await openAtOnce(missing);
    const reference = join(folder, `reference ${round}.db`);
    copyFileSync(fixture, reference);
    await openAtOnce(reference);
    using board = openBlackboard({ runId: "webhook", file: reference });
    expect(board.getRunSummary().events).toEqual({ spawned: 13, completed: 5, failed: 1, escalated: 1, retried: 1 });
  }
  await Promise.all(programs.map((program) => program.finish()));
});

test("concurrent worker threads that open a missing file can all write to it", async () => {
  const folder = temporaryFolder();
  const files = [0, 1, 2, 3, 4].map((round) => join(folder, `${round}.db`));
  const lines = await startProgram("open-in-threads", ["4", ...files]).finish();
  expect(lines).toEqual(Array.from({ length: 4 * files.length }, () => "ok"));
  for (const file of files) {
    expectMigratedOnce(file);
    using board = openBlackboard({ runId: "threads", file });
    expect(board.getRunSummary().events.spawned).toBe(4);
  }
});
