/**
 * Query plans on PostgreSQL, which knows the selectivity of conditions from statistics. On a server of its own: transactions of other
 * tests would keep index entries of claimed briefs from being marked as dead, and they would count as read.
 */
import pg from "pg";
import { groupFailures, readEvents, summarizeRun } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { cases, fill, filledClaims, fillUnready, listCases, Questions } from "../behaviour/plans.ts";
import { freshSchema, hasServer, type Schema } from "./fresh.ts";
import { startPrivateServer } from "./server.ts";

let server: ReturnType<typeof startPrivateServer>;
beforeAll(() => {
  server = startPrivateServer();
});
afterAll(() => server?.stop());

async function large() {
  const schema = await freshSchema(server?.url);
  const questions = new Questions();
  const board = await openPostgresBlackboard({ runId: "run-1", connection: schema.url, logger: questions });
  onTestFinished(() => board.close());
  await board.createRun("a goal");
  await fill({ sql: (text) => schema.sql(text), open: () => Promise.reject(new Error("It is open.")) });
  await schema.sql("VACUUM ANALYZE");
  return { board, schema, plansOf: (call: () => unknown) => explained(schema, questions, call) };
}

/** The lines of the plans of the queries that a call makes. */
async function explained(schema: Schema, { asked }: Questions, call: () => unknown): Promise<string[]> {
  asked.length = 0;
  await call();
  const lines: string[] = [];
  for (const text of asked) {
    for (const row of await schema.sql<{ "QUERY PLAN": string }>(`EXPLAIN ${text}`)) lines.push(row["QUERY PLAN"]);
  }
  return lines;
}

/** Copies the run "run-1" to "run-3", which the statistics then don't contain. */
async function copyRun(schema: Schema): Promise<void> {
  await schema.sql(
    "INSERT INTO runs SELECT 'run-3', goal, status, created_at, updated_at FROM runs WHERE run_id = 'run-1'",
  );
  for (const table of ["workstreams", "briefs", "dependencies", "events"]) {
    await schema.sql(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    await schema.sql(`INSERT INTO ${table} SELECT copied.* FROM ${table} AS source,
      jsonb_populate_record(source, '{"run_id": "run-3"}') AS copied WHERE source.run_id = 'run-1'`);
  }
}

const onPostgres = (index: string) => (index === "events_by_seq" ? "events_run_id_seq_pk" : index);

/** The number of rows and index entries of all briefs read so far. */
async function readOf(schema: Schema, pool: pg.Pool, tables = ["briefs"]): Promise<number> {
  for (const flush of [(text: string) => pool.query(text), schema.sql])
    await flush("SELECT pg_stat_force_next_flush()");
  const these = tables.map((table) => `'${table}'::regclass`).join();
  const [row] = await schema.sql<{ read: number }>(
    `SELECT ((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relid IN (${these}))
       + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relid IN (${these})))::float8 AS read`,
  );
  return row?.read ?? Number.NaN;
}

describe.skipIf(!hasServer)("queries of a large run on PostgreSQL", () => {
  test("lists and claims use indexes and scan no table", async () => {
    const { board, plansOf } = await large();
    for (const [name, indexes, call] of cases) {
      const plan = (await plansOf(() => call(board))).join("\n");
      expect(plan, name).not.toMatch(/Seq Scan on "?(?:briefs|events|workstreams)/);
      for (const index of indexes) expect(plan, name).toContain(onPostgres(index));
    }
  });

  // The planner would estimate that such a run has one row, for which every index is as good: an idle claim read 10,000 briefs.
  test("lists and claims of a run that the statistics don't contain use the same indexes", async () => {
    const { board, schema } = await large();
    await board.close();
    await copyRun(schema);
    const questions = new Questions();
    const third = await openPostgresBlackboard({ runId: "run-3", connection: schema.url, logger: questions });
    onTestFinished(() => third.close());
    const inspections: typeof cases = [
      ["summarizeRun", ["events_by_kind", "briefs_by_status"], () => summarizeRun(third)],
      ["groupFailures", ["events_by_brief"], () => groupFailures(third)],
    ];
    for (const [name, indexes, call] of [...cases, ...inspections]) {
      const plan = (await explained(schema, questions, () => call(third))).join("\n");
      for (const index of indexes) expect(plan, name).toContain(onPostgres(index));
      if (!inspections.some(([inspection]) => inspection === name))
        expect(plan, name).not.toMatch(/Seq Scan on "?(?:briefs|events|workstreams)/);
    }
  });

  test("operations on lists find briefs by key", async () => {
    const { board, plansOf } = await large();
    for (const [name, call] of listCases) {
      const scans = (await plansOf(() => call(board, filledClaims))).filter((line) => /Scan.* on "?briefs/.test(line));
      expect(scans.length, name).toBeGreaterThan(0);
      for (const scan of scans)
        expect(scan, name).toMatch(/Index (?:Only )?Scan using briefs_run_id_brief_id_pk on briefs/);
    }
  });

  // All briefs are active. Before a server's first analysis, which is a minute after the first writes, the planner assumes that a run
  // has seven briefs, and reads all of them.
  // With statistics of three briefs, reading a whole run seems to cost less than finding ten: once for a list, not for each entry.
  test.each([
    ["was analysed when it was small", 20],
    ["was analysed with three briefs", 1000],
    ["has been analysed", 20],
  ])("lists of a run that %s read the briefs of the list", async (kind, most) => {
    const schema = await freshSchema(server?.url);
    const pool = new pg.Pool({ connectionString: schema.url, max: 1 });
    onTestFinished(() => pool.end());
    const board = await openPostgresBlackboard({ runId: "run-1", connection: pool });
    await board.createRun("a goal");
    await schema.sql("ALTER TABLE briefs SET (autovacuum_enabled = false)");
    const insert = (first: number, last: number) =>
      schema.sql(`INSERT INTO briefs (run_id, brief_id, tier, role, status, created_at, updated_at, attempt, claimed_by, lease_expires_at)
          SELECT 'run-1', 'b' || n, 1, 'coder', 'active', '2026', '2026', 1, 'somebody', '9999' FROM generate_series(${first}, ${last}) AS n`);
    await insert(1, 3);
    if (kind === "was analysed with three briefs") await schema.sql("ANALYZE");
    await insert(4, 100);
    if (kind === "was analysed when it was small") await schema.sql("ANALYZE");
    await insert(101, 6000);
    if (kind === "has been analysed") await schema.sql("ANALYZE");
    const [rounds, each] = [20, 30];
    const before = await readOf(schema, pool);
    for (let round = 0; round < rounds; round++) {
      const claims = Array.from({ length: each }, (_, n) => ({
        brief: { briefId: `b${round * each + n + 1}` },
        attempt: 1,
      }));
      expect((await board.renewClaims(claims, { leaseMs: 1000 })).lost).toEqual([]);
      await board.spawnBriefs(claims.map(({ brief }) => ({ tier: 1, role: "coder", parentBriefId: brief.briefId })));
      await board.completeBriefs(claims.map((ref) => ({ ref, result: {} })));
    }
    const read = (await readOf(schema, pool)) - before;
    expect(read / (rounds * each)).toBeLessThan(most);
  });

  test("moves find their brief by its key, and a takeover the longest-expired by its index", async () => {
    const { board, schema, plansOf } = await large();
    await schema.sql("UPDATE briefs SET lease_expires_at = '1' WHERE brief_id = 'b8'");
    const below = { tier: 1, role: "coder", parentBriefId: "b2", workstreamId: "w2" };
    for (const [name, index, call] of [
      ["spawnBrief", "briefs_run_id_brief_id_pk", () => board.spawnBrief(below)],
      ["retryBrief", "briefs_run_id_brief_id_pk", () => board.retryBrief("b2")],
      ["claimBrief", "briefs_leased", () => board.claimBrief({ agentId: "a", leaseMs: 1_000_000 })],
    ] as const) {
      const plan = (await plansOf(call)).join("\n");
      expect(plan, name).toContain("CTE changed");
      expect(plan, name).toContain(index);
      expect(plan, name).not.toMatch(/(?:Seq|Bitmap Heap) Scan on "?(?:briefs|events|workstreams)|Sort/);
    }
  });

  test("pages bounded by bytes use the index of their list and sum sizes only as far as necessary", async () => {
    const { board, plansOf } = await large();
    for (const [filter, index] of [
      [{ after: 3000 }, "events_run_id_seq_pk"],
      [{ kinds: ["escalated"] }, "events_by_kind"],
      [{ kinds: ["escalated", "completed"] }, "events_run_id_seq_pk"],
      [{ briefId: "b7" }, "events_by_brief"],
    ] as const) {
      const plan = (await plansOf(() => readEvents(board, filter).next())).join("\n");
      expect(plan, JSON.stringify(filter)).not.toMatch(/Seq Scan/);
      expect(plan, JSON.stringify(filter)).toContain(index);
      if ("kinds" in filter || "briefId" in filter) continue;
      // No node between the limit and the index reads all rows; a rare kind may be sorted first.
      expect(plan).toMatch(/Subquery Scan on summed .*\n.*Filter: .*\n.*WindowAgg .*\n.*Limit .*\n.*Index Scan using/);
    }
  });

  test("waits use the key, or the index of the parent", async () => {
    const { board, plansOf } = await large();
    for (const [filter, index] of [
      [{ parentBriefId: "b2" }, "briefs_by_parent"],
      [{ parentBriefId: "b2", role: ["role 2", "role 4"], tier: 2 }, "briefs_by_parent"],
      [{ briefIds: ["b2", "b4"], tier: 2 }, "briefs_run_id_brief_id_pk"],
    ] as const) {
      const abort = new AbortController();
      const lines = await plansOf(async () => {
        const waiting = board.waitForBriefs(filter, { signal: abort.signal });
        // The same look answers this one.
        await board.waitForBriefs({ briefIds: ["b6"] });
        abort.abort();
        await Promise.allSettled([waiting]);
      });
      const plan = lines.join("\n");
      expect(plan, JSON.stringify(filter)).not.toMatch(/Seq Scan on "?briefs/);
      expect(plan, JSON.stringify(filter)).toContain(index);
    }
  });

  test("the summary counts briefs and events from indexes alone", async () => {
    const { board, plansOf } = await large();
    const plan = (await plansOf(() => board.getRunSummary())).join("\n");
    expect(plan).toMatch(/Index Only Scan using briefs_by_status/);
    expect(plan).toMatch(/Index Only Scan using events_by_kind/);
    expect(plan).not.toMatch(/Seq Scan on "?(?:briefs|events)/);
  });

  // As in a database's first minute; and as when statistics date from a time when every brief was pending.
  test.each(["was never analysed", "was analysed when it was small"])(
    "a run that %s is not scanned as it grows",
    async (kind) => {
      const schema = await freshSchema(server?.url);
      const pool = new pg.Pool({ connectionString: schema.url, max: 1 });
      onTestFinished(() => pool.end());
      const board = await openPostgresBlackboard({ runId: "run-1", connection: pool });
      await board.createRun("a goal");
      await schema.sql("ALTER TABLE briefs SET (autovacuum_enabled = false)");
      const [rounds, each] = [60, 30];
      for (let round = 0; round < rounds; round++) {
        await board.transaction(async (tx) => {
          for (let n = 0; n < each; n++) await tx.createBrief({ tier: 1, role: "coder" });
        });
        if (round === 0 && kind === "was analysed when it was small") await schema.sql("ANALYZE");
        for (let n = 0; n < each; n++) {
          // Half of them stay claimed.
          const claim = await board.claimBrief({ agentId: "agent", leaseMs: 1_000_000 });
          if (claim && n % 2) await board.completeBrief(claim, {});
        }
      }
      const read = await readOf(schema, pool);
      // Index entries read by a claim and a completion, including dead ones: at most 100; 1,000 to 2,000 with a bad
      // plan.
      expect(read / (rounds * each)).toBeLessThan(300);
    },
  );

  test("an agent that finds nothing to claim reads no briefs, however many are claimed", async () => {
    const schema = await freshSchema(server?.url);
    const pool = new pg.Pool({ connectionString: schema.url, max: 1 });
    onTestFinished(() => pool.end());
    const board = await openPostgresBlackboard({ runId: "run-1", connection: pool });
    await board.createRun("a goal");
    await schema.sql(`INSERT INTO briefs (run_id, brief_id, tier, role, status, created_at, updated_at, attempt, claimed_by, lease_expires_at)
      SELECT 'run-1', 'b' || n, 1, 'coder', 'active', '2026', '2026', 1, 'somebody', '9999' FROM generate_series(1, 5000) AS n`);
    await schema.sql("ANALYZE");
    const before = await readOf(schema, pool);
    for (let n = 0; n < 20; n++) expect(await board.claimBrief({ agentId: "idle", leaseMs: 1000 })).toBeUndefined();
    expect((await readOf(schema, pool)) - before).toBeLessThan(100);
  });

  test.each(["has been analysed", "the statistics don't contain"])(
    "an idle claim in a run that %s reads no brief that waits, is before its time or in a blocked workstream",
    async (kind) => {
      const schema = await freshSchema(server?.url);
      const pool = new pg.Pool({ connectionString: schema.url, max: 1 });
      onTestFinished(() => pool.end());
      const first = await openPostgresBlackboard({ runId: "run-1", connection: pool });
      await first.createRun("a goal");
      await fillUnready(
        { sql: (text) => schema.sql(text), open: () => Promise.reject(new Error("It is open.")) },
        3000,
      );
      await schema.sql("ANALYZE");
      if (kind !== "has been analysed") await copyRun(schema);
      const board =
        kind === "has been analysed" ? first : await openPostgresBlackboard({ runId: "run-3", connection: pool });
      const claim = () => board.claimBrief({ agentId: "idle", leaseMs: 1000 });
      // The first one parks the briefs of the workstream; the second one marks their old index entries as dead.
      for (let n = 0; n < 2; n++) expect(await claim()).toBeUndefined();
      const before = await readOf(schema, pool);
      for (let n = 0; n < 20; n++) expect(await claim()).toBeUndefined();
      expect((await readOf(schema, pool)) - before).toBeLessThan(100);
    },
  );

  // As after a prune: then the planner expects no row, in whichever way it reads a table.
  test("completions in a database that was analysed when it was empty run no query for every brief", async () => {
    const schema = await freshSchema(server?.url);
    const pool = new pg.Pool({ connectionString: schema.url, max: 1 });
    onTestFinished(() => pool.end());
    const board = await openPostgresBlackboard({ runId: "run-1", connection: pool });
    const [blockers, dependents] = [5, 300];
    const graph = Array.from({ length: blockers + dependents }, (_, n) => ({
      briefId: `b${n}`,
      tier: 1,
      role: n < blockers ? "planner" : "coder",
      after: n < blockers ? [] : [`b${n % blockers}`],
    }));
    await board.createRun("a goal");
    await board.spawnBriefs(graph);
    for (const table of ["dependencies", "events", "event_counters", "briefs"]) {
      await schema.sql(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
      await schema.sql(`DELETE FROM ${table}`);
    }
    await schema.sql("ANALYZE");
    await board.spawnBriefs(graph);
    const tables = ["briefs", "dependencies"];
    const before = await readOf(schema, pool, tables);
    for (let n = 0; n < blockers; n++) await board.completeBrief(`b${n}`, {});
    expect(await board.listBriefs({ ready: true, limit: 1000 })).toMatchObject({ items: { length: dependents } });
    // Each of the rows once for each dependent is 300,000.
    expect((await readOf(schema, pool, tables)) - before).toBeLessThan(1_000_000);
  });
});
