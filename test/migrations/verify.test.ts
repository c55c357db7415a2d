/** What verify finds in the file itself and in its rows, and that only a repair writes. */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { FileError, openBlackboard, verifyBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { contentsOf, execute, migrateTo, newFile, rows, thrownBy, traceOf, written } from "./files.ts";
import { known } from "./made-up.ts";

function current(): string {
  const file = newFile();
  using board = openBlackboard({ runId: "run", file });
  board.createRun("a goal");
  return file;
}

const insertBrief = (id: string, run = "run") =>
  `INSERT INTO briefs (brief_id, run_id, tier, role, created_at, updated_at) VALUES ('${id}', '${run}', 0, 'coder', '', '')`;

/** Adds a row that an index lacks, as a damaged file may have: SQLite forgets the index for the time of the INSERT. */
function withoutIndexEntry(file: string): void {
  const client = new Database(file);
  client.unsafeMode();
  client.pragma("writable_schema = ON");
  client.exec("CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'briefs_by_age'");
  client.exec("DELETE FROM sqlite_schema WHERE name = 'briefs_by_age'");
  client.pragma("writable_schema = RESET");
  client.exec(insertBrief("b"));
  client.pragma("writable_schema = ON");
  client.exec("INSERT INTO sqlite_schema SELECT * FROM kept");
  client.pragma("writable_schema = RESET");
  client.exec("DROP TABLE kept");
  client.close();
}

test("an index without a row is an integrity problem, and then a repair changes nothing else either", () => {
  const file = current();
  withoutIndexEntry(file);
  execute(file, "DROP TRIGGER events_tally_insert");
  const before = traceOf(file);
  const problems = [
    { kind: "integrity", message: "wrong # of entries in index briefs_by_age" },
    { kind: "integrity", message: "row 1 missing from index briefs_by_age" },
    { kind: "schema", message: "trigger events_tally_insert: is missing" },
  ];
  const found = verifyBlackboard({ file });
  expect(found).toEqual({ location: file, state: "current", problems: expect.arrayContaining(problems) });
  expect(found.problems).toHaveLength(problems.length);
  expect(verifyBlackboard({ file, repair: true })).toEqual({ ...found, repaired: [] });
  expect(traceOf(file)).toEqual(before);
});

test("dangling references are counted by child and parent table, and a repair leaves them", () => {
  const file = current();
  execute(file, insertBrief("one", "gone"), insertBrief("two", "gone"));
  execute(file, "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e', 'gone', 'failed', '')");
  const before = contentsOf(file);
  const found = verifyBlackboard({ file });
  expect(found.problems.filter(({ kind }) => kind === "reference")).toEqual([
    { kind: "reference", message: "2 dangling references from briefs to runs" },
    { kind: "reference", message: "1 dangling reference from events to runs" },
  ]);
  expect(verifyBlackboard({ file, repair: true })).toEqual({ ...found, repaired: [] });
  expect(contentsOf(file)).toEqual(before);
});

test("wrong counts name the run, the rows, the stored and the real count; a repair recounts and leaves no companion", () => {
  const file = current();
  execute(file, insertBrief("b"), "UPDATE tallies SET n = 5 WHERE subject = 'briefs'");
  const problem = {
    kind: "tallies",
    message: 'run "run": tallies record 5 briefs "pending", but the table has 1',
  };
  expect(verifyBlackboard({ file }).problems).toEqual([problem]);
  expect(verifyBlackboard({ file, repair: true })).toEqual({
    location: file,
    state: "current",
    problems: [],
    repaired: [problem],
  });
  expect(readdirSync(dirname(file))).toEqual(["blackboard.db"]);
  expect(rows(file, "SELECT n FROM tallies WHERE subject = 'briefs'")).toEqual([{ n: 1 }]);
});

test("verify of an open file closes its connection: the last one to close removes the companions", () => {
  const file = current();
  const board = openBlackboard({ runId: "run", file });
  board.createBrief({ briefId: "b", tier: 0, role: "coder" });
  expect(verifyBlackboard({ file }).problems).toEqual([]);
  board.close();
  expect(readdirSync(dirname(file))).toEqual(["blackboard.db"]);
});

test("verify and a repair of a missing file throw NO_SUCH_FILE and create nothing", () => {
  const file = newFile();
  for (const repair of [false, true]) {
    const error = thrownBy(() => verifyBlackboard({ file, repair }));
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "NO_SUCH_FILE", file });
  }
  expect(readdirSync(dirname(file))).toEqual([]);
});

test("a file of the reference is verified without tallies, which it does not have", () => {
  const file = written("orphans");
  expect(verifyBlackboard({ file }).state).toBe("reference");
  expect(verifyBlackboard({ file }).problems.filter(({ kind }) => kind === "tallies" || kind === "schema")).toEqual([]);
  migrateTo(file, known);
  expect(verifyBlackboard({ file }).state).toBe("current");
});
