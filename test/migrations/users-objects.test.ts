/** Indexes, triggers, views and tables added by users survive every migration with their SQL and continue to work. */
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { statementsOf } from "../../src/engine/statements.ts";
import { contentsOf, execute, migrateTo, opened, rows, thrownBy, written } from "./files.ts";
import { followedBy, known, madeUp, rebuildOfAll } from "./made-up.ts";

const list = followedBy(known, rebuildOfAll(known), rebuildOfAll(known));

const users = [
  "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)",
  "CREATE TABLE settings (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID",
  `CREATE TABLE "quote "" and space" ("odd ]name" TEXT, 'single' TEXT)`,
  "CREATE VIRTUAL TABLE search USING fts5(goal)",
  // Indexes on the rebuilt tables and on the user's own.
  "CREATE INDEX by_kind ON events (kind, created_at DESC)",
  "CREATE UNIQUE INDEX once_per_run ON events (run_id, event_id)",
  "CREATE INDEX only_failed ON events (brief_id) WHERE kind = 'failed'",
  "CREATE INDEX by_expression ON events (json_extract(detail, '$.reason'), lower(kind) COLLATE NOCASE)",
  "CREATE INDEX open_briefs ON briefs (tier) WHERE status IN ('pending', 'active')",
  `CREATE INDEX "quote "" index" ON "quote "" and space" ("odd ]name")`,
  // Views on the package's tables, on views, and a writable one.
  "CREATE VIEW failures AS SELECT * FROM events WHERE kind = 'failed'",
  "CREATE VIEW failures_of_briefs AS SELECT briefs.role, count(*) AS n FROM failures JOIN briefs USING (brief_id) GROUP BY 1",
  "CREATE VIEW both AS SELECT (SELECT n FROM failures_of_briefs) AS n, (SELECT count(*) FROM runs) AS runs",
  `CREATE VIEW "quote "" view" AS SELECT * FROM "quote "" and space"`,
  // Triggers on the package's tables, on the user's tables that name the package's, and on views.
  "CREATE TRIGGER note_events AFTER INSERT ON events BEGIN INSERT INTO audit (what) VALUES ('event ' || new.kind); END",
  `CREATE TRIGGER note_briefs AFTER UPDATE OF status ON briefs WHEN new.status = 'failed' BEGIN
     INSERT INTO audit (what) VALUES (CASE WHEN old.status = 'done' THEN 'undone; END' ELSE 'failed' END);
     UPDATE audit SET what = what || ';' WHERE id = last_insert_rowid();
   END`,
  `CREATE TRIGGER mark_brief AFTER INSERT ON settings BEGIN
     UPDATE briefs SET role = new.value WHERE brief_id = new.name;
     INSERT INTO audit (what) SELECT kind FROM events WHERE brief_id = new.name;
   END`,
  `CREATE TRIGGER write_failures INSTEAD OF INSERT ON failures BEGIN
     INSERT INTO audit (what) VALUES ('failure by the view');
   END`,
  'CREATE TRIGGER "quote "" trigger" AFTER DELETE ON "quote "" and space" BEGIN SELECT count(*) FROM runs; END',
];

function withUsersObjects(): string {
  const file = written("webhook");
  execute(file, ...users, "INSERT INTO settings VALUES ('a', 1)", `INSERT INTO "quote "" and space" VALUES ('x', 'y')`);
  return file;
}

const ofUsers = (file: string) =>
  rows<{ type: string; name: string; sql: string }>(
    file,
    "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
  )
    .filter(({ sql }) => users.includes(sql))
    .map(({ type, name, sql }) => ({ type, name, sql }));

describe.each([
  ["a file of the reference", withUsersObjects],
  [
    "a file of an older build",
    () => {
      const file = withUsersObjects();
      migrateTo(file, known);
      return file;
    },
  ],
] as const)("objects that users added to %s", (_, make) => {
  test("are all present with the same SQL after every table was rebuilt", () => {
    const file = make();
    const before = ofUsers(file);
    expect(before).toHaveLength(users.length);
    migrateTo(file, list);
    expect(ofUsers(file)).toEqual(before);
    migrateTo(file, followedBy(list, rebuildOfAll(list)));
    expect(ofUsers(file)).toEqual(before);
    expect(rows(file, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  test("continue to work: indexes find and reject, triggers fire, views read and write", () => {
    const client = opened(make(), list);
    client.exec("DELETE FROM audit");
    const audit = () => client.prepare("SELECT what FROM audit ORDER BY id").pluck().all();
    const brief = client.prepare<[], string>("SELECT brief_id FROM briefs WHERE status = 'done'").pluck().get();

    client.exec("INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e-1', 'webhook', 'failed', '')");
    expect(audit()).toEqual(["event failed"]);
    client.prepare("UPDATE briefs SET status = 'failed' WHERE brief_id = ?").run(brief);
    expect(audit()).toEqual(["event failed", "undone; END;"]);
    client.exec("INSERT INTO failures (event_id) VALUES ('e-2')");
    expect(audit().at(-1)).toBe("failure by the view");
    client.prepare("INSERT INTO settings VALUES (?, 'marked')").run(brief);
    expect(client.prepare("SELECT role FROM briefs WHERE brief_id = ?").pluck().get(brief)).toBe("marked");
    expect(client.prepare("SELECT count(*) FROM failures").pluck().get()).toBe(2);
    expect(client.prepare("SELECT runs FROM both").pluck().get()).toBe(1);
    expect(client.prepare(`SELECT * FROM "quote "" view"`).all()).toEqual([{ "odd ]name": "x", single: "y" }]);
    const plan = client.prepare("EXPLAIN QUERY PLAN SELECT * FROM events WHERE kind = 'failed'").all();
    expect(JSON.stringify(plan)).toContain("by_kind");
    client.close();
  });
});

test("a user's unique index continues to reject duplicates after a rebuild", () => {
  const file = written("webhook");
  execute(file, "CREATE UNIQUE INDEX one_goal ON runs (goal)");
  migrateTo(file, list);
  const twice = () => execute(file, "INSERT INTO runs SELECT 'other', goal, status, created_at, updated_at FROM runs");
  expect(twice).toThrow(/UNIQUE constraint failed: runs.goal/);
});

const misfits: [what: string, object: string, sql: string, name: RegExp][] = [
  [
    "an index on a column that is dropped",
    "CREATE INDEX by_goal ON runs (goal)",
    `${rebuildOfAll(known)}--> statement-breakpoint\nDROP INDEX IF EXISTS by_goal; ALTER TABLE runs DROP COLUMN goal`,
    /index "by_goal"/,
  ],
  [
    "a trigger on a table that is dropped",
    "CREATE TRIGGER mine AFTER INSERT ON tallies BEGIN SELECT 1; END",
    "DROP TABLE tallies",
    /trigger "mine"/,
  ],
  ["a view of a new table's name", "CREATE VIEW plans AS SELECT 1 AS n", "CREATE TABLE plans (n)", /view "plans"/],
  [
    "a trigger of a new trigger's name",
    "CREATE TRIGGER noted AFTER INSERT ON runs BEGIN SELECT 'mine'; END",
    "CREATE TRIGGER noted AFTER INSERT ON runs BEGIN SELECT 'ours'; END",
    /trigger "noted"/,
  ],
];

test.each(misfits)(
  "%s causes MIGRATION_FAILED, which names it, the migration and its statement; nothing is lost",
  (_, object, sql, name) => {
    const file = written("webhook");
    migrateTo(file, known);
    execute(file, object);
    const before = contentsOf(file);
    const newer = followedBy(known, "CREATE TABLE first (n)", sql, "CREATE TABLE last (n)");
    const statement = statementsOf(madeUp("", 0, sql)).at(-1);
    const error = thrownBy(() => migrateTo(file, newer));
    expect(error).toMatchObject({
      code: "MIGRATION_FAILED",
      location: file,
      migration: newer[known.length + 1]?.tag,
      statement,
      message: expect.stringMatching(name),
      cause: expect.objectContaining({ code: expect.stringMatching(/^SQLITE_/) }),
    });
    expect(contentsOf(file)).toEqual(before);
  },
);

test("a view that was already broken does not prevent a migration and is kept", () => {
  const file = written("webhook");
  const broken = "CREATE VIEW broken AS SELECT * FROM nowhere";
  execute(file, broken, "CREATE TRIGGER odd AFTER INSERT ON runs BEGIN INSERT INTO nowhere VALUES (1); END");
  migrateTo(file, list);
  expect(rows(file, "SELECT sql FROM sqlite_schema WHERE name = 'broken'")).toEqual([{ sql: broken }]);
});

test("objects that users dropped, or that a migration drops, are not recreated", () => {
  const file = written("webhook");
  execute(file, "CREATE VIEW gone AS SELECT 1", "DROP VIEW gone");
  const made = followedBy(known, "CREATE VIEW ours AS SELECT 1; CREATE INDEX ours_by_goal ON runs (goal)");
  migrateTo(file, made);
  migrateTo(file, followedBy(made, "DROP VIEW ours; DROP INDEX ours_by_goal", rebuildOfAll(known)));
  expect(rows(file, "SELECT name FROM sqlite_schema WHERE name IN ('gone', 'ours', 'ours_by_goal')")).toEqual([]);
});

test("a blackboard in such a file works, and its writes fire users' triggers", () => {
  const file = withUsersObjects();
  using board = openBlackboard({ runId: "webhook", file });
  board.logEvent("retried");
  const { n } = board.drizzle.$client.prepare("SELECT count(*) AS n FROM audit WHERE what = 'event retried'").get() as {
    n: number;
  };
  expect(n).toBeGreaterThanOrEqual(1);
});
