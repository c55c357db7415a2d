/** Parts of the suite for every engine through PgBouncer, and what happens only there. */
import { type Blackboard, ConnectionError, DatabaseError } from "run-blackboard";
import {
  exportRun,
  importRun,
  type PostgresOptions,
  postgresMigrationStatus,
  postgresRun,
  prunePostgresRuns,
} from "run-blackboard/postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claims } from "../behaviour/claims.ts";
import { dependencies } from "../behaviour/dependencies.ts";
import { caught } from "../behaviour/engine.ts";
import { lists } from "../behaviour/lists.ts";
import { transactions } from "../behaviour/transactions.ts";
import { freshSchema, hasServer, newPool, open, openRun } from "./fresh.ts";
import { canPrepare, freshPooler, hasPooler, makePooler, type Pooler } from "./pooler.ts";
import { emptySchema } from "./reused.ts";

const brief = { tier: 0, role: "coder" };

/** Each transaction goes to another server connection than the one before. */
const moving = { pool_mode: "transaction", server_round_robin: 1, default_pool_size: 5 };
/** Version 1.21 and later keep track of statements unless told not to. */
const forgetful = { ...moving, ...(canPrepare && { max_prepared_statements: 0 }) };
const modes = {
  session: { pool_mode: "session", default_pool_size: 60 },
  "transaction, without prepared statements": forgetful,
  ...(canPrepare && { "transaction, with prepared statements": { ...moving, max_prepared_statements: 200 } }),
};

describe.skipIf(!hasPooler).each(Object.entries(modes))("PgBouncer, pool_mode %s", (_, settings) => {
  let pooler: Pooler;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ pooler, stop } = await makePooler(settings));
  });
  afterAll(async () => {
    await stop();
  });

  const engine = {
    name: "",
    async place() {
      const schema = await emptySchema();
      return {
        open: (options: { runId: string }) => open({ url: pooler.urlOf(schema.name) }, options),
        sql: (text: string) => schema.sql(text),
      };
    },
  };
  claims(engine);
  dependencies(engine);
  lists(engine);
  transactions(engine);

  test("programs that open a schema at once migrate it once, and leave no lock", async () => {
    const schema = await freshSchema();
    const url = pooler.urlOf(schema.name);
    const boards = await Promise.all(
      Array.from({ length: 8 }, (_, n) => open({ url }, { connection: newPool(url), runId: `run-${n}` })),
    );
    await Promise.all(boards.map((board) => board.createRun("a goal")));
    expect(await postgresMigrationStatus({ connection: url })).toMatchObject({ state: "current" });
    expect(await schema.sql("SELECT created_at FROM __drizzle_migrations GROUP BY 1 HAVING count(*) > 1")).toEqual([]);
    // The lock of migrating this schema; other tests migrate theirs.
    const key = `locktype = 'advisory' AND objsubid = 2 AND objid::bigint = hashtext('${schema.name}')::bigint & 4294967295`;
    expect(await schema.sql(`SELECT 1 FROM pg_locks WHERE ${key}`)).toEqual([]);
  });

  test("agents with pools of their own claim and complete each brief once, without a gap in seq", async () => {
    const schema = await freshSchema();
    const url = pooler.urlOf(schema.name);
    const boards = await Promise.all(
      Array.from({ length: 6 }, () => open({ url }, { connection: newPool(url, { max: 3 }) })),
    );
    const [first] = boards;
    await first?.createRun("a goal");
    await first?.spawnBriefs(Array.from({ length: 120 }, (_, n) => ({ briefId: `b${n}`, ...brief })));
    const done: string[] = [];
    const work = async (board: Blackboard<"async">, agentId: string) => {
      for (;;) {
        const claim = await board.claimBrief({ agentId, leaseMs: 60_000 });
        if (!claim) return;
        expect(claim.attempt).toBe(1);
        await board.transaction((tx) => tx.completeBrief(claim, {}));
        done.push(claim.brief.briefId);
      }
    };
    await Promise.all(boards.flatMap((board, n) => ["a", "b"].map((half) => work(board, `${n}${half}`))));
    expect(new Set(done).size).toBe(120);
    expect(done).toHaveLength(120);
    expect(await first?.getRunSummary()).toMatchObject({
      briefs: { done: 120 },
      events: { completed: 120 },
      lastSeq: 240,
    });
  });

  test("a restart of the pooler rejects calls with ConnectionError, and they work again", async () => {
    const schema = await freshSchema();
    const { pooler, board } = await behindItsOwnPooler(settings, schema.name);
    await Promise.all(Array.from({ length: 8 }, () => board.getRun()));
    const error = await caught(ConnectionError, () =>
      board.transaction(async (tx) => {
        await tx.createBrief({ briefId: "lost", ...brief });
        await pooler.kill();
        await tx.logEvent("spawned");
      }),
    );
    expect(error.message).toContain("unknown");
    await caught(ConnectionError, () => board.createBrief({ briefId: "b", ...brief }));
    await caught(ConnectionError, () => board.transaction((tx) => tx.getRun()));
    await pooler.start();
    expect(await board.getBrief("lost")).toBeUndefined();
    expect(await board.createBrief({ briefId: "b", ...brief })).toMatchObject({ briefId: "b" });
  });
});

async function behindItsOwnPooler(settings: Record<string, string | number>, schema: string) {
  const pooler = await freshPooler(settings);
  const board = await openRun({ url: pooler.urlOf(schema) });
  return { pooler, board };
}

/** Runs a call in each way in which a statement can be refused: alone, in a transaction, and with a transaction of its own. */
const calls: Record<string, (board: Blackboard<"async">, id: string) => Promise<unknown>> = {
  createBrief: (board, briefId) => board.createBrief({ briefId, ...brief }),
  "spawnBrief, one statement with its event": (board, briefId) => board.spawnBrief({ briefId, ...brief }),
  "spawnBrief with after, a transaction of its own": (board, briefId) =>
    board.spawnBrief({ briefId, after: ["first"], ...brief }),
  "the first call of a transaction": (board, briefId) =>
    board.transaction((tx) => tx.spawnBrief({ briefId, ...brief })),
};

describe.skipIf(!hasServer)("a statement that the server does not know by its name", () => {
  test.each(Object.entries(calls))("is executed once all the same: %s", async (_, call) => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const board = await openRun(schema, { connection: pool });
    await board.createBrief({ briefId: "first", ...brief });
    await call(board, "before");
    await pool.query("DEALLOCATE ALL");
    await call(board, "after");
    const { items } = await board.listBriefs();
    expect(items.map(({ briefId }) => briefId)).toEqual(["first", "before", "after"]);
    const { lastSeq, events } = await board.getRunSummary();
    expect(lastSeq).toBe(events.spawned);
  });

  test("within a transaction undoes nothing of it, and the callback is called once", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema, { connection: newPool(schema.url, { max: 1 }) });
    const seqs: number[] = [];
    await board.transaction(async (tx) => {
      seqs.push((await tx.logEvent("spawned")).seq);
      await tx.drizzle.execute("DEALLOCATE ALL");
      seqs.push((await tx.logEvent("spawned")).seq);
      await tx.transaction(async (inner) => {
        seqs.push((await inner.logEvent("spawned")).seq);
      });
    });
    expect(seqs).toEqual([1, 2, 3]);
    expect((await board.listEvents()).items.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("hands no second brief out, and completes the claimed one once", async () => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const board = await openRun(schema, { connection: pool });
    await board.spawnBriefs(["x", "y", "z"].map((briefId) => ({ briefId, ...brief })));
    const work = async () => {
      const claim = await board.claimBrief({ agentId: "a", leaseMs: 60_000 });
      if (!claim) throw new Error("nothing to claim");
      await board.completeBrief(claim, {});
      return claim.brief.briefId;
    };
    expect(await work()).toBe("x");
    await pool.query("DEALLOCATE ALL");
    expect(await work()).toBe("y");
    expect(await board.getRunSummary()).toMatchObject({ briefs: { done: 2, pending: 1, active: 0 }, lastSeq: 5 });
  });
});

describe.skipIf(!hasPooler)("a single server connection that several clients use in turn", () => {
  const single = { ...forgetful, default_pool_size: 1 };
  const clientOf = (url: string, options: Partial<PostgresOptions> = {}) =>
    open({ url }, { connection: newPool(url, { max: 1 }), ...options });
  const onServer = async (url: string) => {
    const query = "SELECT name FROM pg_prepared_statements WHERE name LIKE 'run_blackboard_%' ORDER BY name";
    return (await newPool(url, { max: 1 }).query(query)).rows;
  };

  test.each(Object.entries(calls))("executes what another client prepared once: %s", async (_, call) => {
    const url = (await freshPooler(single)).urlOf((await freshSchema()).name);
    const [one, two] = [await clientOf(url), await clientOf(url)];
    await one.createRun("a goal");
    await one.createBrief({ briefId: "first", ...brief });
    await call(one, "before");
    await call(two, "after");
    const { items } = await one.listBriefs();
    expect(items.map(({ briefId }) => briefId)).toEqual(["first", "before", "after"]);
    const { lastSeq, events } = await two.getRunSummary();
    expect(lastSeq).toBe(events.spawned);
  });

  test("gets no more names once it refused one", async () => {
    const url = (await freshPooler(single)).urlOf((await freshSchema()).name);
    const [one, two] = [await clientOf(url), await clientOf(url)];
    await one.createRun("a goal");
    const prepared = await onServer(url);
    expect(prepared).not.toEqual([]);
    await two.createRun("a goal");
    await two.spawnBrief({ briefId: "b", ...brief });
    await two.transaction((tx) => tx.getBriefTree());
    expect(await two.claimBrief({ agentId: "a", leaseMs: 60_000 })).toBeDefined();
    expect(await onServer(url)).toEqual(prepared);
  });

  test.skipIf(!canPrepare)("that PgBouncer prepares statements on is used with names", async () => {
    const prepares = { ...single, max_prepared_statements: 200 };
    const url = (await freshPooler(prepares)).urlOf((await freshSchema()).name);
    const boards = [await clientOf(url), await clientOf(url)];
    await boards[0]?.createRun("a goal");
    for (const board of boards) for (const _ of Array(20)) await board.getRun();
    const query =
      "SELECT max(generic_plans + custom_plans)::int AS uses FROM pg_prepared_statements WHERE name LIKE 'PGBOUNCER_%'";
    const { rows } = await newPool(url, { max: 1 }).query<{ uses: number }>(query);
    expect(rows[0]?.uses).toBeGreaterThanOrEqual(40);
  });

  test("gets no names with preparedStatements: false", async () => {
    const url = (await freshPooler(single)).urlOf((await freshSchema()).name);
    const board = await clientOf(url, { preparedStatements: false });
    await board.createRun("a goal");
    await board.transaction((tx) => tx.spawnBrief({ briefId: "b", ...brief }));
    expect(await onServer(url)).toEqual([]);
  });

  test("makes calls fail with the reason, and write nothing, with preparedStatements: true", async () => {
    const url = (await freshPooler(single)).urlOf((await freshSchema()).name);
    const [one, two] = [await clientOf(url), await clientOf(url, { preparedStatements: true })];
    await one.createRun("a goal");
    await one.logEvent("spawned");
    for (const call of [() => two.logEvent("spawned"), () => two.transaction((tx) => tx.logEvent("spawned"))]) {
      const error = await caught(DatabaseError, call);
      expect(error.message).toMatch(/pooler.*preparedStatements/);
    }
    expect((await one.getRunSummary()).lastSeq).toBe(1);
  });

  test("is left without settings, locks, cursors or a transaction by anything that the package does", async () => {
    const from = await freshSchema();
    const to = await freshSchema();
    const pooler = await freshPooler(single);
    const url = pooler.urlOf(from.name);
    const client = newPool(url, { max: 1 });
    const left = async () => {
      const { rows } = await client.query(
        `SELECT (SELECT jsonb_agg(name || '=' || setting ORDER BY name) FROM pg_settings WHERE source = 'session') AS settings,
          current_setting('run_blackboard.keep_seq', true) AS keeps,
          (SELECT count(*) FROM pg_cursors) AS cursors,
          (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks`,
      );
      return rows.map(({ keeps, ...row }) => ({ ...row, keeps: keeps || null }));
    };
    const before = await left();
    const board = await clientOf(url);
    await board.createRun("a goal");
    await board.spawnBriefs(Array.from({ length: 100 }, (_, n) => ({ briefId: `b${n}`, ...brief })));
    for (const _ of Array(40)) await board.claimBrief({ agentId: "a", leaseMs: 60_000 });
    await board.transaction((tx) => tx.updateRunStatus("done"));
    const lines: string[] = [];
    for await (const line of exportRun(postgresRun({ connection: url }))) lines.push(line);
    await importRun(lines, postgresRun({ connection: pooler.urlOf(to.name) }));
    await prunePostgresRuns({ connection: url, olderThanMs: 0 });
    expect(await left()).toEqual(before);
  });
});
