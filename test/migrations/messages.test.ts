/** What the error for a file that is not migrated says: which differences, how many more, and what to do. */
import { MigrationError, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { execute, madeBy, newFile, opened, thrownBy } from "./files.ts";
import { followedBy, known } from "./made-up.ts";

function changed(...sql: string[]): string {
  const file = newFile();
  openBlackboard({ runId: "r", file }).close();
  execute(file, ...sql);
  return file;
}

function refused(file: string): MigrationError {
  const error = thrownBy(() => openBlackboard({ runId: "r", file }));
  if (!(error instanceof MigrationError)) throw error;
  return error;
}

const recreate = "Run `run-blackboard verify FILE --repair` to recreate them; the file was not changed.";
const undo = "Undo the change by hand, or restore a backup; the file was not changed.";
const columns = (count: number) => Array.from({ length: count }, (_, n) => `ALTER TABLE runs ADD COLUMN mine${n} TEXT`);

describe("the message for a changed schema", () => {
  test("names verify --repair if that can recreate every difference", () => {
    const file = changed("DROP INDEX briefs_by_age", "DROP TRIGGER events_tally_insert");
    const lines = ["index briefs_by_age: is missing", "trigger events_tally_insert: is missing"];
    const { code, message, differences } = refused(file);
    expect(code).toBe("SCHEMA_MISMATCH");
    expect(message).toBe(
      `The schema of ${file} differs from the one its migrations created: ${lines.join("; ")}. ${recreate}`,
    );
    expect(differences).toEqual(lines);
  });

  test("advises to undo the change if a repair would lose one of the differences", () => {
    const file = changed("DROP INDEX briefs_by_age", ...columns(1));
    expect(refused(file).message).toBe(
      `The schema of ${file} differs from the one its migrations created: runs: has column mine0 TEXT; ` +
        `index briefs_by_age: is missing. ${undo}`,
    );
  });

  test("has five differences and the number of the others", () => {
    const five = refused(changed(...columns(5)));
    expect(five.message).toContain("runs: has column mine3 TEXT; runs: has column mine4 TEXT. Undo");
    const seven = refused(changed(...columns(7)));
    expect(seven.message).toContain("mine4 TEXT; and 2 more in `differences`. Undo");
    expect(seven.message).not.toContain("mine5");
    expect(seven.differences).toHaveLength(7);
  });

  test("shortens a long difference and replaces control characters, which `differences` keeps", () => {
    const name = "a\u001b\n\u2028".padEnd(1100, "b");
    const { message, differences } = refused(changed(`ALTER TABLE runs ADD COLUMN "${name}" TEXT`));
    expect(differences).toEqual([`runs: has column ${name} TEXT`]);
    expect(message).toContain(`: runs: has column a???${"b".repeat(979)}…. Undo`);
    const exact = `runs: has column ${"c".repeat(978)} TEXT`;
    expect(exact).toHaveLength(1000);
    const { message: whole } = refused(changed(`ALTER TABLE runs ADD COLUMN ${"c".repeat(978)} TEXT`));
    expect(whole).toContain(`: ${exact}. Undo`);
  });

  test("has at most 500 characters of an index's SQL, in which each whitespace is one space", () => {
    const other = (condition: string) =>
      changed("DROP INDEX briefs_by_age", `CREATE INDEX briefs_by_age\n\t ON briefs (role) WHERE ${condition}`);
    const beginning = "CREATE INDEX briefs_by_age ON briefs (role) WHERE role <> '";
    const line = (text: string) => refused(other(`role <> '${text}'`)).differences?.[0];
    const most = 500 - beginning.length - 1;
    expect(line("x".repeat(most))).toBe(`index briefs_by_age: is ${beginning}${"x".repeat(most)}'`);
    expect(line("x".repeat(most + 1))).toBe(`index briefs_by_age: is ${beginning}${"x".repeat(most + 1)}…`);
  });

  test("names what has a missing object's name, but not a trigger, whose names are separate", () => {
    const away = "ALTER TABLE workstreams RENAME TO mine";
    const lines = (...sql: string[]) => refused(changed(...sql)).differences;
    expect(lines(away, "CREATE INDEX workstreams ON mine (name)")).toContain("workstreams: is an index workstreams");
    const trigger = (name: string) => `CREATE TRIGGER ${name} AFTER INSERT ON runs BEGIN SELECT 1; END`;
    expect(lines(away, trigger("workstreams"))).toContain("workstreams: lacks the table");
    expect(lines("DROP INDEX briefs_by_age", trigger("briefs_by_age"))).toEqual(["index briefs_by_age: is missing"]);
    expect(lines("DROP TRIGGER briefs_tally_insert", "CREATE TABLE briefs_tally_insert (n)")).toEqual([
      "trigger briefs_tally_insert: is missing",
    ]);
  });
});

describe("the differences of a table", () => {
  test("have no clause whose word is only in a comment, a text or a quoted name", () => {
    const added = [
      `"a ""CHECK"" b" TEXT`,
      "`c ``CHECK`` d` TEXT",
      "[e CHECK f] TEXT",
      "g TEXT DEFAULT 'it''s CHECK, it''s'",
      "h TEXT /* CHECK\n * CHECK **/ NULL",
      "i TEXT -- CHECK\n NULL",
    ];
    expect(refused(changed(...added.map((column) => `ALTER TABLE runs ADD COLUMN ${column}`))).differences).toEqual([
      'runs: has column a "CHECK" b TEXT',
      "runs: has column c `CHECK` d TEXT",
      "runs: has column e CHECK f TEXT",
      "runs: has column g TEXT DEFAULT 'it''s CHECK, it''s'",
      "runs: has column h TEXT",
      "runs: has column i TEXT",
    ]);
  });

  test("have each clause with single spaces, between whatever words it is", () => {
    const file = changed(
      "ALTER TABLE runs ADD COLUMN a TEXT COLLATE \n\t NOCASE /* one */ CHECK  (a <> 'b')",
      "ALTER TABLE runs ADD COLUMN b TEXT NULL ON \n CONFLICT \t IGNORE REFERENCES runs  DEFERRABLE INITIALLY  DEFERRED",
    );
    const { differences = [] } = refused(file);
    expect(differences.map((line) => line.replace(/ in CREATE TABLE .*/, " in …"))).toEqual([
      "runs: has column a TEXT",
      "runs: has column b TEXT",
      "runs: has key (b) to runs() on update NO ACTION on delete NO ACTION",
      "runs: has COLLATE NOCASE in …",
      "runs: has CHECK in …",
      "runs: has ON CONFLICT IGNORE",
      "runs: has INITIALLY DEFERRED",
    ]);
    const [collate = ""] = differences.filter((line) => line.includes("COLLATE NOCASE in"));
    expect(collate).toContain("a TEXT COLLATE NOCASE /* one */ CHECK (a <> 'b')");
  });
});

test("the message for a failing migration has the beginning of its statement and says that nothing changed", () => {
  const file = newFile();
  const sql = `INSERT INTO nowhere VALUES ('${"x".repeat(100)}')`;
  const list = followedBy(known, sql);
  const tag = list.at(-1)?.tag;
  const error = thrownBy(() => opened(file, list));
  expect(error).toMatchObject({ code: "MIGRATION_FAILED", migration: tag, statement: sql });
  expect(error).toHaveProperty(
    "message",
    `${tag} failed on ${file} at ${JSON.stringify(sql.slice(0, 60))}: no such table: nowhere. ` +
      "All pending migrations were rolled back; the file is unchanged.",
  );
});

describe("the message for a file of another program", () => {
  test("names at most five of its tables and views, and the tables of a blackboard", () => {
    const tables = ["one", "two", "three", "four", "five", "six"];
    const file = madeBy(...tables.map((name) => `CREATE TABLE ${name} (n)`), "CREATE INDEX n ON one (n)");
    const { code, message } = refused(file);
    expect(code).toBe("NOT_A_BLACKBOARD");
    expect(message).toBe(
      `${file} is not a blackboard: it contains one, two, three, four, five, but not the tables ` +
        "runs, workstreams, briefs, events. Specify a different file; this one was not changed.",
    );
    const view = madeBy(
      "CREATE VIEW looks AS SELECT 1 AS n",
      "CREATE TRIGGER t INSTEAD OF INSERT ON looks BEGIN SELECT 1; END",
    );
    expect(refused(view).message).toContain("it contains looks, but");
  });

  test("has the differences of tables that only have a blackboard's names", () => {
    const file = madeBy("CREATE TABLE Runs (n)", "CREATE VIEW events AS SELECT 1 AS n");
    const { code, message, differences } = refused(file);
    expect(code).toBe("SCHEMA_MISMATCH");
    expect(differences).toEqual(["runs: is a table Runs", "events: is a view events"]);
    expect(message).toBe(
      `${file} has a blackboard's table names, but a different schema: runs: is a table Runs; events: is a view events. ` +
        "Migrating would drop data that this version does not know about. Undo the change, or specify a different file; " +
        "this one was not changed.",
    );
  });
});
