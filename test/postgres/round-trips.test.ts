/** How often a call waits for the server: what decides its cost where the server is on another machine. */
import type { Claim } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { StandingClock } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newPool, openRun } from "./fresh.ts";
import { startProxy } from "./proxy.ts";

const brief = { tier: 1, role: "coder" };
const request = { agentId: "w", leaseMs: 1000 };

async function counted() {
  const schema = await freshSchema();
  const proxy = await startProxy(schema.url);
  onTestFinished(() => proxy.stop());
  const clock = new StandingClock();
  const board = await openRun({ url: proxy.url }, { connection: newPool(proxy.url, { max: 1 }), clock: clock.read });
  await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 1 });
  const claim = async (): Promise<Claim> => {
    await board.createBrief(brief);
    return (await board.claimBrief(request)) ?? expect.fail("nothing to claim");
  };
  const roundTripsOf = async (call: () => Promise<unknown>) => {
    const before = proxy.roundTrips();
    await call();
    return proxy.roundTrips() - before;
  };
  return { board, clock, claim, roundTripsOf };
}

describe.skipIf(!hasServer)("round trips on PostgreSQL", () => {
  test("a move with its event is one", async () => {
    const { board, claim, roundTripsOf } = await counted();
    const found: Record<string, number> = {};
    const count = async (name: string, call: () => Promise<unknown>) => {
      found[name] = await roundTripsOf(call);
    };
    await count("spawn", () =>
      board.spawnBrief({ briefId: "parent", ...brief, notBefore: new Date(0) }, { by: "planner" }),
    );
    const below = { ...brief, parentBriefId: "parent", workstreamId: "ws" };
    await count("spawn below", () => board.spawnBrief({ briefId: "child", ...below }));
    await count("retry by id", () => board.retryBrief("child", { why: "again" }));
    await count("complete by id", () => board.completeBrief("child", {}));
    await count("fail by id", () => board.failBrief("parent"));
    const claims = [await claim(), await claim(), await claim(), await claim(), await claim()] as const;
    await count("complete", () => board.completeBrief(claims[0], { done: true }, { seconds: 1 }));
    await count("fail", () => board.failBrief(claims[1]));
    await count("escalate", () => board.escalateBrief(claims[2]));
    await count("retry", () => board.retryBrief(claims[3]));
    await count("retry later", () => board.retryBrief(claims[4], {}, { delayMs: 1000 }));
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, 1])));
    expect((await board.getRunSummary()).lastSeq).toBe(Object.keys(found).length);
  });

  test("an idle claim is one; a claim is two, and so is a takeover", async () => {
    const { board, clock, roundTripsOf } = await counted();
    expect(await roundTripsOf(() => board.claimBrief(request))).toBe(1);
    await board.createBrief({ briefId: "b", ...brief });
    expect(await roundTripsOf(() => board.claimBrief(request))).toBe(2);
    clock.advance(5000);
    expect(await roundTripsOf(() => board.claimBrief({ ...request, maxRetries: 1 }))).toBe(2);
    expect(await board.getBrief("b")).toMatchObject({ attempt: 2, retryCount: 1, status: "active" });
  });

  test("a claim that gives up expired briefs needs one more for each", async () => {
    const { board, clock, roundTripsOf } = await counted();
    for (const briefId of ["a", "b", "c"]) {
      await board.createBrief({ briefId, ...brief, retryCount: briefId === "c" ? 0 : 1 });
      await board.claimBrief(request);
      clock.advance(1);
    }
    clock.advance(5000);
    let claim: Claim | undefined;
    const found = await roundTripsOf(async () => {
      claim = await board.claimBrief({ ...request, maxRetries: 1 });
    });
    expect(claim).toMatchObject({ brief: { briefId: "c" }, attempt: 2 });
    expect(found).toBe(4);
    const reasons = (await board.listEvents()).items.map(({ briefId, kind, detail }) => [briefId, kind, detail]);
    const detail = { previousAgent: "w", attempt: 1 };
    expect(reasons).toEqual([
      ["a", "failed", { reason: "retries exhausted", ...detail }],
      ["b", "failed", { reason: "retries exhausted", ...detail }],
      ["c", "retried", { reason: "lease expired", ...detail }],
    ]);
  });

  test("inside a transaction each of them is one more, for its savepoint", async () => {
    const { board, roundTripsOf } = await counted();
    await board.transaction(async (tx) => {
      expect(await roundTripsOf(() => tx.spawnBrief({ briefId: "b", ...brief }))).toBe(2);
      expect(await roundTripsOf(() => tx.failBrief("b"))).toBe(2);
    });
    expect((await board.getRunSummary()).events).toMatchObject({ spawned: 1, failed: 1 });
  });
});
