/** Pools of the caller and of the package, and servers that are unreachable, go away and come back. */
import { createServer, type Socket } from "node:net";
import { inspect } from "node:util";
import pg from "pg";
import { ClosedError, ConnectionError } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { tablesIn } from "run-blackboard/postgres/schema";
import { describe, expect, onTestFinished, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newClient, newPool, open, openRun, serverUrl, withOption } from "./fresh.ts";
import { startPrivateServer, userWithPassword } from "./server.ts";

const brief = { tier: 0, role: "coder" };
const secret = "S3cr3t";

/** The same with a different user, password or database. */
function changed(url: string, change: Partial<Record<"username" | "password" | "pathname" | "host", string>>): string {
  return Object.assign(new URL(url), change).href;
}

/** A port that sends only `answer`, whatever it receives. */
async function portThatSays(answer: string): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined).on("data", () => socket.write(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

describe.skipIf(!hasServer)("a server that cannot be reached", () => {
  const urls: Record<string, () => Promise<string>> = {
    "an unknown database": async () => changed(await serverUrl(), { pathname: "/nowhere", password: secret }),
    "a host without a server": async () => `postgresql://someone:${secret}@localhost:1/db`,
    "an unknown host": async () => `postgresql://someone:${secret}@nowhere.invalid/db`,
    "a server that never answers": async () => `postgresql://someone:${secret}@127.0.0.1:${await portThatSays("")}/db`,
    "a server without TLS": async () =>
      `postgresql://someone:${secret}@127.0.0.1:${await portThatSays("N")}/db?sslmode=verify-full`,
    ...(!process.env.RUN_BLACKBOARD_POSTGRES_URL && {
      "a wrong password": async () => changed(await serverUrl(), { username: userWithPassword, password: secret }),
    }),
  };

  test.each(Object.entries(urls))(
    "throws ConnectionError within ten seconds, without secrets: %s",
    async (_, urlOf) => {
      const url = await urlOf();
      const pool = new pg.Pool({ connectionString: url });
      // Not awaited: without a limit of its own it continues to connect.
      onTestFinished(() => void pool.end());
      const start = performance.now();
      const errors = await Promise.all(
        [url, pool].map((connection) =>
          caught(ConnectionError, () => openPostgresBlackboard({ runId: "run-1", connection })),
        ),
      );
      expect(performance.now() - start).toBeLessThan(10_000);
      for (const error of errors) {
        expect(error.code).toBe("CONNECTION");
        expect(inspect(error, { depth: 9 })).not.toContain(secret);
        expect(error.message).not.toContain("someone");
        expect(error.cause).toBeInstanceOf(Error);
      }
      expect(pool.listenerCount("error")).toBe(0);
    },
  );

  test("is not reported when all clients of a pool are in use", async () => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const board = await openRun(schema, { connection: pool });
    const taken = await pool.connect();
    const waiting = board.getRun();
    const first = await Promise.race([waiting, pool.query("SELECT 1").then(() => "served"), taken.query("SELECT 1")]);
    expect(first).toHaveProperty("rows");
    taken.release();
    expect((await waiting)?.goal).toBe("a goal");
  });
});

describe.skipIf(!hasServer)("no secret", () => {
  test("appears in the location or when printed", async () => {
    const schema = await freshSchema();
    const url = changed(schema.url, { password: secret });
    for (const connection of [url, newPool(url)]) {
      const board = await open(schema, { connection });
      for (const text of [board.location, String(board), inspect(board, { depth: 9, showHidden: true })]) {
        expect(text).toContain("/postgres");
        expect(text).not.toContain(secret);
        expect(text).not.toContain("tester");
      }
    }
  });
});

describe.skipIf(!hasServer)("a caller's pool", () => {
  const events = ["error", "acquire", "release"];
  const counts = (pool: pg.Pool) => events.map((event) => pool.listenerCount(event));

  test("has one listener of each kind for any number of blackboards, and none when all are closed", async () => {
    const schema = await freshSchema();
    const pool = new pg.Pool({ connectionString: schema.url });
    onTestFinished(() => pool.end());
    const boards = await Promise.all(
      Array.from({ length: 12 }, (_, n) => open(schema, { runId: `run-${n}`, connection: pool })),
    );
    expect(counts(pool)).toEqual([1, 1, 1]);
    const client = await pool.connect();
    expect(client.listenerCount("error")).toBe(1);
    for (const board of boards.slice(1)) await board.close();
    expect(counts(pool)).toEqual([1, 1, 1]);
    await boards[0]?.close();
    expect([...counts(pool), client.listenerCount("error")]).toEqual([0, 0, 0, 0]);
    client.release();
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    expect((await open(schema, { connection: pool })).location).toContain("postgresql://");
    expect(counts(pool)).toEqual([1, 1, 1]);
  });

  test("may have a single client: operations, transactions and calls inside them do not deadlock", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema, { connection: newPool(schema.url, { max: 1 }) });
    await Promise.all([
      board.transaction(async (tx) => {
        await board.createBrief({ briefId: "by-board", ...brief });
        expect(await board.drizzle.$count(tablesIn(schema.name).briefs)).toBe(1);
        await board.transaction(() => tx.createBrief({ briefId: "by-tx", ...brief }));
      }),
      board.logEvent("spawned"),
      board.transaction((tx) => tx.logEvent("spawned")),
    ]);
    expect(await board.getRunSummary()).toMatchObject({ briefs: { pending: 2 }, events: { spawned: 2 } });
  });
});

describe.skipIf(!hasServer)("close()", () => {
  test.each(["of the package's own pool", "of a caller's pool"])(
    "waits for operations that have begun, including those that wait for a client, and rejects later ones: %s",
    async (whose) => {
      const schema = await freshSchema();
      const pool = newPool(schema.url);
      const board = await openRun(schema, { connection: whose === "of a caller's pool" ? pool : schema.url });
      const begun = Array.from({ length: 40 }, (_, n) => board.createBrief({ briefId: `${n}`, ...brief }));
      const transaction = board.transaction(async (tx) => {
        await tx.logEvent("spawned");
        await board.logEvent("spawned");
      });
      const closed = board.close();
      await caught(ClosedError, () => board.createBrief(brief));
      await caught(ClosedError, () => board.transaction(() => undefined));
      expect(await Promise.all([...begun, transaction])).toHaveLength(41);
      await closed;
      await board.close();
      const again = await open(schema);
      expect(await again.getRunSummary()).toMatchObject({ briefs: { pending: 40 }, events: { spawned: 2 } });
      expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    },
  );
});

describe.skipIf(!hasServer)("a conflicting transaction", () => {
  test("fails a single operation with 40001: it is retried", async () => {
    const schema = await freshSchema();
    const serializable = withOption(schema.url, "default_transaction_isolation=serializable");
    const board = await openRun({ url: serializable });
    await board.createBrief({ briefId: "b", ...brief });
    const other = await newClient(schema.url);
    await other.query("BEGIN");
    await other.query("UPDATE briefs SET status = 'active'");
    const update = board.incrementBriefRetry("b");
    const waiting = () => schema.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'");
    await expect.poll(waiting, { timeout: 30_000 }).not.toEqual([]);
    await other.query("COMMIT");
    expect(await update).toMatchObject({ status: "active", retryCount: 1 });

    const events = Array.from({ length: 16 }, () => board.logEvent("spawned"));
    expect(new Set((await Promise.all(events)).map(({ seq }) => seq)).size).toBe(16);
  });

  test("is waited for under any default isolation level: none of its updates is lost", async () => {
    const schema = await freshSchema();
    const board = await openRun({ url: withOption(schema.url, "default_transaction_isolation=serializable") });
    await board.createBrief({ briefId: "counter", ...brief });
    await board.updateBriefResult("counter", { n: 0 });
    const count = async () =>
      board.transaction(async (tx) => {
        const n = Number((await tx.getBrief("counter"))?.result?.n);
        await tx.updateBriefResult("counter", { n: n + 1 });
      });
    await Promise.all(Array.from({ length: 12 }, count));
    expect((await board.getBrief("counter"))?.result).toEqual({ n: 12 });
  });
});

describe.skipIf(!hasServer || process.env.RUN_BLACKBOARD_POSTGRES_URL)("a server that goes away", () => {
  test("causes ConnectionError, rolls back the open transaction, and is usable again when it is back", async () => {
    const server = startPrivateServer();
    if (!server) throw new Error("there is no server to start");
    onTestFinished(() => server.stop());
    // Without a listener from the caller.
    const pool = new pg.Pool({ connectionString: server.url });
    const boards = [await openRun(server), await openRun(server, { connection: pool })];
    for (const board of boards) await Promise.all(Array.from({ length: 8 }, () => board.getRun()));
    for (const board of boards) {
      const error = await caught(ConnectionError, () =>
        board.transaction(async (tx) => {
          await tx.createBrief({ briefId: "lost", ...brief });
          server.halt();
          await tx.logEvent("spawned");
        }),
      );
      expect(error.message).toContain("unknown");
      await caught(ConnectionError, () => board.createBrief({ briefId: "b", ...brief }));
      await caught(ConnectionError, () => board.transaction((tx) => tx.getRun()));
      server.start();
      expect(await board.getBrief("lost")).toBeUndefined();
      await board.createBrief({ briefId: "b", ...brief });
    }
    for (const board of boards) await board.close();
    await pool.end();
  });
});
