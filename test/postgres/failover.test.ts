/** A server that is shut down, restarted or read-only, and its standby that becomes the primary. */
import { ConnectionError } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { take } from "../behaviour/watch.ts";
import { freshSchema, hasServer, makeSchema, newClient, open, openRun } from "./fresh.ts";
import { startProxy } from "./proxy.ts";
import { startPrivateServer } from "./server.ts";

const brief = { tier: 1, role: "coder" };
const pollMs = 1;

/** A primary and its standby, and a blackboard through one address. */
async function onTwoServers() {
  const primary = startPrivateServer();
  if (!primary) throw new Error("There is a server for the other tests.");
  onTestFinished(() => primary.stop());
  const { schema } = await makeSchema(primary.url);
  const proxy = await startProxy(schema.url);
  onTestFinished(() => proxy.stop());
  const board = await openRun({ url: proxy.url });
  for (const briefId of ["a", "b", "c"]) await board.createBrief({ briefId, ...brief });
  const standby = primary.startStandby();
  onTestFinished(() => standby.stop());
  /** Returns once the standby has what the primary has. */
  const followed = async () => {
    const [row] = await schema.sql<{ at: string }>("SELECT pg_current_wal_lsn()::text AS at");
    const copy = await newClient(standby.url);
    const replayed = async () => (await copy.query("SELECT pg_last_wal_replay_lsn() >= $1 AS all", [row?.at])).rows;
    await expect.poll(replayed, { timeout: 30_000 }).toEqual([{ all: true }]);
  };
  await followed();
  return { primary, standby, followed, schema, proxy, board };
}

const inAnyCase = async (calls: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((ending) => (ending.status === "rejected" ? ending.reason.code : "done"));

describe.skipIf(!hasServer || process.env.RUN_BLACKBOARD_POSTGRES_URL)("a failover", () => {
  test("to a standby that is promoted: calls reject until then, holds, waits and watches go on", async () => {
    const { primary, standby, followed, proxy, board } = await onTwoServers();
    const claim = (await board.claimBrief({ agentId: "w", leaseMs: 60_000 })) ?? expect.fail();
    await followed();
    const events = take(board.watchEvents({ pollMs }), 1);
    const waiting = board.waitForBrief("b", { pollMs });
    let renewed = 0;
    const call = board.renewClaim.bind(board);
    board.renewClaim = async (held, options) => {
      const claimed = await call(held, options);
      renewed++;
      return claimed;
    };
    await board.holdClaim(claim, { leaseMs: 3000 }, async (signal) => {
      primary.halt();
      await caught(ConnectionError, () => board.renewClaim(claim, { leaseMs: 60_000 }));
      proxy.redirect(standby.url);
      // Read-only, for now.
      const error = await caught(ConnectionError, () => board.renewClaim(claim, { leaseMs: 60_000 }));
      expect(error.message).toContain("read-only");
      await caught(ConnectionError, () => board.transaction((tx) => tx.completeBrief("b", {})));
      standby.promote();
      const before = renewed;
      await expect.poll(() => renewed, { timeout: 30_000 }).toBeGreaterThan(before);
      expect(signal.aborted).toBe(false);
      await board.completeBrief("b", {});
    });
    expect(await events).toMatchObject([{ briefId: "b", kind: "completed" }]);
    expect((await waiting).status).toBe("done");
    expect((await board.completeBrief(claim, {})).status).toBe("done");
  });

  test("from connections to a read-only server: after one call that finds it out, all go to the primary", async () => {
    const { primary, standby, schema, proxy, board } = await onTwoServers();
    // All connections of the pool.
    const readers = () => Promise.all(Array.from({ length: 10 }, () => board.getRunSummary()));
    proxy.redirect(standby.url);
    const through = await open({ url: proxy.url }, { migrate: "check", schema: schema.name });
    const other = await startProxy(standby.url);
    onTestFinished(() => other.stop());
    const url = new URL(proxy.url);
    url.searchParams.set("application_name", "read_only");
    const landed = await open({ url: url.href }, { migrate: "check" });
    await Promise.all(Array.from({ length: 10 }, () => landed.getRunSummary()));
    proxy.redirect(primary.url);
    await readers();
    await through.getRun();
    await caught(ConnectionError, () => landed.completeBrief("a", {}));
    const codes = await inAnyCase([
      landed.completeBrief("a", {}),
      landed.claimBrief({ agentId: "w", leaseMs: 60_000 }),
      landed.transaction((tx) => tx.failBrief("c")),
      ...Array.from({ length: 10 }, (_, n) => landed.spawnBrief({ briefId: `n${n}`, ...brief })),
    ]);
    expect(new Set(codes)).toEqual(new Set(["done"]));
  });

  test.each(["fast", "immediate"] as const)(
    "by a restart (%s): open calls reject, the next ones work",
    async (mode) => {
      const server = startPrivateServer();
      if (!server) throw new Error("There is a server for the other tests.");
      onTestFinished(() => server.stop());
      const schema = await freshSchema(server.url);
      const board = await openRun(schema);
      await board.createBrief({ briefId: "b", ...brief });
      await Promise.all(Array.from({ length: 10 }, () => board.getRun()));
      const lost = caught(ConnectionError, () =>
        board.transaction(async (tx) => {
          await tx.completeBrief("b", {});
          server.restart(mode);
          await tx.logEvent("spawned");
        }),
      );
      expect((await lost).message).toMatch(/57P0[12]|Connection terminated|ECONN|EPIPE/);
      expect((await board.completeBrief("b", {})).status).toBe("done");
      expect(await inAnyCase(Array.from({ length: 10 }, () => board.logEvent("spawned")))).toEqual(
        Array(10).fill("done"),
      );
    },
  );
});
