/** Splits a migration's text into statements as the database would, and rejects forbidden statements. */
import fc from "fast-check";
import { MigrationError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Dialect, refuseForbidden, splitStatements } from "../../src/engine/statements.ts";
import { migrateTo, newFile, rows, thrownBy, traceOf, written } from "./files.ts";
import { followedBy, known, madeUp } from "./made-up.ts";

const trigger = `CREATE TRIGGER t AFTER UPDATE ON runs BEGIN
  SELECT CASE WHEN new.status = 'done' THEN 'a; END;' ELSE "end" END;
  INSERT INTO audit VALUES (';'), (CASE 1 WHEN 1 THEN 2 END);
END`;

/** Texts that SQLite treats as one statement. */
const statements = [
  trigger,
  trigger.replace("CREATE TRIGGER", "create temp trigger"),
  trigger.replace("CREATE TRIGGER t", "CREATE /* ; */ TEMPORARY -- ;\n TRIGGER IF NOT EXISTS [trigger; end;]"),
  trigger.replace("END", "END /* of the case; END; */"),
  "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN DELETE FROM runs; -- END;\nEND",
  "EXPLAIN QUERY PLAN CREATE TRIGGER t AFTER DELETE ON runs BEGIN SELECT 1; END",
  "CREATE TABLE `trigger; end` (\"a;\"\"b\" TEXT, [c;'d] TEXT DEFAULT 'it''s; so')",
  "CREATE VIEW trigger_end AS SELECT 1 AS end_, 2 AS constructor",
  "CREATE INDEX i ON runs (CASE WHEN status = ';' THEN 1 END)",
  "SELECT CASE WHEN 1 THEN 2 END",
  "INSERT INTO runs VALUES ('--', '/*', \"*/\", `;`, -1 - -1)",
  "INSERT INTO runs VALUES ('é', 'ünï', Übersicht, $1$, a$b)",
  "UPDATE runs SET goal = '$$; $$', status = 'x' || char(59)",
];
const between = fc.constantFrom(";", " ; ", ";;\n;", "; -- a comment; with END;\n", ";/* ; END; */", ";\uFEFF\r\n\t");

describe("splitStatements", () => {
  test.each(statements)("keeps one statement whole: %s", (statement) => {
    expect(splitStatements(statement)).toEqual([statement]);
    expect(splitStatements(` -- first;\n${statement} /* last; */ ;\n`)).toEqual([statement]);
  });

  test("finds any statements, whatever is between them", () => {
    const drawn = fc.array(fc.tuple(fc.constantFrom(...statements), between), { minLength: 1 });
    const property = fc.property(drawn, (parts) => {
      expect(splitStatements(parts.flat().join(""))).toEqual(parts.map(([statement]) => statement));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("finds no statement in comments and white space", () => {
    for (const text of ["", " \n;;", "-- only; a comment", "/* SELECT 1; */", "/* not closed; SELECT 1"]) {
      expect(splitStatements(text)).toEqual([]);
    }
  });

  test("treats an unterminated token as extending to the end", () => {
    for (const text of [
      "SELECT 'a; SELECT 2",
      'SELECT "a; --',
      "SELECT [a; b",
      "CREATE TRIGGER t BEGIN SELECT 1; END2;",
    ])
      expect(splitStatements(text)).toEqual([text]);
  });

  test("reads megabytes in one string, and a hundred thousand statements", () => {
    const long = `INSERT INTO runs VALUES ('${"''; ".repeat(2_000_000)}')`;
    expect(splitStatements(`${long}; /*${"* ".repeat(2_000_000)}*/ SELECT 1`)).toEqual([long, "SELECT 1"]);
    expect(splitStatements("SELECT 1;".repeat(100_000))).toHaveLength(100_000);
  });

  test.each([
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN a := 'x; END; COMMIT;'; RETURN NEW; END $$",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $größe_1$ SELECT '$$; $größe$' $größe_1$",
    "CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION f()",
    "INSERT INTO runs VALUES (E'it\\'s; so', e'a''b;\\\\', 'C:\\')",
    "SELECT a$b$, c$b$, ARRAY[1, 2][1], '[', ARRAY['];']",
  ])("keeps one PostgreSQL statement whole: %s", (statement) => {
    expect(splitStatements(`${statement};\n-- then\n${statement};SELECT 1`, "postgres")).toEqual([
      statement,
      statement,
      "SELECT 1",
    ]);
  });
});

const forbidden = [
  "BEGIN",
  "begin immediate",
  "COMMIT",
  "END",
  "END TRANSACTION",
  "ROLLBACK",
  "ROLLBACK TO a",
  "SAVEPOINT a",
  "RELEASE a",
  "VACUUM",
  "VACUUM INTO 'copy.db'",
  "ATTACH 'other.db' AS other",
  "DETACH other",
  "PRAGMA journal_mode = DELETE",
  "PRAGMA/**/synchronous = OFF",
  "PRAGMA -- so\n writable_schema = 1",
  'PRAGMA "foreign_keys" = OFF',
  "PRAGMA main.foreign_keys = OFF",
];
/** Places that may conceal a forbidden statement. */
const places: [place: string, text: (statement: string) => string][] = [
  ["by itself", (statement) => statement],
  ["after comments", (statement) => `-- a\n/* b */ ${statement} -- c`],
  ["after another statement", (statement) => `CREATE TABLE first (n); ${statement}; CREATE TABLE last (n)`],
  ["after a breakpoint", (statement) => `CREATE TABLE first (n);--> statement-breakpoint\n${statement};`],
  ["after a trigger's END", (statement) => `${trigger}; ${statement}`],
  [
    "after a temporary trigger's END",
    (statement) => `${trigger.replace("CREATE", "CREATE TEMP")}/**/;/* END */${statement};`,
  ],
];

describe.each(places)("a forbidden statement in a migration, %s", (_, text) => {
  test.each(forbidden)("%s is rejected before anything is applied, and the file stays unchanged", (statement) => {
    const file = written("webhook");
    const before = traceOf(file);
    const list = followedBy(known, "CREATE TABLE second (n)", text(statement));
    const error = thrownBy(() => migrateTo(file, list));
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({
      code: "MIGRATION_FAILED",
      migration: list.at(-1)?.tag,
      statement,
      message: expect.stringContaining("Nothing was applied"),
    });
    expect(traceOf(file)).toEqual(before);
  });
});

test("a statement that only resembles a forbidden one is accepted", () => {
  const harmless = [
    "-- COMMIT;\n/* BEGIN; */",
    "CREATE TABLE words (\"COMMIT\" TEXT DEFAULT '; COMMIT; ')",
    "INSERT INTO words VALUES ('x; VACUUM')",
    "PRAGMA foreign_keys=OFF; PRAGMA /* */ foreign_keys = ON; PRAGMA user_version = 7",
    "SELECT 1 AS released, 2 AS ended",
  ];
  const file = newFile();
  migrateTo(file, followedBy(known, ...harmless));
  expect(rows(file, "SELECT * FROM words")).toEqual([{ COMMIT: "x; VACUUM" }]);
});

test.each<[Dialect, string]>([
  ["sqlite", "-- Nothing to do on this engine."],
  ["sqlite", ""],
  ["postgres", "/* Nothing. */ ;"],
])("a migration of comments only is accepted: %s %j", (dialect, text) => {
  refuseForbidden([madeUp("0000_made_up", 1, text)], "here", dialect);
  const list = followedBy(known, text);
  const file = newFile();
  migrateTo(file, list);
  expect(rows(file, "SELECT count(*) AS n FROM __drizzle_migrations")).toEqual([{ n: list.length }]);
});

test("a migration's triggers are created whole and fire", () => {
  const file = written("webhook");
  const list = followedBy(
    known,
    `CREATE TABLE audit (what TEXT);
     CREATE TRIGGER audit_runs AFTER UPDATE OF status ON runs WHEN new.status <> old.status BEGIN
       INSERT INTO audit VALUES (CASE WHEN new.status = 'done' THEN 'finished; END;' ELSE 'moved' END);
       UPDATE audit SET what = what || '.';
     END;
     UPDATE runs SET status = 'done';
     CREATE TRIGGER audit_more AFTER INSERT ON audit BEGIN SELECT 1; END;`,
  );
  migrateTo(file, list);
  expect(rows(file, "SELECT what FROM audit")).toEqual([{ what: "finished; END;." }]);
  expect(rows(file, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'audit_%'")).toHaveLength(2);
});

test("PostgreSQL's transaction statements are rejected too, except COMMIT inside a function body", () => {
  const refuse = (sql: string) => refuseForbidden([madeUp("0000_made_up", 1, sql)], "here", "postgres");
  for (const statement of ["START TRANSACTION", "START\n/**/TRANSACTION", "PREPARE TRANSACTION 'a'", "ABORT"]) {
    expect(thrownBy(() => refuse(`SELECT E'\\''; ${statement}; SELECT ''`))).toMatchObject({ statement });
  }
  refuse("CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$; SELECT 1;");
});
