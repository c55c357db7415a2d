/**
 * A file in rollback-journal mode whose program died inside a transaction: the next connection that may write rolls it
 * back from the journal.
 */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { BusyError, migrateBlackboard, migrationStatus, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { startProgram } from "../processes/spawn.ts";
import { madeBy, newFile, rows, sha256, thrownBy, traceOf } from "./files.ts";
import { known, oldest } from "./made-up.ts";
import { ways } from "./refused.ts";

const run = "INSERT INTO runs VALUES ('r', 'goal', 'done', '2026-11-22', '2026-11-22')";
const filler =
  "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500) SELECT hex(zeroblob(1000)) FROM c";
const insert = {
  runs: `INSERT INTO runs WITH f(x) AS (${filler}) SELECT 'r' || x || random(), x, 'done', '', '' FROM f`,
  customers: `INSERT INTO customers ${filler}`,
};

/** Returns copies of a file in which another program died after it wrote part of a transaction. */
async function diedIn(table: keyof typeof insert, ...texts: string[]): Promise<() => string> {
  const file = madeBy("PRAGMA journal_mode = DELETE", ...texts);
  const program = startProgram("sql", [file]);
  await program.ask(`PRAGMA cache_size = 5; BEGIN; ${insert[table]}`);
  program.kill();
  await program.ended;
  return () => {
    const copy = newFile();
    for (const part of ["", "-journal"]) copyFileSync(file + part, copy + part);
    return copy;
  };
}

const reference = oldest.map(({ sql }) => sql);

test("every function rejects another program's file and leaves file and journal unchanged", async () => {
  const copyOf = await diedIn("customers", "CREATE TABLE customers (name TEXT)", "INSERT INTO customers VALUES ('x')");
  const contents = (file: string) =>
    [file, `${file}-journal`].map((path) => (existsSync(path) ? sha256(readFileSync(path)) : "gone"));
  const touched = Object.entries(ways).filter(([way, call]) => {
    const file = copyOf();
    const before = contents(file);
    expect(
      thrownBy(() => call(file)),
      way,
    ).toMatchObject({ code: expect.stringMatching(/^(BUSY|NOT_A_BLACKBOARD)$/) });
    return `${contents(file)}` !== `${before}`;
  });
  expect(touched.map(([way]) => way)).toEqual([]);
});

test("openBlackboard rolls back and migrates a file with the reference's schema", async () => {
  const file = (await diedIn("runs", ...reference, run))();
  using board = openBlackboard({ runId: "r", file });
  expect(board.getRun()?.goal).toBe("goal");
  expect(rows(file, "SELECT count(*) AS n FROM runs")).toEqual([{ n: 1 }]);
});

test("migrateBlackboard rolls back and migrates a file with the reference's schema", async () => {
  const copyOf = await diedIn("runs", ...reference, run);
  for (const backup of [false, true]) {
    const file = copyOf();
    expect(migrateBlackboard({ file, backup })).toMatchObject({
      state: "current",
      applied: known.map(({ tag }) => tag),
    });
    expect(rows(file, "SELECT count(*) AS n FROM runs")).toEqual([{ n: 1 }]);
  }
});

test("functions that may not write throw BusyError and leave the file unchanged", async () => {
  const file = (await diedIn("runs", ...reference, run))();
  const before = traceOf(file);
  for (const look of [
    () => migrationStatus({ file }),
    () => migrateBlackboard({ file, dryRun: true }),
    () => openBlackboard({ runId: "r", file, readonly: true }),
  ]) {
    const error = thrownBy(look);
    expect(error).toBeInstanceOf(BusyError);
    expect((error as Error).message).toMatch(/open it once for writing/i);
    expect(traceOf(file)).toEqual(before);
  }
});
