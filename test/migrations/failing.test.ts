/** All pending migrations are applied in one commit, or none is. */
import { MigrationError, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import type { Migration } from "../../src/engine/history.ts";
import { migrate } from "../../src/sqlite/migrations/apply.ts";
import { contentsOf, execute, migrateTo, newFile, opened, rows, thrownBy, written } from "./files.ts";
import { countsItself, followedBy, known, madeUp, rebuildOfAll } from "./made-up.ts";

const breakpoint = "--> statement-breakpoint\n";

const files: [string, () => string][] = [
  ["a file of the reference", () => written("webhook")],
  [
    "a file of an older build",
    () => {
      const file = written("webhook");
      migrateTo(file, known);
      return file;
    },
  ],
];

const failures: [what: string, sql: string, message: RegExp][] = [
  ["a table that is not there", "INSERT INTO nowhere VALUES (1)", /no such table: nowhere/],
  ["a row that is there twice", "INSERT INTO runs SELECT * FROM runs", /UNIQUE constraint/],
  ["a NULL", "UPDATE briefs SET role = NULL", /NOT NULL constraint/],
  ["invalid SQL", "ALTER TABLE runs RENAME", /incomplete input|syntax error/],
  ["invalid JSON", "SELECT json_extract(goal, '$.x') FROM runs", /malformed JSON/],
  ["a conflict that rolls back by itself", "INSERT OR ROLLBACK INTO runs SELECT * FROM runs", /UNIQUE constraint/],
];

for (const [kind, make] of files) {
  test.each(failures)(`${kind} stays unchanged when the last of three migrations fails at %s`, (_, sql, message) => {
    const file = make();
    const before = contentsOf(file);
    const third = ["CREATE TABLE third (n)", "INSERT INTO third VALUES (3)", sql, "CREATE TABLE never (n)"];
    const list = followedBy(known, countsItself("first"), rebuildOfAll(known), third.join(`;${breakpoint}`));
    const error = thrownBy(() => migrateTo(file, list));
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({
      code: "MIGRATION_FAILED",
      location: file,
      migration: list.at(-1)?.tag,
      statement: sql,
      message: expect.stringMatching(message),
      cause: expect.objectContaining({ code: expect.stringMatching(/^SQLITE_/) }),
    });
    expect(String((error as MigrationError).message)).toContain(file);
    expect(contentsOf(file)).toEqual(before);

    const mended = followedBy(known, countsItself("first"), rebuildOfAll(known), "CREATE TABLE third (n)");
    migrateTo(file, mended);
    expect(rows(file, "SELECT name FROM applications")).toEqual([{ name: "first" }]);
    expect(rows(file, "SELECT count(*) AS n FROM __drizzle_migrations")).toEqual([{ n: mended.length }]);
  });
}

test("a new file stays empty when its migrations fail and becomes a blackboard once they are fixed", () => {
  const file = newFile();
  const broken = followedBy(known, "INSERT INTO nowhere VALUES (1)");
  expect(thrownBy(() => migrateTo(file, broken))).toMatchObject({ code: "MIGRATION_FAILED" });
  expect(contentsOf(file).schema).toEqual([]);
  using board = openBlackboard({ runId: "r", file });
  expect(board.createRun("begin").status).toBe("pending");
});

test("a user's trigger that rejects inserts into the migrations table causes MIGRATION_FAILED, which names the migration", () => {
  const file = written("webhook");
  migrateTo(file, known);
  execute(file, `CREATE TRIGGER no BEFORE INSERT ON __drizzle_migrations BEGIN SELECT RAISE(ABORT, 'not today'); END`);
  const before = contentsOf(file);
  const list = followedBy(known, "CREATE TABLE more (n)", "CREATE TABLE last (n)");
  expect(thrownBy(() => migrateTo(file, list))).toMatchObject({
    code: "MIGRATION_FAILED",
    migration: list[known.length]?.tag,
    statement: expect.stringMatching(/^INSERT INTO __drizzle_migrations/),
    cause: expect.objectContaining({ code: "SQLITE_CONSTRAINT_TRIGGER" }),
  });
  expect(contentsOf(file)).toEqual(before);
});

test("an index with the name of the migrations table causes MIGRATION_FAILED, which names the first migration", () => {
  const file = written("webhook");
  execute(file, "CREATE INDEX __drizzle_migrations ON runs (goal)");
  const error = thrownBy(() => openBlackboard({ runId: "webhook", file }));
  expect(error).toMatchObject({ code: "MIGRATION_FAILED", migration: known[0]?.tag });
});

test.each(failures)(
  "foreign keys are enabled again after a migration that failed at %s, and no transaction is open",
  (_, sql) => {
    const client = opened(written("webhook"), known);
    const location = client.name;
    const failing = followedBy(known, sql);
    expect(thrownBy(() => migrate(client, failing, { location, migrateTimeoutMs: 0 }))).toBeInstanceOf(MigrationError);
    expect(client.pragma("foreign_keys", { simple: true })).toBe(1);
    expect(client.inTransaction).toBe(false);
    expect(() =>
      client.exec("INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e', 'gone', 'failed', '')"),
    ).toThrow(/FOREIGN KEY/);
    client.close();
  },
);

test("foreign keys are enabled after a migration whose statements only turn them off", () => {
  const client = opened(written("orphans"), followedBy(known, "PRAGMA foreign_keys=OFF; CREATE TABLE last (n)"));
  expect(client.pragma("foreign_keys", { simple: true })).toBe(1);
  client.close();
});

test("migrations are recorded in list order, each with its own hash and time", () => {
  const file = newFile();
  const list: Migration[] = [
    ...known,
    ...[1, 2, 3].map((n) => madeUp(`000${n}_own`, 2 ** 41 + n, `CREATE TABLE own${n} (n)`)),
  ];
  migrateTo(file, list);
  const recorded = rows(file, 'SELECT hash, created_at AS "when" FROM __drizzle_migrations ORDER BY rowid');
  expect(recorded).toEqual(list.map(({ hash, when }) => ({ hash, when })));
});
