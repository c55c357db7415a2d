/** Machines that vanish: nothing more arrives from them, but their connections stay open. No other agent waits for them. */
import { sql } from "drizzle-orm";
import pg from "pg";
import { BusyError, ConnectionError, exportRun, importRun } from "run-blackboard";
import { migratePostgresBlackboard, postgresRun } from "run-blackboard/postgres";
import { tablesIn } from "run-blackboard/postgres/schema";
import { describe, expect, onTestFinished, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newClient, newPool, open, openRun, type Schema, withOption } from "./fresh.ts";
import { startProxy } from "./proxy.ts";

const transactionTimeoutMs = 1000;
/** For calls that must go on although the machine is busy. */
const long = 2000;
const brief = { tier: 1, role: "coder" };

/** A worker's own way to the server. */
async function ownWay({ url }: Pick<Schema, "url">) {
  const proxy = await startProxy(url);
  onTestFinished(() => proxy.stop());
  return proxy;
}

/** A blackboard with a run, and the same run on a machine that can vanish. */
async function withWorker(own: "own pool" | "caller's pool" = "own pool") {
  const schema = await freshSchema();
  const sessions = async (what: string) => {
    const query = `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND ${what}`;
    return (await schema.sql(query, [schema.name])).length;
  };
  const board = await openRun(schema);
  for (let n = 0; n < 5; n++) await board.createBrief({ briefId: `b${n}`, ...brief });
  const proxy = await ownWay({ url: withOption(schema.url, `application_name=${schema.name}`) });
  const pool = new pg.Pool({ connectionString: proxy.url });
  // Not awaited: without a limit of its own it continues to connect.
  onTestFinished(() => void pool.end());
  const connection = own === "own pool" ? proxy.url : pool;
  const worker = await open({ url: proxy.url }, { connection, transactionTimeoutMs });
  return { board, proxy, worker, sessions };
}

const claiming = { agentId: "healthy", leaseMs: 60_000 };

describe.skipIf(!hasServer)("a worker that vanishes in a transaction", () => {
  test("keeps other agents from claiming and spawning no longer than the limit", async () => {
    const { board, proxy, worker } = await withWorker();
    const lost = caught(ConnectionError, () =>
      worker.transaction(async (tx) => {
        await tx.completeBrief("b0", {});
        proxy.vanish();
        await tx.logEvent("spawned");
      }),
    );
    await proxy.vanished;
    const [claim, spawned] = await Promise.all([
      board.claimBrief(claiming),
      board.spawnBrief({ briefId: "new", after: ["b0"], ...brief }),
      board.transaction((tx) => tx.logEvent("escalated")),
    ]);
    expect(claim?.brief.status).toBe("active");
    expect(spawned.briefId).toBe("new");
    expect((await lost).message).toContain(`no answer in ${transactionTimeoutMs} ms`);
    expect((await board.getBrief("b0"))?.status).not.toBe("done");
  });

  test("and of which more transactions wait for their turn then keeps no lock for each of them", async () => {
    const { board, proxy, worker, sessions } = await withWorker();
    const all = Array.from({ length: 8 }, (_, n) =>
      worker.transaction(async (tx) => {
        await tx.logEvent("spawned");
        if (n > 0) return;
        await expect.poll(() => sessions("wait_event_type = 'Lock'"), { timeout: 30_000 }).toBe(7);
        proxy.vanish();
        await tx.logEvent("spawned");
      }),
    );
    const endings = Promise.allSettled(all);
    await proxy.vanished;
    await board.transaction((tx) => tx.logEvent("escalated"));
    expect((await board.getRunSummary()).lastSeq).toBe(1);
    for (const ending of await endings) expect(ending).toMatchObject({ reason: { code: "CONNECTION" } });
  });

  test("between its calls is ended by the server, and its next call says so", async () => {
    const { board, worker, sessions } = await withWorker();
    const error = await caught(ConnectionError, () =>
      worker.transaction(async (tx) => {
        await tx.completeBrief("b0", {});
        await expect.poll(() => sessions("state LIKE 'idle in transaction%'"), { timeout: 30_000 }).toBe(0);
        await tx.logEvent("spawned");
      }),
    );
    expect(error.message).toContain("transactionTimeoutMs");
    expect(error.message).toContain("rolled back");
    expect((await board.getBrief("b0"))?.status).toBe("pending");
    expect((await worker.getRun())?.goal).toBe("a goal");
  });
});

describe.skipIf(!hasServer)("a server that vanishes", () => {
  test.each(["own pool", "caller's pool"] as const)(
    "ends every call within the limit, also those that wait for a connection, and close(): %s",
    async (own) => {
      const { proxy, worker, board } = await withWorker(own);
      const claim = (await worker.claimBrief(claiming)) ?? expect.fail();
      proxy.vanish();
      const calls = [
        ...Array.from({ length: 25 }, () => worker.claimBrief(claiming)),
        worker.renewClaim(claim, claiming),
        worker.getRunSummary(),
        worker.spawnBrief(brief),
        worker.logEvent("spawned"),
        worker.transaction((tx) => tx.getRun()),
        ...Array.from({ length: 5 }, () => worker.completeBrief(claim, {})),
      ];
      const closed = worker.close();
      for (const ending of await Promise.allSettled(calls))
        expect(ending).toMatchObject({ reason: { code: "CONNECTION" } });
      await closed;
      expect((await board.getBrief(claim.brief.briefId))?.attempt).toBe(1);
    },
  );

  test("is found by a call on a connection that was idle; the next call gets a new one", async () => {
    const schema = await freshSchema();
    const proxy = await ownWay(schema);
    const board = await openRun({ url: proxy.url }, { transactionTimeoutMs });
    await Promise.all(Array.from({ length: 5 }, () => board.getRun()));
    // What a router forgets: it loses what is sent on present connections, and forwards new ones.
    proxy.forget();
    const error = await caught(ConnectionError, () => board.getRun());
    expect(error.message).toContain("no answer");
    for (let n = 0; n < 5; n++) expect((await board.getRun())?.goal).toBe("a goal");
  });

  test("in the middle of an export, an import or a migration ends it, and others do not wait for it", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema);
    for (let n = 0; n < 3; n++) await board.spawnBrief({ briefId: `b${n}`, ...brief });
    const text: string[] = [];
    for await (const line of exportRun(postgresRun({ connection: schema.url }))) text.push(line);

    const exporting = await ownWay(schema);
    const lines = exportRun(postgresRun({ connection: exporting.url, transactionTimeoutMs }));
    exporting.vanish(4);
    await caught(ConnectionError, async () => {
      for await (const _ of lines);
    });

    const importing = await ownWay(schema);
    const place = { runId: "copy", transactionTimeoutMs };
    importing.vanish(9);
    const lost = caught(ConnectionError, () => importRun(text, postgresRun({ connection: importing.url, ...place })));
    await importing.vanished;
    expect(await importRun(text, postgresRun({ connection: schema.url, ...place }))).toMatchObject({ briefs: 3 });
    await lost;
  });

  test("while a schema is migrated ends it, and others migrate", async () => {
    const schema = await freshSchema();
    const migrating = await ownWay(schema);
    // Within the transaction.
    migrating.vanish(12);
    const lost = caught(ConnectionError, () =>
      migratePostgresBlackboard({ connection: migrating.url, transactionTimeoutMs }),
    );
    await migrating.vanished;
    const boards = await Promise.all([open(schema), open(schema, { transactionTimeoutMs })]);
    await boards[0].createRun("a goal");
    expect((await boards[1].getRun())?.goal).toBe("a goal");
    await lost;
  });
});

describe.skipIf(!hasServer)("a call", () => {
  test("that takes longer than the limit goes on while the server works", async () => {
    const board = await openRun(await freshSchema(), { transactionTimeoutMs: long });
    const slow = await board.transaction(async (tx) => {
      const { rows } = await tx.drizzle.execute(sql`SELECT 'slept' AS did FROM pg_sleep(3)`);
      return rows;
    });
    expect(slow).toEqual([{ did: "slept" }]);
  });

  test("that waits for a transaction which works goes on, and so does opening while another process migrates", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema);
    const other = await open(schema, { transactionTimeoutMs: long });
    let turn: Promise<unknown> | undefined;
    await board.transaction(async (tx) => {
      turn = other.transaction((inner) => inner.logEvent("spawned"));
      await tx.drizzle.execute(sql`SELECT pg_sleep(4)`);
    });
    await turn;

    const empty = await freshSchema();
    const migrating = await newClient(schema.url);
    await migrating.query("BEGIN");
    await migrating.query(`SELECT pg_advisory_xact_lock(${0x62_6d_69_67}, hashtext('${empty.name}'))`);
    const opening = open(empty, { transactionTimeoutMs: long });
    await migrating.query("SELECT pg_sleep(4)");
    await migrating.query("COMMIT");
    expect((await opening).location).toContain(empty.name);
  });

  test("goes on while parts of its answer arrive, also if the server can't be asked", async () => {
    const schema = await freshSchema();
    const proxy = await ownWay(schema);
    const board = await openRun({ url: proxy.url }, { transactionTimeoutMs: long });
    const rows = await board.transaction(async (tx) => {
      proxy.redirect("postgresql://localhost/?host=/nowhere");
      return (await tx.drizzle.execute(sql`SELECT repeat('x', 100000), pg_sleep(0.5) FROM generate_series(1, 8)`)).rows;
    });
    expect(rows).toHaveLength(8);
  });

  test("that waits for a lock of another program for longer is cancelled, alone and in a transaction", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema, { transactionTimeoutMs });
    await board.createBrief({ briefId: "b", ...brief });
    const other = await newClient(schema.url);
    await other.query("BEGIN");
    await other.query("UPDATE briefs SET status = status");
    const alone = await caught(BusyError, () => board.updateBriefStatus("b", "done"));
    expect(alone.message).toContain("no lock in");
    expect(alone.waitedMs).toBeGreaterThan(transactionTimeoutMs / 2);
    await caught(BusyError, () => board.transaction((tx) => tx.updateBriefStatus("b", "done")));
    await other.query("COMMIT");
    expect((await board.getBrief("b"))?.status).toBe("pending");
    await board.updateBriefStatus("b", "done");
  });

  test("that reaches a limit of the session before ours keeps to it", async () => {
    const schema = await freshSchema();
    const board = await openRun({ url: withOption(schema.url, "lock_timeout=50ms") });
    const other = await newClient(schema.url);
    await other.query("BEGIN");
    await other.query("UPDATE runs SET status = status");
    await caught(BusyError, () => board.transaction((tx) => tx.getRun()));
    await other.query("COMMIT");
  });

  test("leaves the settings of the session and the caller's client as they were", async () => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const board = await openRun(schema, { connection: pool, transactionTimeoutMs });
    await board.transaction(async (tx) => {
      await tx.drizzle
        .insert(tablesIn(schema.name).runs)
        .values({ runId: "r", goal: "", createdAt: "", updatedAt: "" });
    });
    const client = await pool.connect();
    expect(Object.keys(client)).not.toContain("query");
    for (const name of ["idle_in_transaction_session_timeout", "lock_timeout", "tcp_user_timeout"]) {
      expect((await client.query(`SHOW ${name}`)).rows).toEqual([{ [name]: "0" }]);
    }
    client.release();
  });
});
