/**
 * SIGKILL at many moments of a migration: the file is wholly old or wholly new, whole in itself, and opens.
 */
import { copyFileSync, statSync } from "node:fs";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import type { Migration } from "../../src/engine/history.ts";
import { contentsOf, execute, migrateTo, newFile, rows, written } from "./files.ts";
import { followedBy, known, rebuildOfAll } from "./made-up.ts";
import { type Migrator, startMigrator } from "./migrator.ts";

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** A file of the reference with so many events more, and some of its ids missing. */
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

/** What the file is like when nobody dies. */
function migrated(file: string) {
  const copy = newFile();
  copyFileSync(file, copy);
  migrateTo(copy, known);
  return contentsOf(copy);
}

test("killed at each step of its migrations, before and after every statement: the file is as it was", async () => {
  // A step before each statement, except in the first migration, which a reference's file is compared with in memory.
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
    // The next one loads meanwhile.
    next = startMigrator();
    // With so small a cache part of it is in the WAL before the commit.
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

test("killed from outside 30 times, in the middle, at its commit, behind it: wholly old or wholly new, and it opens", async () => {
  const source = withEvents(12_000);
  const old = contentsOf(source);
  const fresh = migrated(source);
  // The whole of the migration's WAL, as one finds that is not interrupted.
  const whole = await walOf(source);
  expect(whole).toBeGreaterThan(1_000_000);

  const outcomes = { old: 0, new: 0 };
  const kills = 30;
  let next = startMigrator();
  for (let kill = 0; kill < kills; kill++) {
    const migrator = await next;
    // The next one loads meanwhile.
    if (kill + 1 < kills) next = startMigrator();
    const file = newFile();
    copyFileSync(source, file);
    // From before the first byte to the last one; the latter ones when the commit has been answered.
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

/** Kills it when the WAL has so many bytes, or when it has answered. */
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

/** How large the WAL of these migrations becomes. */
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
