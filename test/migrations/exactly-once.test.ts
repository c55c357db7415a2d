/** Concurrent opening: each pending migration is applied exactly once, whatever the number and age of the builds. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BusyError, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import type { Migration } from "../../src/engine/history.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { startProgram } from "../processes/spawn.ts";
import { contentsOf, migrateTo, newFile, rows, thrownBy, written } from "./files.ts";
import { countsItself, followedBy, known, rebuildOfAll } from "./made-up.ts";
import { type Migrator, startMigrator, startMigrators } from "./migrator.ts";

const newer = followedBy(known, countsItself("first"), rebuildOfAll(known), countsItself("second"));
const newest = followedBy(newer, countsItself("third"));

const recorded = (list: readonly Migration[]) => list.map(({ hash, when }) => ({ hash, when }));
const inFile = (file: string) =>
  rows(file, 'SELECT hash, created_at AS "when" FROM __drizzle_migrations ORDER BY rowid');
const applications = (file: string) =>
  rows<{ name: string }>(file, "SELECT name FROM applications").map(({ name }) => name);

async function migrateConcurrently(
  migrators: readonly Migrator[],
  file: string,
  migrations: readonly Migration[],
): Promise<void> {
  const answers = await Promise.all(migrators.map(({ bring }) => bring({ file, migrations })));
  expect(answers.map(({ outcome }) => outcome)).toEqual(migrators.map(() => "ok"));
  expect(inFile(file)).toEqual(recorded(migrations));
}

test("20 concurrent processes apply each migration once to a missing, an old, a current and a reference's file", async () => {
  const migrators = await startMigrators(20);
  for (let round = 0; round < 5; round++) {
    const file = newFile();
    await migrateConcurrently(migrators, file, newer);
    await migrateConcurrently(migrators, file, newer);
    expect(applications(file)).toEqual(["first", "second"]);
    await migrateConcurrently(migrators, file, newest);
    expect(applications(file)).toEqual(["first", "second", "third"]);
    const reference = written("webhook");
    await migrateConcurrently(migrators, reference, newest);
    expect(applications(reference)).toEqual(["first", "second", "third"]);
    expect(rows(reference, "SELECT count(*) AS n FROM events")).toEqual([{ n: 21 }]);
  }
});

test("concurrent builds of different ages on one file apply nothing twice; older ones may throw SCHEMA_TOO_NEW", async () => {
  const migrators = await startMigrators(8);
  for (let round = 0; round < 6; round++) {
    const file = round % 2 === 0 ? newFile() : written("webhook");
    const answers = await Promise.all(
      migrators.map(({ bring }, n) => bring({ file, migrations: n % 2 === 0 ? newer : newest })),
    );
    answers.forEach(({ outcome }, n) => {
      expect(n % 2 === 0 ? ["ok", "MigrationError SCHEMA_TOO_NEW"] : ["ok"]).toContain(outcome);
    });
    expect(applications(file)).toEqual(["first", "second", "third"]);
    expect(inFile(file)).toEqual(recorded(newest));
  }
});

test("8 concurrent processes apply a slow data migration once, and the other seven wait for it", async () => {
  const file = newFile();
  migrateTo(file, followedBy(known, "CREATE TABLE measurements (n INTEGER)"));
  const slow = followedBy(
    known,
    "CREATE TABLE measurements (n INTEGER)",
    `SELECT tell('applying');
     WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 600000) INSERT INTO measurements SELECT n FROM c;`,
  );
  const migrators = await startMigrators(8);
  const answers = await Promise.all(migrators.map(({ bring }) => bring({ file, migrations: slow })));
  expect(answers.map(({ outcome }) => outcome)).toEqual(migrators.map(() => "ok"));
  expect(migrators.filter(({ running }) => running.lines.includes("applying"))).toHaveLength(1);
  expect(rows(file, "SELECT count(*) AS n, max(n) AS last FROM measurements")).toEqual([{ n: 600_000, last: 600_000 }]);
});

test("opening throws BusyError and changes nothing when another migration outlasts migrateTimeoutMs", async () => {
  const file = written("webhook");
  const gate = join(temporaryFolder(), "gate");
  writeFileSync(gate, "");
  const list = followedBy(known, countsItself("first"), `SELECT tell('applying'), hold('${gate}');`);
  const first = await startMigrator();
  const migrated = first.bring({ file, migrations: list });
  await first.running.line("applying");
  const before = contentsOf(file);

  const start = performance.now();
  const error = thrownBy(() => migrateTo(file, list, 250));
  const tookMs = performance.now() - start;
  expect(error).toBeInstanceOf(BusyError);
  expect(error).toMatchObject({ code: "BUSY", message: expect.stringContaining(file) });
  expect((error as BusyError).waitedMs).toBeGreaterThanOrEqual(200);
  expect((error as BusyError).waitedMs).toBeLessThanOrEqual(tookMs);
  expect(tookMs).toBeLessThan(30_000);
  expect(thrownBy(() => migrateTo(file, list, 0))).toMatchObject({ code: "BUSY" });
  expect(contentsOf(file)).toEqual(before);

  const patient = await startMigrator();
  const waited = patient.bring({ file, migrations: list });
  rmSync(gate);
  expect([(await migrated).outcome, (await waited).outcome]).toEqual(["ok", "ok"]);
  expect(applications(file)).toEqual(["first"]);
});

test("a process's own migration may take longer than migrateTimeoutMs, which limits waiting only", async () => {
  const file = newFile();
  const { bring } = await startMigrator();
  const slow =
    "CREATE TABLE measurements AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT n FROM c";
  const { outcome, tookMs } = await bring({ file, migrations: followedBy(known, slow), migrateTimeoutMs: 1 });
  expect(outcome).toBe("ok");
  expect(tookMs).toBeGreaterThan(1);
});

test("worker threads that open files of the reference concurrently adopt each file once", async () => {
  const files = Array.from({ length: 5 }, () => written("webhook"));
  const lines = await startProgram("open-in-threads", ["4", ...files]).finish();
  expect(lines).toEqual(Array.from({ length: 4 * files.length }, () => "ok"));
  for (const file of files) {
    expect(inFile(file)).toEqual(recorded(known));
    expect(rows(file, "SELECT count(*) AS n FROM events")).toEqual([{ n: 21 + 4 }]);
  }
});

test('":memory:" is a separate blackboard each time, with the same migrations as a file', () => {
  using one = openBlackboard({ runId: "r", file: ":memory:" });
  using other = openBlackboard({ runId: "r", file: ":memory:" });
  one.createRun("in memory");
  expect(other.getRun()).toBeUndefined();
  const applied = one.drizzle.$client.prepare('SELECT hash, created_at AS "when" FROM __drizzle_migrations').all();
  expect(applied).toEqual(recorded(known));
  expect(one.drizzle.$client.pragma("foreign_keys", { simple: true })).toBe(1);
});
