/** Adopting files of the Python reference: the result is the same as a file created by this package. */
import { readFileSync } from "node:fs";
import { migrateBlackboard, migrationStatus, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { statementsOf } from "../../src/engine/statements.ts";
import { differences, readObjects, replay } from "../../src/sqlite/migrations/schema.ts";
import { execute, type Fixture, madeBy, newFile, opened, rows, written } from "./files.ts";
import { fourTables, known, oldest } from "./made-up.ts";

const tags = known.map(({ tag }) => tag);
const expected = JSON.parse(readFileSync(new URL("../fixtures/python/expected.json", import.meta.url), "utf8"));

/** The reference's own CREATE TABLE statements, copied from its code. */
const source = readFileSync(new URL("../fixtures/reference/blackboard.py", import.meta.url), "utf8");
const referenceTables = [...source.matchAll(/CREATE TABLE IF NOT EXISTS (\w+) \([\s\S]*?\n\);/g)].map(([sql]) => sql);

/**
 * Compares with a file created here: same tables, indexes and triggers, to the letter where migrations created them.
 */
function expectLikeFresh(file: string): void {
  const fresh = newFile();
  openBlackboard({ runId: "fresh", file: fresh }).close();
  const [adopted, made] = [opened(file, known), opened(fresh, known)];
  try {
    expect(differences(adopted, made, fourTables)).toEqual([]);
    expect(differences(made, adopted, fourTables)).toEqual([]);
    const others = (client: typeof made) => readObjects(client).filter(({ type }) => type !== "table");
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(others(adopted).sort(byName)).toEqual(others(made).sort(byName));
    const names = (client: typeof made) => readObjects(client).map(({ name }) => name);
    expect(names(adopted).sort()).toEqual(names(made).sort());
    expect(adopted.pragma("journal_mode", { simple: true })).toBe("wal");
  } finally {
    adopted.close();
    made.close();
  }
}

test.each(["webhook", "empty", "orphans", "partial"] as Fixture[])(
  "the reference's file %s is adopted and then equals a new file",
  (name) => {
    const file = written(name);
    expect(migrationStatus({ file })).toEqual({ location: file, state: "reference", applied: [], pending: tags });
    expect(migrateBlackboard({ file })).toEqual({ location: file, state: "current", applied: tags, pending: [] });
    expect(migrationStatus({ file })).toMatchObject({ state: "current", pending: [] });
    expectLikeFresh(file);
  },
);

test("an adopted file has the rows that the reference reads, and its events keep their order", () => {
  const file = written("webhook");
  const before = rows<{ event_id: string }>(file, "SELECT event_id FROM events ORDER BY rowid");
  using board = openBlackboard({ runId: "webhook", file });
  const { workstreams, briefs, events, goal, status } = board.getRunSummary();
  expect({ goal, status }).toEqual({ goal: expected.webhook.goal, status: expected.webhook.status });
  expect(workstreams).toMatchObject(expected.webhook.workstreams);
  expect(briefs).toMatchObject(expected.webhook.briefs);
  expect(events).toMatchObject(expected.webhook.events);
  const { items } = board.listEvents({ limit: 1000 });
  expect(items.map(({ eventId }) => eventId)).toEqual(before.map(({ event_id }) => event_id));
  expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));
});

describe("a file with some of the reference's four tables", () => {
  const subsets = Array.from({ length: 15 }, (_, n) => referenceTables.filter((_table, bit) => ((n + 1) >> bit) & 1));

  test("is completed with any subset of the tables and then equals a new file", () => {
    expect(referenceTables).toHaveLength(4);
    for (const tables of subsets) {
      const file = madeBy("PRAGMA journal_mode = WAL", ...tables);
      expect(migrationStatus({ file })).toMatchObject({ state: "reference", pending: tags });
      openBlackboard({ runId: "partial", file }).close();
      expectLikeFresh(file);
    }
  });

  test("keeps its rows, including those that refer to a missing table", () => {
    for (const tables of subsets) {
      const file = madeBy(...tables);
      const has = (table: string) => tables.some((sql) => sql.includes(`EXISTS ${table} `));
      if (has("events"))
        execute(file, "INSERT INTO events VALUES ('e', 'partial', 'b', 'spawned', NULL, '2026-11-22')");
      if (has("briefs")) {
        execute(
          file,
          "INSERT INTO briefs VALUES ('b', 'partial', NULL, NULL, 1, 'r', 'done', NULL, NULL, 2, '2026-11-22', '2026-11-22')",
        );
      }
      using board = openBlackboard({ runId: "partial", file });
      if (has("events")) expect(board.listEvents().items).toMatchObject([{ eventId: "e", briefId: "b", seq: 1 }]);
      if (has("briefs")) expect(board.getBrief("b")).toMatchObject({ status: "done", retryCount: 2, payload: {} });
      board.createRun("completed");
      board.createWorkstream({ workstreamId: "w", name: "completed", tier: 1 });
      expect(board.logEvent("completed").seq).toBe(has("events") ? 2 : 1);
    }
  });
});

test("drizzle-kit's migration 0000 creates the reference's schema, so either can open the other's file", () => {
  const [reference, ours] = [
    madeBy(...referenceTables),
    madeBy(...oldest.flatMap((migration) => statementsOf(migration))),
  ];
  const [one, other] = [opened(reference, oldest), opened(ours, oldest)];
  expect(differences(one, other, fourTables)).toEqual([]);
  expect(differences(other, one, fourTables)).toEqual([]);
  const model = replay(oldest);
  expect(differences(one, model, fourTables)).toEqual([]);
  for (const client of [one, other, model]) client.close();
});

test("an event without an id, which the reference's key allows, gets an id; a second one gets a different id", () => {
  const file = written("webhook");
  const insert =
    "INSERT INTO events (event_id, run_id, kind, created_at) VALUES (NULL, 'webhook', 'retried', '2026-11-22')";
  execute(file, insert, insert);
  using board = openBlackboard({ runId: "webhook", file });
  const ids = board.listEvents({ limit: 1000 }).items.map(({ eventId }) => eventId);
  expect(ids).toHaveLength(23);
  expect(new Set(ids).size).toBe(23);
});

test("a file that is not in WAL mode is adopted and switched to WAL mode", () => {
  const file = madeBy(
    "PRAGMA journal_mode = DELETE",
    ...referenceTables,
    "INSERT INTO runs VALUES ('r', 'g', 'done', '', '')",
  );
  using board = openBlackboard({ runId: "r", file });
  expect(board.getRun()?.goal).toBe("g");
  expect(readFileSync(file).subarray(18, 20)).toEqual(Buffer.from([2, 2]));
});

test("letter case of types, quotes and comments do not prevent adoption", () => {
  const file = madeBy(...referenceTables.map((sql) => sql.replaceAll("TEXT", "text").replace(/--.*/g, "-- changed")));
  openBlackboard({ runId: "r", file }).close();
  expectLikeFresh(file);
});
