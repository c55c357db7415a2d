/** Waits and held claims on a server: inside a transaction, while the server is away or read-only. */
import pg from "pg";
import { ConnectionError, LostClaimError, NotFoundError } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newClient, newPool, open, openRun } from "./fresh.ts";
import { startPrivateServer } from "./server.ts";

const pollMs = 1;

async function onPrivateServer() {
  const server = startPrivateServer();
  if (!server) throw new Error("There is a server for the other tests.");
  onTestFinished(() => server.stop());
  const schema = await freshSchema(server.url);
  const board = await openRun(schema);
  for (const briefId of ["b", "c"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
  return { server, schema, board };
}

describe.skipIf(!hasServer)("a wait on a server", () => {
  test("inside a transaction sees committed briefs, not those that the transaction wrote", async () => {
    const board = await openRun(await freshSchema());
    await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    await board.transaction(async (tx) => {
      await tx.createBrief({ briefId: "new", tier: 1, role: "coder" });
      await caught(NotFoundError, () => board.waitForBrief("new"));
      await tx.completeBrief("b", {});
      const waiting = board.waitForBrief("b", { pollMs, signal: AbortSignal.timeout(100) });
      await expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
    });
    expect((await board.waitForBrief("b")).status).toBe("done");
  });

  test("goes on when the server goes away and comes back, also one that begins in the meantime", async () => {
    const { server, board } = await onPrivateServer();
    const waiting = [board.waitForBrief("b", { pollMs }), board.waitForBriefs({ tier: 1 }, { pollMs })];
    server.halt();
    for (let n = 0; n < 3; n++) await expect(board.getRun()).rejects.toThrow(ConnectionError);
    waiting.push(board.waitForBrief("c", { pollMs }));
    server.start();
    await board.getRun();
    await board.completeBrief("b", {});
    await board.failBrief("c");
    expect(await Promise.all(waiting)).toMatchObject([
      { status: "done" },
      { pending: 0, active: 0, done: 1, failed: 1 },
      { status: "failed" },
    ]);
  });

  test("ends immediately when its signal aborts while no connection is free", async () => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const board = await openRun(schema, { connection: pool });
    await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    const held = await pool.connect();
    const abort = new AbortController();
    const waiting = board.waitForBrief("b", { signal: abort.signal });
    const reason = new Error("a reason");
    setTimeout(() => abort.abort(reason), 10);
    await expect(waiting).rejects.toBe(reason);
    held.release();
  });

  test("ends with ClosedError when the caller ends the pool", async () => {
    const schema = await freshSchema();
    const pool = new pg.Pool({ connectionString: schema.url });
    const board = await openRun(schema, { connection: pool });
    await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    const waiting = board.waitForBrief("b", { pollMs });
    waiting.catch(() => undefined);
    await pool.end();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe.skipIf(!hasServer)("a held claim on a server", () => {
  test("is held while the server is read-only for less than the lease", async () => {
    const { server, schema, board } = await onPrivateServer();
    const admin = await newClient(server.url);
    const setReadOnly = async (value: "on" | "off") => {
      await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await admin.query("SELECT pg_reload_conf()");
    };
    const claim = (await board.claimBrief({ agentId: "w", leaseMs: 60_000 })) ?? expect.fail();
    const other = await open(schema);
    const updatedAt = async () => (await other.getBrief("b"))?.updatedAt;
    await board.holdClaim(claim, { leaseMs: 6000 }, async (signal) => {
      await setReadOnly("on");
      let refused = 0;
      const call = board.renewClaim.bind(board);
      board.renewClaim = async (held, options) => {
        try {
          return await call(held, options);
        } catch (error) {
          if (error instanceof ConnectionError) refused++;
          throw error;
        }
      };
      await expect.poll(() => refused, { timeout: 30_000 }).toBeGreaterThan(1);
      expect(signal.aborted).toBe(false);
      const before = await updatedAt();
      await setReadOnly("off");
      await expect.poll(updatedAt, { timeout: 30_000 }).not.toBe(before);
    });
    expect((await board.completeBrief(claim, {})).status).toBe("done");
  });

  test("is lost when the server stays away longer than the lease", async () => {
    const { server, board } = await onPrivateServer();
    const claim = (await board.claimBrief({ agentId: "w", leaseMs: 60_000 })) ?? expect.fail();
    const held = board.holdClaim(claim, { leaseMs: 500 }, async () => {
      server.halt();
      return await new Promise(() => undefined);
    });
    const error = await caught(LostClaimError, () => held);
    expect(error.cause).toBeInstanceOf(ConnectionError);
    server.start();
  });
});
