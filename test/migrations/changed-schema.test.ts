/**
 * Blackboards whose tables, indexes or triggers were changed by hand, current or older: every function that opens one
 * rejects it, names the differences and leaves it unchanged.
 */
import Database from "better-sqlite3";
import {
  copyRun,
  exportRun,
  importRun,
  listRuns,
  MigrationError,
  openBlackboard,
  pruneRuns,
  viewBlackboard,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { execute, migrateTo, newFile, opened, rows, thrownBy, traceOf, written } from "./files.ts";
import { followedBy, known, rebuildOfAll } from "./made-up.ts";
import { expectRefused } from "./refused.ts";

/** Recreates a table with different SQL and keeps its rows, indexes and triggers. */
function remade(table: string, from: string | RegExp, to: string): (file: string) => void {
  return (file) => {
    const client = new Database(file);
    try {
      client.pragma("foreign_keys = OFF");
      const sqlOf = client.prepare<[string], string>(
        "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type <> 'table'",
      );
      const [sql = "", ...others] = sqlOf.pluck().all(table);
      const changed = sql.replace(from, to);
      if (changed === sql) throw new Error(`there is no ${from} in ${sql}`);
      const columnsOf = client.prepare<[string], string>("SELECT name FROM pragma_table_info(?)").pluck();
      const before = columnsOf.all(table);
      client.exec(`CREATE TABLE copied AS SELECT * FROM "${table}"; DROP TABLE "${table}"; ${changed}`);
      const columns = columnsOf.all(table).filter((column) => before.includes(column));
      client.exec(`INSERT INTO "${table}" (${columns}) SELECT ${columns} FROM copied; DROP TABLE copied`);
      for (const other of others) client.exec(other);
    } finally {
      client.close();
    }
  };
}
const by =
  (...texts: string[]) =>
  (file: string) =>
    execute(file, ...texts);

type Change = [what: string, change: (file: string) => void, difference: RegExp];

/** Changes to objects that every build from 0002 on has. */
const ofTables: Change[] = [
  ["a column added by hand", by("ALTER TABLE briefs ADD COLUMN mine TEXT"), /^briefs: has column mine TEXT$/],
  [
    "a generated column",
    by("ALTER TABLE briefs ADD COLUMN loud AS (upper(role))"),
    /^briefs: has column loud .*GENERATED$/,
  ],
  [
    "a column dropped",
    by("ALTER TABLE workstreams DROP COLUMN owner_agent_id"),
    /^workstreams: lacks column owner_agent_id TEXT$/,
  ],
  [
    "a column renamed",
    by("ALTER TABLE runs RENAME COLUMN goal TO aim"),
    /^runs: lacks column goal TEXT NOT NULL\nruns: has column aim TEXT NOT NULL$/,
  ],
  ["a different type", remade("runs", /(goal`?) +text/i, "$1 blob"), /runs: has column goal BLOB NOT NULL/],
  ["a different default", remade("briefs", /(retry_count.*)DEFAULT 0/i, "$1DEFAULT 7"), /DEFAULT 7/],
  ["a NOT NULL taken away", remade("runs", /(goal`? +text) NOT NULL/i, "$1"), /runs: has column goal TEXT$/],
  ["a CHECK", remade("runs", /(goal`? +text)/i, "$1 CHECK (goal <> '')"), /^runs: has CHECK/],
  ["a COLLATE", remade("runs", /(run_id`? +text)/i, "$1 COLLATE NOCASE"), /^runs: has COLLATE NOCASE/],
  ["a UNIQUE", remade("workstreams", /(name`? +text)/i, "$1 UNIQUE"), /^workstreams: has unique \(name\)$/],
  [
    "a conflict clause",
    remade("runs", "PRIMARY KEY", "PRIMARY KEY ON CONFLICT REPLACE"),
    /^runs: has ON CONFLICT REPLACE$/,
  ],
  ["no AUTOINCREMENT", remade("events", "AUTOINCREMENT", ""), /^events: lacks AUTOINCREMENT$/],
  ["a deferred key", remade("briefs", /(REFERENCES[^)]*\))[^)]*/i, "$1 DEFERRABLE INITIALLY DEFERRED"), /DEFERRED$/],
  ["a key that cascades", remade("briefs", /(REFERENCES[^)]*\))[^)]*/i, "$1 ON DELETE CASCADE"), /on delete CASCADE/],
  ["a STRICT table", remade("runs", /\)$/, ") STRICT"), /runs: has kind table STRICT/],
  ["a WITHOUT ROWID table", remade("runs", /\)$/, ") WITHOUT ROWID"), /runs: has kind table WITHOUT ROWID/],
  ["a table renamed", by("ALTER TABLE workstreams RENAME TO streams"), /^workstreams: lacks the table$/],
  [
    "a table in different letter case",
    by("ALTER TABLE runs RENAME TO r", "ALTER TABLE r RENAME TO Runs"),
    /(^|\n)runs: is a table Runs($|\n)/,
  ],
  [
    "a view for a table",
    by("DROP TABLE workstreams", "CREATE VIEW workstreams AS SELECT 1 AS n"),
    /^workstreams: is a view workstreams$/,
  ],
  [
    "all four tables dropped",
    by("DROP TABLE events", "DROP TABLE briefs", "DROP TABLE workstreams", "DROP TABLE runs"),
    /runs: lacks the table/,
  ],
  ["an index dropped", by("DROP INDEX briefs_by_status"), /^index briefs_by_status: is missing$/],
  ["a unique index dropped", by("DROP INDEX events_event_id_unique"), /^index events_event_id_unique: is missing$/],
  [
    "an index of other columns",
    by("DROP INDEX briefs_by_status", "CREATE INDEX briefs_by_status ON briefs (run_id)"),
    /^index briefs_by_status: is CREATE INDEX briefs_by_status ON briefs \(run_id\)$/,
  ],
  [
    "an index without its condition",
    by("DROP INDEX briefs_leased", "CREATE INDEX briefs_leased ON briefs (run_id, lease_expires_at, brief_id)"),
    /^index briefs_leased: is CREATE INDEX/,
  ],
  [
    "an index's name on a different table",
    by("DROP INDEX briefs_leased", "CREATE INDEX briefs_leased ON runs (goal)"),
    /^index briefs_leased: is on runs, not on briefs$/,
  ],
  [
    "a table of an index's name",
    by("DROP INDEX briefs_leased", "CREATE TABLE briefs_leased (n)"),
    /^index briefs_leased: is a table briefs_leased$/,
  ],
];

/** Changes to objects that only a current file has. */
const ofTriggers: Change[] = [
  ["tallies dropped", by("DROP TABLE tallies"), /^tallies: lacks the table$/],
  [
    "tallies as a view",
    by("DROP TABLE tallies", "CREATE VIEW tallies AS SELECT '' AS run_id, '' AS subject, '' AS label, 0 AS n"),
    /^tallies: is a view tallies$/,
  ],
  [
    "tallies without their key",
    remade("tallies", /,\s*PRIMARY KEY[^\n]*/, ""),
    /tallies: has column run_id TEXT NOT NULL/,
  ],
  ["tallies renamed", by("ALTER TABLE tallies RENAME TO counts"), /tallies: lacks the table/],
  ["a trigger dropped", by("DROP TRIGGER briefs_tally_update"), /^trigger briefs_tally_update: is missing$/],
  [
    "a trigger that does nothing",
    by(
      "DROP TRIGGER briefs_tally_insert",
      "CREATE TRIGGER briefs_tally_insert AFTER INSERT ON briefs BEGIN SELECT 1; END",
    ),
    /^trigger briefs_tally_insert: is CREATE TRIGGER briefs_tally_insert AFTER INSERT ON briefs BEGIN SELECT 1; END$/,
  ],
  [
    "a trigger's name on a different table",
    by(
      "DROP TRIGGER briefs_tally_insert",
      "CREATE TRIGGER briefs_tally_insert AFTER INSERT ON runs BEGIN SELECT 1; END",
    ),
    /^trigger briefs_tally_insert: is on runs, not on briefs$/,
  ],
  [
    "two changes",
    by("DROP INDEX briefs_by_age", "DROP TRIGGER events_tally_insert"),
    /^index briefs_by_age: is missing\ntrigger events_tally_insert: is missing$/,
  ],
];

/** A file adopted or created by the build with these migrations. */
const makes: [string, (list: typeof known) => string][] = [
  [
    "adopted",
    (list) => {
      const file = written("webhook");
      migrateTo(file, list);
      return file;
    },
  ],
  [
    "made here",
    (list) => {
      const file = newFile();
      migrateTo(file, list);
      execute(file, "INSERT INTO runs VALUES ('webhook', 'a goal', 'active', '', '')");
      return file;
    },
  ],
];

describe.each(makes)("a current file that was %s", (_, make) => {
  test.each([...ofTables, ...ofTriggers])(
    "throws SCHEMA_MISMATCH from %s and names the change",
    (_, change, difference) => {
      const file = make(known);
      change(file);
      expectRefused(file, "SCHEMA_MISMATCH", difference);
    },
  );
});

describe.each(makes)("a file of an older build that was %s", (_, make) => {
  const older = known.slice(0, 3);
  test.each(ofTables)("throws SCHEMA_MISMATCH from %s and names the change", (_, change, difference) => {
    const file = make(older);
    change(file);
    expectRefused(file, "SCHEMA_MISMATCH", difference);
  });

  test.each(ofTriggers)("is rejected by %s of a build with one more migration", (_, change, difference) => {
    const file = make(known);
    change(file);
    const before = traceOf(file);
    const newer = followedBy(known, "CREATE TABLE more (n)");
    for (const mode of ["auto", "check", "readonly"] as const) {
      const error = thrownBy(() => opened(file, newer, { mode }));
      expect(error).toMatchObject({ code: "SCHEMA_MISMATCH", location: file });
      expect(error instanceof MigrationError && error.differences?.join("\n")).toMatch(difference);
      if (mode === "auto") expect(traceOf(file)).toEqual(before);
    }
  });
});

describe("functions that open a file temporarily", () => {
  const root = () => {
    const folder = temporaryFolder();
    const board = openBlackboard({ runId: "changed", root: folder });
    board.createRun("a goal");
    board.updateRunStatus("done");
    board.close();
    execute(board.location, "DROP TRIGGER events_tally_insert");
    return { folder, file: board.location };
  };
  const refusal = { code: "SCHEMA_MISMATCH", differences: ["trigger events_tally_insert: is missing"] };

  test("exportRun, importRun and copyRun, in both directions, reject it", async () => {
    const { file } = root();
    const source = newFile();
    using board = openBlackboard({ runId: "other", file: source });
    board.createRun("another goal");
    const text: string[] = [];
    for await (const chunk of exportRun({ file: source })) text.push(chunk);
    const calls: (() => unknown)[] = [
      async () => {
        for await (const _ of exportRun({ file }));
      },
      () => copyRun({ file }, { file: newFile() }),
      () => copyRun({ file: source }, { file }),
      () => importRun(text, { file }),
    ];
    for (const call of calls) await expect(Promise.resolve().then(call)).rejects.toMatchObject(refusal);
    expect(rows(file, "SELECT run_id FROM runs")).toEqual([{ run_id: "changed" }]);
  });

  test("listRuns and pruneRuns report it, and prune keeps it", () => {
    const { folder, file } = root();
    expect(listRuns({ root: folder })).toMatchObject([{ runId: "changed", error: refusal }]);
    pruneRuns({ root: folder, olderThanMs: 0 });
    expect(rows(file, "SELECT run_id FROM runs")).toEqual([{ run_id: "changed" }]);
  });
});

describe("accepted differences", () => {
  test("include white space, letter case, comments and quotes in an index or trigger that was recreated by hand", () => {
    const file = newFile();
    openBlackboard({ runId: "r", file }).close();
    execute(
      file,
      "DROP INDEX briefs_by_status",
      "create  index [briefs_by_status] on briefs(run_id, STATUS, /* oldest first */ created_at, brief_id) -- by hand",
      "DROP TRIGGER events_tally_delete",
      `CREATE TRIGGER "events_tally_delete" after delete on "events" begin
         update tallies set n=n-1 where run_id=old.run_id and subject='events' and label=old.kind; end`,
    );
    openBlackboard({ runId: "r", file }).close();
  });

  test("include users' objects of any kind, even on the package's tables or with a trigger of a table's name, and statistics", () => {
    const file = newFile();
    openBlackboard({ runId: "r", file }).close();
    execute(
      file,
      "CREATE TABLE notes (brief TEXT REFERENCES briefs (brief_id))",
      "CREATE UNIQUE INDEX mine ON briefs (brief_id, role)",
      "CREATE INDEX on_tallies ON tallies (n)",
      "CREATE VIEW failed AS SELECT * FROM briefs WHERE status = 'failed'",
      "CREATE TRIGGER runs AFTER INSERT ON runs BEGIN SELECT 'CHECK'; END",
      "CREATE TRIGGER briefs_by_age AFTER INSERT ON tallies BEGIN SELECT 1; END",
      "ANALYZE",
    );
    openBlackboard({ runId: "r", file }).close();
    viewBlackboard({ runId: "r", file }).close();
    migrateTo(file, followedBy(known, rebuildOfAll(known)));
  });

  test("include the effects of VACUUM and of renaming a table back and forth", () => {
    const file = newFile();
    openBlackboard({ runId: "r", file }).close();
    execute(file, "VACUUM", "ALTER TABLE briefs RENAME TO b", "ALTER TABLE b RENAME TO briefs");
    openBlackboard({ runId: "r", file }).close();
  });
});
