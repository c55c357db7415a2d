/**
 * A rebuild copies a table, drops it and renames the copy. It never deletes, changes or orphans rows of other tables.
 */
import { MigrationError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { contentsOf, execute, migrateTo, opened, rows, thrownBy, written } from "./files.ts";
import { followedBy, fourTables, known, rebuildOfAll } from "./made-up.ts";

const list = followedBy(known, rebuildOfAll(known), rebuildOfAll(known));

const keys: Record<string, string> = {
  runs: "run_id",
  workstreams: "workstream_id",
  briefs: "brief_id",
  events: "event_id",
};
const actions = ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"];

/**
 * For each of the four tables and each foreign key action, a user's table that references it, with a row for each row
 * of it.
 */
function withUsersTables(): string {
  const file = written("webhook");
  for (const table of fourTables) {
    for (const action of actions) {
      const own = `"${table} ${action}"`;
      execute(
        file,
        `CREATE TABLE ${own} (
           id INTEGER PRIMARY KEY, ref TEXT DEFAULT 'nobody' REFERENCES ${table}(${keys[table]}) ON DELETE ${action} ON UPDATE ${action}, note TEXT
         )`,
        `INSERT INTO ${own} (ref, note) SELECT ${keys[table]}, 'note on ' || ${keys[table]} FROM ${table}`,
      );
    }
  }
  return file;
}

const usersRows = (file: string) =>
  Object.fromEntries(Object.entries(contentsOf(file).rows).filter(([table]) => table.includes(" ")));

describe("users' tables that reference each of the four, with each action on delete and update", () => {
  test("have the same rows after every table was rebuilt twice, and their keys still work", () => {
    const file = withUsersTables();
    const before = usersRows(file);
    expect(Object.keys(before)).toHaveLength(20);
    const client = opened(file, list);
    expect(usersRows(file)).toEqual(before);
    expect(client.pragma("foreign_key_check")).toEqual([]);
    const [event] = client.prepare<[], { ref: string }>('SELECT ref FROM "events CASCADE"').all();
    for (const action of ["SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"])
      client.exec(`DELETE FROM "events ${action}"`);
    client.prepare("DELETE FROM events WHERE event_id = ?").run(event?.ref);
    expect(client.prepare('SELECT 1 FROM "events CASCADE" WHERE ref = ?').all(event?.ref)).toEqual([]);
    expect(() => client.exec("INSERT INTO \"runs CASCADE\" (ref) VALUES ('gone')")).toThrow(/FOREIGN KEY/);
    client.close();
  });

  test("have the same rows after an older build's file is migrated", () => {
    const file = withUsersTables();
    migrateTo(file, known);
    const before = usersRows(file);
    migrateTo(file, list);
    expect(usersRows(file)).toEqual(before);
    expect(rows(file, "SELECT * FROM pragma_foreign_key_check")).toEqual([]);
  });
});

test("the rows of the four tables are the same after a rebuild, in the same order", () => {
  const file = written("webhook");
  const before = fourTables.map((table) => rows(file, `SELECT * FROM ${table} ORDER BY rowid`));
  migrateTo(file, list);
  const after = fourTables.map((table) => rows(file, `SELECT * FROM ${table} ORDER BY rowid`));
  before.forEach((old, index) => {
    expect(after[index]).toMatchObject(old);
    expect(after[index]).toHaveLength(old.length);
  });
  expect(before.flat().length).toBeGreaterThan(30);
});

const orphan =
  "INSERT INTO briefs (brief_id, run_id, tier, role, created_at, updated_at) VALUES ('b', 'gone', 0, 'r', '', '')";
const breaking: [what: string, sql: string, statement: string][] = [
  ["that deletes a parent", "DELETE FROM events WHERE rowid = 1", "DELETE FROM events WHERE rowid = 1"],
  [
    "that changes a parent's key",
    "UPDATE events SET event_id = 'a' || event_id",
    "UPDATE events SET event_id = 'a' || event_id",
  ],
  ["that deletes the parents of our own rows", "DELETE FROM runs", "DELETE FROM runs"],
  ["that adds a row without a parent", `CREATE TABLE more (n); ${orphan}; CREATE TABLE even_more (n)`, orphan],
  [
    "that rebuilds a table without some of its rows",
    `${rebuildOfAll(known)}--> statement-breakpoint\nDELETE FROM briefs WHERE status = 'failed'`,
    "DELETE FROM briefs WHERE status = 'failed'",
  ],
];

test.each(breaking)(
  "a migration %s causes MIGRATION_FAILED, which names the migration, its statement and the reference",
  (_, sql, statement) => {
    const file = withUsersTables();
    migrateTo(file, known);
    const before = contentsOf(file);
    const newer = followedBy(known, "CREATE TABLE first (n)", rebuildOfAll(known), sql, rebuildOfAll(known));
    const error = thrownBy(() => migrateTo(file, newer));
    expect(error).toBeInstanceOf(MigrationError);
    const migration = newer[known.length + 2]?.tag;
    expect(error).toMatchObject({ code: "MIGRATION_FAILED", location: file, migration, statement });
    expect((error as MigrationError).message).toContain(migration);
    expect((error as MigrationError).message).toMatch(/(events|briefs|runs)/);
    expect((error as MigrationError).message).toMatch(/\(\d+\)/);
    expect(contentsOf(file)).toEqual(before);
  },
);

test("a single failing migration is named, even in a reference's file, and the next one succeeds without it", () => {
  const file = written("orphans");
  const before = contentsOf(file);
  const newer = followedBy(known, orphan);
  expect(thrownBy(() => migrateTo(file, newer))).toMatchObject({ migration: newer.at(-1)?.tag, statement: orphan });
  expect(contentsOf(file)).toEqual(before);
  migrateTo(file, known);
});

test("of two migrations that break a reference, the error names the one after which it stays broken", () => {
  const file = written("webhook");
  migrateTo(file, known);
  const mended = "DELETE FROM briefs WHERE run_id = 'gone'";
  const newer = followedBy(known, orphan, mended, orphan, "CREATE TABLE last (n)");
  expect(thrownBy(() => migrateTo(file, newer))).toMatchObject({ migration: newer[known.length + 2]?.tag });
  migrateTo(file, newer.slice(0, known.length + 2));
});

test("existing violations in a reference's file are tolerated; one more is not", () => {
  const file = written("orphans");
  const broken = () => rows(file, "SELECT * FROM pragma_foreign_key_check").length;
  const violations = broken();
  expect(violations).toBeGreaterThan(0);
  migrateTo(file, list);
  expect(broken()).toBe(violations);
  const one = "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e', 'gone', 'failed', '')";
  expect(thrownBy(() => migrateTo(file, followedBy(list, one)))).toMatchObject({ code: "MIGRATION_FAILED" });
  expect(broken()).toBe(violations);
});

test("a migration may repair references", () => {
  const file = written("orphans");
  migrateTo(file, followedBy(known, "DELETE FROM events WHERE run_id NOT IN (SELECT run_id FROM runs)"));
  expect(rows(file, "SELECT * FROM events")).toEqual([]);
});

test("a user's key that references the primary key implicitly does not dangle after a rebuild changes that key", () => {
  const file = written("webhook");
  execute(file, "CREATE TABLE notes (event TEXT REFERENCES events)", "INSERT INTO notes SELECT event_id FROM events");
  const before = contentsOf(file);
  expect(thrownBy(() => migrateTo(file, known))).toMatchObject({
    code: "MIGRATION_FAILED",
    migration: "0001_events_seq",
    message: expect.stringMatching(/notes.*events/),
  });
  expect(contentsOf(file)).toEqual(before);
});

test("a migration that makes a user's key impossible to check causes MIGRATION_FAILED", () => {
  const file = written("webhook");
  execute(
    file,
    "CREATE TABLE notes (event TEXT REFERENCES events(event_id))",
    "INSERT INTO notes SELECT event_id FROM events",
  );
  migrateTo(file, known);
  const before = contentsOf(file);
  // Without the unique key that the notes reference, every later write to them would fail.
  const careless = "DROP INDEX events_event_id_unique";
  const newer = followedBy(known, "CREATE TABLE first (n)", careless, "CREATE TABLE last (n)");
  expect(thrownBy(() => migrateTo(file, newer))).toMatchObject({
    code: "MIGRATION_FAILED",
    migration: newer[known.length + 1]?.tag,
    statement: careless,
  });
  expect(contentsOf(file)).toEqual(before);
});

test("a user's key to a column that only a user's index makes unique does not prevent a rebuild or mask other faults", () => {
  const file = written("webhook");
  execute(
    file,
    "CREATE UNIQUE INDEX one_goal ON runs (goal)",
    "CREATE TABLE goals (goal TEXT REFERENCES runs (goal))",
    "INSERT INTO goals SELECT goal FROM runs",
  );
  migrateTo(file, list);
  const newer = followedBy(list, rebuildOfAll(list), "UPDATE runs SET goal = 'another'", rebuildOfAll(list));
  expect(thrownBy(() => migrateTo(file, newer))).toMatchObject({
    migration: newer[list.length + 1]?.tag,
    statement: "UPDATE runs SET goal = 'another'",
  });
});

test("a user's key that could never be checked does not prevent a rebuild", () => {
  const file = written("webhook");
  execute(
    file,
    "CREATE TABLE odd (kind TEXT REFERENCES events(kind), other TEXT REFERENCES nowhere(id))",
    "INSERT INTO odd VALUES ('spawned', 'x')",
  );
  migrateTo(file, list);
  expect(rows(file, "SELECT * FROM odd")).toEqual([{ kind: "spawned", other: "x" }]);
});
