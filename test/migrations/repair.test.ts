/**
 * verify reports schema changes instead of rejecting the file; repair recreates indexes, triggers and tallies, recounts
 * what the triggers missed, and leaves unchanged what it cannot recreate without loss.
 */
import { openBlackboard, type Problem, verifyBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/sqlite/migrations/embedded.sqlite.ts";
import { contentsOf, execute, migrateTo, rows, thrownBy, traceOf, written } from "./files.ts";
import { known } from "./made-up.ts";

function adopted(list = known): string {
  const file = written("webhook");
  migrateTo(file, list);
  return file;
}

const schemaOf = (file: string) =>
  rows(file, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name");
const linesOf = (problems: readonly Problem[] = []) => problems.map(({ kind, message }) => `${kind}: ${message}`);
const namesOf = (type: string) => schema.filter((object) => object.type === type).map(({ name }) => name);

const storedTallies = "SELECT run_id, subject, label, n FROM tallies WHERE n <> 0 ORDER BY 1, 2, 3";
const counted = `
  SELECT run_id, 'workstreams' AS subject, status AS label, count(*) AS n FROM workstreams GROUP BY run_id, status
  UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
  UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind
  ORDER BY 1, 2, 3`;

/** Writes by another program while a trigger is missing. */
const missed = [
  "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e-1', 'webhook', 'failed', '')",
  "UPDATE briefs SET status = 'failed' WHERE rowid = 1",
  "DELETE FROM events WHERE kind = 'spawned'",
];

const reparable: [what: string, sql: string[], line: string][] = [
  ["a dropped index", ["DROP INDEX briefs_by_age"], "index briefs_by_age: is missing"],
  ["a dropped unique index", ["DROP INDEX events_event_id_unique"], "index events_event_id_unique: is missing"],
  [
    "an index of other columns",
    ["DROP INDEX briefs_by_age", "CREATE INDEX Briefs_By_Age ON briefs (role)"],
    "index briefs_by_age: is CREATE INDEX Briefs_By_Age ON briefs (role)",
  ],
  [
    "a dropped trigger, and what it did not count",
    ["DROP TRIGGER events_tally_insert", ...missed],
    "trigger events_tally_insert: is missing",
  ],
  [
    "a trigger that does nothing",
    [
      "DROP TRIGGER events_tally_delete",
      "CREATE TRIGGER events_tally_delete AFTER DELETE ON events BEGIN SELECT 1; END",
      ...missed,
    ],
    "trigger events_tally_delete: is CREATE TRIGGER events_tally_delete AFTER DELETE ON events BEGIN SELECT 1; END",
  ],
  ["dropped tallies", ["DROP TABLE tallies"], "tallies: lacks the table"],
  [
    "every index, every trigger and the tallies",
    [
      ...namesOf("index").map((name) => `DROP INDEX ${name}`),
      ...namesOf("trigger").map((name) => `DROP TRIGGER ${name}`),
      "DROP TABLE tallies",
      ...missed,
    ],
    "tallies: lacks the table",
  ],
];

describe("verify", () => {
  test.each(reparable)(
    "reports %s and changes nothing; with repair the schema equals that of the migrations",
    (_, sql, line) => {
      const file = adopted();
      const before = schemaOf(file);
      execute(file, ...sql);
      const trace = traceOf(file);
      const { problems, state } = verifyBlackboard({ file });
      expect(state).toBe("current");
      expect(linesOf(problems)).toContain(`schema: ${line}`);
      expect(traceOf(file)).toEqual(trace);

      const repair = verifyBlackboard({ file, repair: true });
      expect(repair.problems).toEqual([]);
      expect(repair.repaired).toEqual(problems);
      expect(schemaOf(file)).toEqual(before);
      expect(rows(file, storedTallies)).toEqual(rows(file, counted));
      using board = openBlackboard({ runId: "webhook", file });
      const failed = board.getRunSummary().events.failed;
      board.logEvent("failed");
      expect(board.getRunSummary().events.failed).toBe(failed + 1);
      expect(verifyBlackboard({ file, repair: true })).toMatchObject({ problems: [], repaired: [] });
    },
  );

  test("with repair does the same for an older build's file without migrating it", () => {
    const older = known.slice(0, 3);
    const file = adopted(older);
    const before = schemaOf(file);
    execute(file, "DROP INDEX briefs_leased");
    expect(verifyBlackboard({ file })).toMatchObject({
      state: "pending",
      problems: [{ kind: "schema", message: "index briefs_leased: is missing" }],
    });
    expect(verifyBlackboard({ file, repair: true })).toMatchObject({ state: "pending", problems: [] });
    expect(schemaOf(file)).toEqual(before);
  });

  const users: [what: string, sql: string[], line: RegExp][] = [
    ["a column", ["ALTER TABLE briefs ADD COLUMN mine TEXT"], /^briefs: has column mine TEXT$/],
    ["a table that was renamed", ["ALTER TABLE workstreams RENAME TO streams"], /^workstreams: lacks the table$/],
    [
      "a dropped column that is counted",
      ["ALTER TABLE events RENAME COLUMN kind TO sort"],
      /^events: lacks column kind/,
    ],
    ["a column of tallies", ["ALTER TABLE tallies ADD COLUMN mine TEXT"], /^tallies: has column mine TEXT$/],
    [
      "a view in place of tallies",
      ["DROP TABLE tallies", "CREATE VIEW tallies AS SELECT 1 AS n"],
      /^tallies: is a view tallies$/,
    ],
    [
      "a user's trigger of our name on a different table",
      [
        "DROP TRIGGER briefs_tally_insert",
        "CREATE TRIGGER briefs_tally_insert AFTER INSERT ON runs BEGIN SELECT 1; END",
      ],
      /^trigger briefs_tally_insert: is on runs, not on briefs$/,
    ],
    [
      "a user's table of an index's name",
      ["DROP INDEX briefs_by_age", "CREATE TABLE briefs_by_age (n)"],
      /^index briefs_by_age: is a table briefs_by_age$/,
    ],
  ];
  test.each(users)("with repair reports %s, which it would lose, and leaves it unchanged", (_, sql, line) => {
    const file = adopted();
    execute(file, ...sql);
    const before = contentsOf(file);
    const { problems, repaired } = verifyBlackboard({ file, repair: true });
    expect(problems).toContainEqual({ kind: "schema", message: expect.stringMatching(line) });
    expect(repaired).toEqual([]);
    expect(contentsOf(file)).toEqual(before);
    expect(thrownBy(() => openBlackboard({ runId: "webhook", file }))).toMatchObject({ code: "SCHEMA_MISMATCH" });
  });

  test("with repair explains why a unique index over duplicate keys cannot be created, and creates the others", () => {
    const file = adopted();
    const twice = "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('twice', 'webhook', 'failed', '')";
    execute(file, "DROP INDEX events_event_id_unique", "DROP TRIGGER events_tally_insert", twice, twice);
    const { problems, repaired } = verifyBlackboard({ file, repair: true });
    expect(linesOf(problems)).toEqual([
      expect.stringMatching(
        /^schema: index events_event_id_unique: is missing; it cannot be created: UNIQUE constraint/,
      ),
    ]);
    expect(linesOf(repaired)).toContain("schema: trigger events_tally_insert: is missing");
    expect(rows(file, storedTallies)).toEqual(rows(file, counted));
    execute(file, "DELETE FROM events WHERE rowid = (SELECT max(rowid) FROM events)");
    expect(verifyBlackboard({ file, repair: true })).toMatchObject({ problems: [] });
  });

  test("with repair keeps users' own objects on repaired tables", () => {
    const file = adopted();
    const users = [
      "CREATE INDEX mine ON briefs (role)",
      "CREATE TRIGGER note AFTER INSERT ON tallies BEGIN SELECT 1; END",
    ];
    execute(file, ...users, "DROP INDEX briefs_by_age", "DROP TRIGGER events_tally_insert");
    verifyBlackboard({ file, repair: true });
    const sql = rows<{ sql: string }>(file, "SELECT sql FROM sqlite_schema").map((row) => row.sql);
    for (const text of users) expect(sql).toContain(text);
  });
});
