/** Files written by the Python reference, and the reference's own summary of them. */
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { NotFoundError, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/python/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(fixture("expected.json"), "utf8"));

/** A copy of the fixture, and the ids of its events in write order. */
function copyOf(name: string) {
  const file = join(temporaryFolder(), "blackboard.db");
  copyFileSync(fixture(`${name}.db`), file);
  return file;
}

function rawly<Row>(file: string, sql: string): Row[] {
  const database = new Database(file);
  try {
    return database.prepare<[], Row>(sql).all();
  } finally {
    database.close();
  }
}

test("a file of the reference opens with the summary that the reference returned", () => {
  using board = openBlackboard({ runId: "webhook", file: copyOf("webhook") });
  const { run_id, goal, status, created_at, updated_at, workstreams, briefs, events } = expected.webhook;
  expect(board.getRunSummary()).toEqual({
    ...{ runId: run_id, goal, status, createdAt: created_at, updatedAt: updated_at },
    lastSeq: 21,
    workstreams: { pending: 0, active: 0, blocked: 0, done: 0, failed: 0, ...workstreams },
    briefs: { pending: 0, active: 0, done: 0, failed: 0, ...briefs },
    events: { spawned: 0, completed: 0, failed: 0, escalated: 0, retried: 0, ...events },
  });
});

test("its rows read unchanged: JSON, Unicode, microseconds", () => {
  const file = copyOf("webhook");
  const stored = rawly<Record<string, string | number | null>>(file, "SELECT * FROM briefs ORDER BY created_at");
  using board = openBlackboard({ runId: "webhook", file });
  const { items } = board.listBriefs();
  expect(items).toMatchObject(
    stored.map((row) => ({
      ...{ briefId: row.brief_id, runId: "webhook", parentBriefId: row.parent_brief_id },
      ...{ workstreamId: row.workstream_id, tier: row.tier, role: row.role, status: row.status },
      payload: JSON.parse(String(row.payload)),
      result: row.result === null ? null : JSON.parse(String(row.result)),
      ...{ retryCount: row.retry_count, createdAt: row.created_at, updatedAt: row.updated_at },
    })),
  );
  expect(board.getBrief("b-01")).toMatchObject({
    createdAt: expect.stringMatching(/^2026-11-22T06:47:32\.\d{6}\+00:00$/),
    payload: { note: "naïve “quotes”\n\ttab \u{1F9E9}", files: ["src/part1.py"] },
    result: { ok: true, score: 1 / 3, lines: 41, warnings: [] },
  });
  expect(board.getWorkstream("ws-docs")?.name).toBe("Docs – Übersicht ✓");
  expect(board.getBrief("b-06")?.retryCount).toBe(2);
});

test("seq follows the write order of events, whatever their times are", () => {
  const file = copyOf("webhook");
  const ids = "SELECT event_id AS id FROM events ORDER BY rowid";
  rawly(file, "UPDATE events SET created_at = '2000-01-01T00:00:00.000000+00:00' WHERE rowid % 3 = 0 RETURNING 1");
  const written = rawly<{ id: string }>(file, ids).map(({ id }) => id);
  using board = openBlackboard({ runId: "webhook", file });
  const { items } = board.listEvents();
  expect(items.map(({ eventId }) => eventId)).toEqual(written);
  expect(items.map(({ seq }) => seq)).toEqual(written.map((_, index) => index + 1));
  expect(board.logEvent("spawned").seq).toBe(written.length + 1);
});

test("a file in which the reference wrote nothing has no run until one is created", () => {
  using board = openBlackboard({ runId: "empty", file: copyOf("empty") });
  expect(expected.empty.error).toContain("No run found");
  expect(() => board.getRunSummary()).toThrow(NotFoundError);
  expect(board.listBriefs().items).toEqual([]);
  board.createRun("begin");
  expect(board.getRunSummary()).toMatchObject({ goal: "begin", lastSeq: 0 });
});

test("rows without a run and events without a brief are kept", () => {
  const file = copyOf("orphans");
  using board = openBlackboard({ runId: "orphans", file });
  expect(expected.orphans.error).toContain("No run found");
  expect(() => board.getRunSummary()).toThrow(NotFoundError);
  expect(board.listWorkstreams().items).toMatchObject([{ workstreamId: "ws-lost", name: "no run yet" }]);
  expect(board.listBriefs().items).toMatchObject([
    { briefId: "b-lost", parentBriefId: "nobody", workstreamId: "ws-nowhere" },
  ]);
  const detail = { why: "written before its brief" };
  expect(board.listEvents().items).toMatchObject([{ seq: 1, briefId: "b-never-made", kind: "spawned", detail }]);
  board.createRun("found");
  expect(board.getRunSummary()).toMatchObject({
    lastSeq: 1,
    ...{ workstreams: { pending: 1 }, briefs: { pending: 1 }, events: { spawned: 1 } },
  });
  expect(board.updateBriefStatus("b-lost", "active").status).toBe("active");
});

test("a file whose creator died after its first table is completed", () => {
  const file = copyOf("partial");
  const tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
  expect(rawly<{ name: string }>(file, tables).map(({ name }) => name)).toEqual(expected.partial.tables);
  using board = openBlackboard({ runId: "partial", file });
  board.createRun("go on");
  board.createWorkstream({ workstreamId: "w-1", name: "rest", tier: 1 });
  board.createBrief({ briefId: "b-1", workstreamId: "w-1", tier: 1, role: "builder" });
  board.logEvent("spawned", { briefId: "b-1" });
  expect(board.getRunSummary()).toMatchObject({
    lastSeq: 1,
    ...{ workstreams: { pending: 1 }, briefs: { pending: 1 }, events: { spawned: 1 } },
  });
});

test("an adopted file has the schema of a new one", () => {
  const schema = (file: string) => {
    openBlackboard({ runId: "r", file }).close();
    const columns =
      'SELECT t.name AS tab, x.name, upper(x.type) AS type, x.pk, x.dflt_value, x.hidden, x."notnull" AND NOT x.pk AS required ' +
      "FROM sqlite_schema t, pragma_table_xinfo(t.name) x WHERE t.type = 'table' ORDER BY tab, x.cid";
    const objects = "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name";
    return { columns: rawly(file, columns), objects: rawly(file, objects) };
  };
  const fresh = schema(join(temporaryFolder(), "blackboard.db"));
  expect(fresh.objects.length).toBeGreaterThan(4);
  for (const name of ["webhook", "empty", "orphans", "partial"]) expect(schema(copyOf(name))).toEqual(fresh);
});
