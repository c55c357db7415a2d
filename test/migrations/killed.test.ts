/** SIGKILL at many points of a migration: the file is either entirely old or entirely new, intact, and opens. */
import { copyFileSync, statSync } from "node:fs";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import type { Migration } from "../../src/engine/history.ts";
import { contentsOf, execute, migrateTo, newFile, rows, written } from "./files.ts";
import { followedBy, known, rebuildOfAll } from "./made-up.ts";
import { type Migrator, startMigrator } from "./migrator.ts";

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** A file of the reference with `count` additional events; some ids are missing. */
function withEvents(count: number): string {
  const file = written("webhook");
  execute(
    file,
    "DELETE FROM events WHERE kind = 'failed'",
    `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${count})
     INSERT INTO events SELECT hex(randomblob(16)), 'webhook', NULL, 'retried', '{"n":' || n || '}', '2026-11-22' FROM c`,
  );
  return file;
}

/** The file after a migration that is not killed. */
function migrated(file: string) {
  const copy = newFile();
  copyFileSync(file, copy);
  migrateTo(copy, known);
  return contentsOf(copy);
}

test("a process killed at any step of its migrations, before or after any statement, leaves the file unchanged", async () => {
  // One step per statement, except in the first migration, which is only compared with a reference's file in memory.
  let steps = 0;
  const stepped = (sql: string) =>
    sql
      .split("--> statement-breakpoint")
      .flatMap((statement) => [`SELECT step(${steps++});`, statement])
      .join("--> statement-breakpoint");
  const [first, ...others] = known;
  const list = followedBy(
    [first, ...others.map((migration) => ({ ...migration, sql: stepped(migration.sql) }))] as Migration[],
    stepped(rebuildOfAll(known)),
    stepped("CREATE TABLE last (n)"),
    `SELECT step(${steps++})`,
  );
  const chosen = Array.from({ length: steps }, (_, n) => n).filter((n) => n % 2 === 0 || n === steps - 1);
  expect(chosen.length).toBeGreaterThan(10);

  const file = withEvents(100);
  const before = contentsOf(file);
  let next = startMigrator();
  for (const dieAt of chosen) {
    const { running, bring } = await next;
    // The next process loads in the meantime.
    next = startMigrator();
    // With this cache size, part of the migration reaches the WAL before the commit.
    const answer = await bring({ file, migrations: list, dieAt, cacheSize: 2 }).catch(() => undefined);
    expect(answer, "it died and could not answer").toBeUndefined();
    expect(await running.ended).toMatchObject({ signal: "SIGKILL" });
    expect(contentsOf(file), `after dying at step ${dieAt}`).toEqual(before);
  }
  const { bring } = await next;
  expect((await bring({ file, migrations: list })).outcome).toBe("ok");
  expect(contentsOf(file).integrity).toBe("ok");
  expect(rows(file, "SELECT count(*) AS n FROM events")).toEqual([{ n: 120 }]);
});

test("30 processes killed before, during or after the commit leave an old or a new file, and it opens", async () => {
  const source = withEvents(12_000);
  const old = contentsOf(source);
  const fresh = migrated(source);
  // The size of the WAL after a migration that is not interrupted.
  const whole = await walOf(source);
  expect(whole).toBeGreaterThan(1_000_000);

  const outcomes = { old: 0, new: 0 };
  const kills = 30;
  let next = startMigrator();
  for (let kill = 0; kill < kills; kill++) {
    const migrator = await next;
    // The next process loads in the meantime.
    if (kill + 1 < kills) next = startMigrator();
    const file = newFile();
    copyFileSync(source, file);
    // From the first byte of the WAL to the last; the last kills come after the commit was answered.
    await killAt(migrator, file, Math.round((whole * kill) / (kills - 8)));
    const contents = contentsOf(file);
    const isNew = `${contents.schema}` === `${fresh.schema}`;
    expect(contents, `after kill ${kill}`).toEqual(isNew ? fresh : old);
    outcomes[isNew ? "new" : "old"]++;
    expectOpens(file);
  }
  expect(outcomes.old, "some were killed before the commit").toBeGreaterThan(3);
  expect(outcomes.new, "some behind it").toBeGreaterThan(0);
});

function expectOpens(file: string): void {
  using board = openBlackboard({ runId: "webhook", file });
  expect(board.getRun()?.goal).toBe("Build webhook ingestion system");
  const { seq } = board.logEvent("retried");
  expect(board.listEvents({ after: seq - 2 }).items).toHaveLength(2);
  expect(board.getRunSummary().lastSeq).toBe(seq);
}

/** Kills the process when the WAL has this size or when it has answered. */
async function killAt({ running, bring }: Migrator, file: string, bytes: number): Promise<void> {
  let answered = false;
  bring({ file, migrations: known, cacheSize: 20 }).then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  while (!answered && sizeOf(`${file}-wal`) < bytes) await new Promise(setImmediate);
  running.kill();
  await running.ended;
}

/** The final WAL size of these migrations. */
async function walOf(source: string): Promise<number> {
  const file = newFile();
  copyFileSync(source, file);
  const { running, bring } = await startMigrator();
  let largest = 0;
  let answered = false;
  const answer = bring({ file, migrations: known, cacheSize: 20 }).finally(() => {
    answered = true;
  });
  while (!answered) {
    largest = Math.max(largest, sizeOf(`${file}-wal`));
    await new Promise(setImmediate);
  }
  expect((await answer).outcome).toBe("ok");
  await running.finish();
  return largest;
}
