/**
 * Tallies equal the row counts, whichever program wrote the rows; where triggers cannot ensure that, verify reports it
 * and repairs it.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { openBlackboard, verifyBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { execute, newFile, opened, rows, written } from "./files.ts";
import { followedBy, known, rebuildOfAll } from "./made-up.ts";

const counted = `
  SELECT run_id, 'workstreams' AS subject, status AS label, count(*) AS n FROM workstreams GROUP BY run_id, status
  UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
  UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind
  ORDER BY 1, 2, 3`;
const storedTallies = "SELECT run_id, subject, label, n FROM tallies WHERE n <> 0 ORDER BY 1, 2, 3";

function freshWithRuns(): string {
  const file = newFile();
  for (const runId of ["one", "two"]) {
    using board = openBlackboard({ runId, file, synchronous: "normal" });
    board.createRun("a goal");
  }
  return file;
}

const id = fc.integer({ min: 1, max: 4 });
const run = fc.constantFrom("one", "two", "nobody's");
const label = fc.constantFrom("pending", "done", "failed", "unheard of", "__proto__", "");
const table = fc.constantFrom("workstreams", "briefs", "events");
const keys = { workstreams: "workstream_id", briefs: "brief_id", events: "event_id" };
const labels = { workstreams: "status", briefs: "status", events: "kind" };
const others = {
  workstreams: ["name, tier, created_at, updated_at", "'n', 0, '', ''"],
  briefs: ["tier, role, created_at, updated_at", "0, 'r', '', ''"],
  events: ["created_at", "''"],
};

/** Statements of another program. One that fails changes nothing. */
const statement = fc.oneof(
  fc
    .tuple(fc.constantFrom("INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE"), table, id, run, label)
    .map(
      ([verb, name, key, runId, value]) =>
        `${verb} INTO ${name} (${keys[name]}, run_id, ${labels[name]}, ${others[name][0]}) ` +
        `VALUES ('${key}', '${runId.replace("'", "''")}', '${value}', ${others[name][1]})`,
    ),
  fc
    .tuple(fc.constantFrom("UPDATE", "UPDATE OR REPLACE"), table, id, label)
    .map(
      ([verb, name, key, value]) => `${verb} ${name} SET ${labels[name]} = '${value}' WHERE ${keys[name]} = '${key}'`,
    ),
  fc
    .tuple(table, id, fc.constantFrom("one", "two"), label)
    .map(
      ([name, key, runId, value]) =>
        `UPDATE ${name} SET run_id = '${runId}', ${labels[name]} = '${value}' WHERE ${keys[name]} <> '${key}'`,
    ),
  fc
    .tuple(fc.constantFrom("UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"), table, id, id)
    .map(([verb, name, from, to]) => `${verb} ${name} SET ${keys[name]} = '${to}' WHERE ${keys[name]} = '${from}'`),
  fc.tuple(table, id).map(([name, key]) => `DELETE FROM ${name} WHERE ${keys[name]} = '${key}'`),
  table.map((name) => `DELETE FROM ${name}`),
  fc.constantFrom("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s"),
);

describe("tallies", () => {
  test("equal the counts after another program wrote, undid or rolled back anything", () => {
    const file = freshWithRuns();
    const client = opened(file, known);
    client.pragma("foreign_keys = OFF");
    client.pragma("synchronous = OFF");
    client.pragma("recursive_triggers = ON");
    let refused = 0;
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 25 }), (texts) => {
        for (const text of texts) {
          try {
            client.exec(text);
          } catch {
            refused++;
          }
        }
        if (client.inTransaction) client.exec("COMMIT");
        expect(client.prepare(storedTallies).all()).toEqual(client.prepare(counted).all());
      }),
      { numRuns: 150 },
    );
    expect(refused).toBeGreaterThan(0);
    client.close();
    expect(verifyBlackboard({ file }).problems.filter(({ kind }) => kind === "tallies")).toEqual([]);
  });

  test("count the existing rows of an older file, including orphans", () => {
    for (const name of ["webhook", "orphans", "empty", "partial"] as const) {
      const file = written(name);
      opened(file, known).close();
      expect(rows(file, storedTallies)).toEqual(rows(file, counted));
    }
  });

  test("survive a rebuild of every table and continue to count", () => {
    const file = written("webhook");
    opened(file, followedBy(known, rebuildOfAll(known))).close();
    expect(rows(file, storedTallies)).toEqual(rows(file, counted));
    execute(file, "UPDATE briefs SET status = 'failed'", "DELETE FROM events WHERE seq < 3");
    expect(rows(file, storedTallies)).toEqual(rows(file, counted));
  });
});

/**
 * REPLACE of a brief by one with the same id: without `recursive_triggers` SQLite fires no delete trigger for the
 * first.
 */
function withSilentReplace(): string {
  const file = freshWithRuns();
  const brief = (status: string) =>
    `INSERT OR REPLACE INTO briefs (brief_id, run_id, tier, role, status, created_at, updated_at)
     VALUES ('b', 'one', 0, 'coder', '${status}', '', '')`;
  execute(file, brief("pending"), brief("done"));
  return file;
}

function command(...words: string[]): { status: number | null; stdout: string } {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  return spawnSync(process.execPath, ["--import", "tsx", main, ...words], { encoding: "utf8" });
}

describe("verify", () => {
  test("reports a row that REPLACE deleted without firing triggers, and changes nothing", () => {
    const file = withSilentReplace();
    const { problems } = verifyBlackboard({ file });
    expect(problems).toEqual([{ kind: "tallies", message: expect.stringMatching(/"one".*1 briefs "pending".*has 0/) }]);
    expect(verifyBlackboard({ file }).problems).toEqual(problems);
  });

  test("with repair recomputes the tallies, reports which were wrong, and then finds no problem", () => {
    const file = withSilentReplace();
    execute(
      file,
      "DELETE FROM tallies WHERE label = 'done'",
      "INSERT INTO tallies VALUES ('x', 'events', 'failed', -7)",
    );
    using board = openBlackboard({ runId: "one", file });
    expect(board.getRunSummary().briefs).toMatchObject({ pending: 1, done: 0 });
    const { problems, repaired } = verifyBlackboard({ file, repair: true });
    expect(problems).toEqual([]);
    expect(repaired).toHaveLength(3);
    expect(rows(file, storedTallies)).toEqual(rows(file, counted));
    expect(board.getRunSummary().briefs).toMatchObject({ pending: 0, done: 1 });
    expect(verifyBlackboard({ file, repair: true })).toMatchObject({ problems: [], repaired: [] });
  });

  test("--repair does the same on the command line", () => {
    const file = withSilentReplace();
    expect(command("verify", file)).toMatchObject({ status: 1, stdout: expect.stringContaining("tallies: ") });
    expect(command("verify", file, "--repair")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/no problems found[\s\S]*repaired tallies: /),
    });
    expect(command("verify", file)).toMatchObject({ status: 0 });
  });
});
