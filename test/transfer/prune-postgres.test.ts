import { BlackboardError, runStatuses } from "run-blackboard";
import { prunePostgresRuns } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshRole, freshSchema, hasServer, newClient, open, type Schema } from "../postgres/fresh.ts";

const day = 86_400_000;
const today = new Date("2026-03-01T00:00:00.000Z");
const daysAgo = (days: number) => () => new Date(today.getTime() - days * day);

async function make(schema: Schema, runId: string, status: (typeof runStatuses)[number], days: number) {
  const board = await open(schema, { runId, clock: daysAgo(days) });
  await board.createRun("a goal");
  await board.createWorkstream({ workstreamId: "w", name: "name", tier: 1 });
  await board.createBrief({ briefId: "b", workstreamId: "w", tier: 1, role: "coder" });
  await board.createBrief({ briefId: "c", tier: 1, role: "coder", after: ["b"] });
  // Of another program: no brief is deleted with it.
  await schema.sql("INSERT INTO dependencies (run_id, brief_id, blocker_id) VALUES ($1, 'missing', 'b')", [runId]);
  await board.logEvent("spawned", { briefId: "b" });
  await board.updateRunStatus(status);
  return board;
}

const prune = (schema: Schema, dryRun = false) =>
  prunePostgresRuns({ connection: schema.url, olderThanMs: 30 * day, dryRun, clock: () => today });
const tables = ["runs", "workstreams", "briefs", "dependencies", "events", "event_counters"];

describe.skipIf(!hasServer)("prunePostgresRuns", () => {
  test("deletes all rows of done and failed runs of that age, and no others", async () => {
    const schema = await freshSchema();
    for (const status of runStatuses) await make(schema, `old-${status}`, status, 31);
    await make(schema, "young", "done", 29);
    const outcomes = async (dryRun: boolean) =>
      (await prune(schema, dryRun)).map(({ runId, outcome }) => `${runId} ${outcome}`);
    const kept = ["old-active kept", "old-pending kept", "old-review kept"];
    expect(await outcomes(true)).toEqual([kept[0], "old-done due", "old-failed due", kept[1], kept[2], "young kept"]);
    expect(await outcomes(false)).toEqual([
      kept[0],
      "old-done deleted",
      "old-failed deleted",
      kept[1],
      kept[2],
      "young kept",
    ]);
    for (const table of tables) {
      const rows = await schema.sql<{ run_id: string }>(`SELECT DISTINCT run_id FROM ${table} ORDER BY run_id`);
      expect([table, ...rows.map((row) => row.run_id)]).toEqual([
        table,
        "old-active",
        "old-pending",
        "old-review",
        "young",
      ]);
    }
    expect(await outcomes(false)).toEqual([...kept, "young kept"]);
  });

  test("waits for a transaction that is writing to a run, and then keeps the run", async () => {
    const schema = await freshSchema();
    const board = await make(schema, "r", "done", 90);
    const writer = await newClient(schema.url);
    await writer.query("BEGIN");
    await writer.query(
      "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e', 'r', 'failed', '2026-02-28T00:00:00Z')",
    );
    const pruning = prune(schema);
    const waiting = async () =>
      (await schema.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'runs'")).length;
    await expect.poll(waiting, { timeout: 60_000 }).toBeGreaterThan(0);
    await writer.query("COMMIT");
    expect(await pruning).toMatchObject([
      { runId: "r", outcome: "kept", reason: expect.stringContaining("2026-02-28") },
    ]);
    expect((await board.listEvents()).items).toHaveLength(2);
  });

  test("a dry run by a user who may not delete fails like the real run", async () => {
    const schema = await freshSchema();
    await make(schema, "r", "done", 90);
    const role = `reader_${schema.name}`;
    const connection = await freshRole(schema, role);
    await schema.sql(`GRANT USAGE ON SCHEMA ${schema.name} TO ${role}`);
    await schema.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema.name} TO ${role}`);
    const message = async (dryRun: boolean) =>
      (await caught(BlackboardError, () => prunePostgresRuns({ connection, olderThanMs: 0, dryRun }))).message;
    expect(await message(true)).toMatch(/permission denied/);
    expect(await message(true)).toBe(await message(false));
  });
});
