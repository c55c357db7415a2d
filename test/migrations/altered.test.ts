/**
 * Files whose tables have the reference's names but a different schema: rejected with the differences and unchanged,
 * because a rebuild would drop what it does not know.
 */
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { execute, madeBy, migrateTo, written } from "./files.ts";
import { known, oldest } from "./made-up.ts";
import { expectRefused } from "./refused.ts";

const reference = oldest.map(({ sql }) => sql.replaceAll("--> statement-breakpoint", "")).join("");

/** The reference's schema with one replacement. */
function changed(from: string | RegExp, to: string): string {
  const sql = reference.replace(from, to);
  if (sql === reference) throw new Error(`there is no ${from} to change`);
  return sql;
}

const table = (name: string) => new RegExp(`CREATE TABLE \`${name}\`[^;]*;`);
const eventsWith = (constraint: string, eventId = "event_id TEXT") =>
  changed(
    table("events"),
    `CREATE TABLE events (
       ${eventId}, run_id TEXT NOT NULL, brief_id TEXT, kind TEXT NOT NULL, detail TEXT, created_at TEXT NOT NULL,
       ${constraint}, FOREIGN KEY (run_id) REFERENCES runs (run_id)
     );`,
  );

const altered: [what: string, sql: string, difference: RegExp][] = [
  ["an extra column", `${reference}; ALTER TABLE runs ADD COLUMN owner TEXT`, /^runs: has column owner TEXT$/],
  [
    "an extra column with a default",
    `${reference}; ALTER TABLE events ADD COLUMN weight REAL NOT NULL DEFAULT 1.5`,
    /^events: has column weight REAL NOT NULL DEFAULT 1\.5$/,
  ],
  ["a missing column", changed("\t`result` text,\n", ""), /^briefs: lacks column result TEXT$/],
  [
    "a renamed column",
    `${reference}; ALTER TABLE workstreams RENAME COLUMN name TO title`,
    /lacks column name TEXT NOT NULL\n.*has column title TEXT NOT NULL/,
  ],
  [
    "a different type",
    changed("`tier` integer", "`tier` text"),
    /lacks column tier INTEGER NOT NULL\n.*has column tier TEXT NOT NULL/,
  ],
  [
    "a different default",
    changed("DEFAULT 0", "DEFAULT 1"),
    /lacks column retry_count.*DEFAULT 0\n.*has column retry_count.*DEFAULT 1/,
  ],
  ["no default", changed(" DEFAULT 'pending'", ""), /lacks column status TEXT NOT NULL DEFAULT 'pending'/],
  ["an added NOT NULL", changed("`payload` text", "`payload` text NOT NULL"), /has column payload TEXT NOT NULL/],
  ["no NOT NULL", changed("`role` text NOT NULL", "`role` text"), /lacks column role TEXT NOT NULL/],
  [
    "no primary key",
    changed("`brief_id` text PRIMARY KEY", "`brief_id` text"),
    /lacks column brief_id TEXT PRIMARY KEY 1/,
  ],
  ["two columns in a primary key", eventsWith("PRIMARY KEY (event_id, kind)"), /has column kind TEXT PRIMARY KEY 2/],
  [
    "a key that compares without case",
    changed("`run_id` text PRIMARY KEY", "`run_id` text COLLATE NOCASE PRIMARY KEY"),
    /runs.*run_id/,
  ],
  [
    "a foreign key with a different action",
    changed("ON DELETE no action", "ON DELETE cascade"),
    /lacks key .*\n.*has key \(run_id\) to runs\(run_id\) on update NO ACTION on delete CASCADE/,
  ],
  ["no foreign key", changed(/,\s*FOREIGN KEY[^\n]*\n/, "\n"), /briefs: lacks key \(run_id\)/],
  [
    "one more foreign key",
    changed("`parent_brief_id` text,", "`parent_brief_id` text REFERENCES briefs(brief_id),"),
    /has key \(parent_brief_id\) to briefs/,
  ],
  [
    "a table WITHOUT ROWID",
    changed("`updated_at` text NOT NULL\n);", "`updated_at` text NOT NULL\n) WITHOUT ROWID;"),
    /has kind table WITHOUT ROWID/,
  ],
  [
    "a STRICT table",
    changed("`updated_at` text NOT NULL\n);", "`updated_at` text NOT NULL\n) STRICT;"),
    /has kind table STRICT/,
  ],
  [
    "a generated column",
    `${reference}; ALTER TABLE briefs ADD COLUMN upper TEXT AS (upper(role))`,
    /has column upper TEXT GENERATED/,
  ],
  ["a UNIQUE column", changed("`goal` text NOT NULL", "`goal` text NOT NULL UNIQUE"), /has unique \(goal\)/],
  [
    "a UNIQUE pair",
    eventsWith("UNIQUE (run_id, kind)", "event_id TEXT PRIMARY KEY"),
    /events: has unique \(run_id,kind\)/,
  ],
  ["a CHECK", eventsWith("CHECK (kind <> '')", "event_id TEXT PRIMARY KEY"), /events/],
  ["a view in place of a table", changed(table("runs"), "CREATE VIEW runs AS SELECT 1 AS run_id;"), /runs/],
  ["one table's name in different letter case", changed(table("runs"), "CREATE TABLE Runs (distance REAL);"), /runs/i],
];

describe.each(["WAL", "DELETE"])("in journal mode %s", (mode) => {
  const journal = `PRAGMA journal_mode = ${mode}`;

  test.each(altered)(
    "a file of the reference with %s throws SCHEMA_MISMATCH with the difference and stays unchanged",
    (_, sql, difference) => {
      expectRefused(madeBy(journal, sql), "SCHEMA_MISMATCH", difference);
    },
  );

  test("a column added by hand to an older build's file throws SCHEMA_MISMATCH", () => {
    const file = written("webhook");
    migrateTo(file, oldest);
    execute(file, "ALTER TABLE briefs ADD COLUMN mine TEXT", journal);
    expectRefused(file, "SCHEMA_MISMATCH", /^briefs: has column mine TEXT$/);
  });

  test("an older build's file without one of its tables throws SCHEMA_MISMATCH", () => {
    const file = written("webhook");
    migrateTo(file, oldest);
    execute(file, "DROP TABLE workstreams", journal);
    expectRefused(file, "SCHEMA_MISMATCH", /workstreams/);
  });

  test("a current file without one of its tables throws SCHEMA_MISMATCH", () => {
    const file = written("webhook");
    migrateTo(file, known);
    execute(file, "DROP TABLE workstreams", journal);
    expectRefused(file, "SCHEMA_MISMATCH", /workstreams/);
  });
});

test("the unaltered schema that these files derive from is adopted", () => {
  const file = madeBy(reference);
  openBlackboard({ runId: "r", file }).close();
});

test("the message lists five differences, and the error has all of them", () => {
  const more = Array.from({ length: 7 }, (_, n) => `; ALTER TABLE runs ADD COLUMN c${n} TEXT`);
  const error = expectRefused(madeBy(reference + more.join("")), "SCHEMA_MISMATCH", /c6/);
  expect(error.differences).toHaveLength(7);
  expect(error.message).toMatch(/2 more/);
});
