import { readFileSync } from "node:fs";
import { MigrationError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { startProgram } from "../processes/spawn.ts";
import { execute, madeBy, sha256, thrownBy, written } from "./files.ts";
import { known } from "./made-up.ts";
import { expectRefused, ways } from "./refused.ts";

const customers = [
  "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)",
  "INSERT INTO customers VALUES (1, 'x')",
];
const drizzleRows = (when: number) => [
  "CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)",
  `INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('abc', ${when})`,
];
/** Databases of other programs, told apart from blackboards by their tables and migration rows. */
const ages: [string, number][] = [
  ["older than ours", 1],
  ["of the same time as ours", known.at(-1)?.when ?? 0],
  ["newer than ours", 2 ** 42],
];

describe.each(["WAL", "DELETE"])("in journal mode %s", (mode) => {
  const made = (...texts: string[]) => madeBy(`PRAGMA journal_mode = ${mode}`, ...texts);

  test("another program's database throws NOT_A_BLACKBOARD with its tables and stays unchanged", () => {
    expect(expectRefused(made(...customers), "NOT_A_BLACKBOARD").message).toContain("customers");
  });

  test("a database that contains only a view throws NOT_A_BLACKBOARD", () => {
    expect(expectRefused(made("CREATE VIEW answer AS SELECT 42 AS n"), "NOT_A_BLACKBOARD").message).toContain("answer");
  });

  test.each(ages)("another program's database with its own drizzle rows, %s, throws NOT_A_BLACKBOARD", (_, when) => {
    expectRefused(made(...drizzleRows(when), ...customers), "NOT_A_BLACKBOARD");
  });

  test.each(ages)("drizzle rows, %s, without any other table are not accepted as this package's", (_, when) => {
    expectRefused(made(...drizzleRows(when)), "NOT_A_BLACKBOARD");
  });

  test.each(ages.filter(([age]) => !age.includes("same")))(
    "another program's events table with its own drizzle rows, %s, throws SCHEMA_MISMATCH",
    (_, when) => {
      const file = made(...drizzleRows(when), "CREATE TABLE events (id INTEGER PRIMARY KEY, title TEXT)");
      expectRefused(file, "SCHEMA_MISMATCH", /events: has column title TEXT/);
    },
  );

  test("another program's events table throws SCHEMA_MISMATCH", () => {
    expectRefused(made("CREATE TABLE events (id INTEGER PRIMARY KEY, title TEXT)"), "SCHEMA_MISMATCH", /title/);
  });

  test("a view in place of the migrations table throws SCHEMA_MISMATCH", () => {
    const file = written("webhook");
    const view = "CREATE VIEW __drizzle_migrations AS SELECT 'x' AS hash, 1 AS created_at";
    execute(file, view, `PRAGMA journal_mode = ${mode}`);
    expectRefused(file, "SCHEMA_MISMATCH", /^__drizzle_migrations: is a view/);
  });

  test("a migrations table with different columns throws SCHEMA_MISMATCH", () => {
    const file = written("webhook");
    execute(file, "CREATE TABLE __drizzle_migrations (version TEXT)", `PRAGMA journal_mode = ${mode}`);
    expectRefused(file, "SCHEMA_MISMATCH", /__drizzle_migrations/);
  });
});

test.each([
  ["another program's file", "customers (id, name)"],
  ["another program's events table", "events (id, title)"],
])("a dead process's last commits stay in the WAL of %s, and the file stays unchanged", async (_, table) => {
  const file = madeBy("PRAGMA journal_mode = WAL", `CREATE TABLE ${table}`);
  const program = startProgram("sql", [file]);
  await program.ask(`INSERT INTO ${table.split(" ")[0]} VALUES (1, 'in the WAL')`);
  program.kill();
  await program.ended;
  const contents = () => [file, `${file}-wal`].map((path) => sha256(readFileSync(path)));
  const before = contents();
  expect(readFileSync(`${file}-wal`).length).toBeGreaterThan(0);
  for (const [way, call] of Object.entries(ways)) {
    expect(
      thrownBy(() => call(file)),
      way,
    ).toBeInstanceOf(MigrationError);
    expect(contents(), way).toEqual(before);
  }
});
