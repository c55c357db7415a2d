/** How often a call waits for the server: what decides its cost where the server is on another machine. */
import type { Claim, Roles } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { StandingClock } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newPool, openRun } from "./fresh.ts";
import { startProxy } from "./proxy.ts";

const brief = { tier: 1, role: "coder" };
const request = { agentId: "w", leaseMs: 1000 };

async function counted<R extends Roles = Roles>(roles?: R) {
  const schema = await freshSchema();
  const proxy = await startProxy(schema.url);
  onTestFinished(() => proxy.stop());
  const clock = new StandingClock();
  const board = await openRun(
    { url: proxy.url },
    {
      connection: newPool(proxy.url, { max: 1 }),
      clock: clock.read,
      ...(roles && { roles }),
    },
  );
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

  test("a claim is one, also if there is nothing to claim; a takeover is two", async () => {
    const { board, clock, roundTripsOf } = await counted();
    expect(await roundTripsOf(() => board.claimBrief(request))).toBe(1);
    await board.createBrief({ briefId: "b", ...brief });
    expect(await roundTripsOf(() => board.claimBrief(request))).toBe(1);
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

  test("a list is one, of any length, with its events", async () => {
    const { board, roundTripsOf } = await counted();
    await board.createBrief({ briefId: "root", ...brief });
    const found: Record<string, number> = {};
    const count = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
      let result: T | undefined;
      found[name] = await roundTripsOf(async () => {
        result = await call();
      });
      return result ?? expect.fail("no result");
    };
    for (const length of [1, 40, 1000]) {
      const list = Array.from({ length }, (_, n) => ({
        briefId: `${length} ${n}`,
        ...brief,
        parentBriefId: n < 2 ? "root" : `${length} ${n - 1}`,
        workstreamId: n % 2 ? "ws" : null,
        priority: 1,
      }));
      expect(await count(`spawn ${length}`, () => board.spawnBriefs(list))).toHaveLength(length);
      const claims = await count(`claim ${length}`, () => board.claimBriefs({ ...request, limit: length }));
      expect(claims.map((claim) => claim.brief.briefId)).toEqual(list.map(({ briefId }) => briefId).toSorted());
      const { renewed } = await count(`renew ${length}`, () => board.renewClaims(claims, { leaseMs: 60_000 }));
      expect(renewed).toHaveLength(length);
      const completed = await count(`complete ${length}`, () =>
        board.completeBriefs(
          claims.map((claim, n) => ({ ref: n % 2 ? claim : claim.brief.briefId, result: { n }, detail: { n } })),
        ),
      );
      expect(completed.map((one) => one.brief?.result)).toEqual(claims.map((_, n) => ({ n })));
    }
    expect(await count("claim fewer", () => board.claimBriefs({ ...request, limit: 40 }))).toHaveLength(1);
    expect(await count("claim none", () => board.claimBriefs({ ...request, limit: 40 }))).toEqual([]);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, 1])));
    const { lastSeq, events } = await board.getRunSummary();
    expect([lastSeq, events.spawned, events.completed]).toEqual([2 * 1041, 1041, 1041]);
  });

  test("a completion is one with roles too, if its claim states the role or there is one only", async () => {
    const tested = { coder: { result: z.object({ n: z.number() }) }, tester: {} };
    const { board, claim, roundTripsOf } = await counted(tested);
    const [a, b, c, d] = [await claim(), await claim(), await claim(), await claim()];
    expect(await roundTripsOf(() => board.completeBrief(a, { n: 1 }))).toBe(1);
    const list = [b, c].map((ref) => ({ ref, result: { n: 2 } }));
    expect(await roundTripsOf(() => board.completeBriefs(list))).toBe(1);
    expect(await roundTripsOf(() => board.completeBrief(d.brief.briefId, { n: 3 }))).toBe(2);
    const other = await counted({ coder: tested.coder });
    await other.board.spawnBriefs([brief, brief, brief].map((one, n) => ({ ...one, briefId: `b${n}` })));
    expect(await other.roundTripsOf(() => other.board.completeBrief("b0", { n: 1 }))).toBe(1);
    const others = ["b1", "b2"].map((ref) => ({ ref, result: { n: 2 } }));
    expect(await other.roundTripsOf(() => other.board.completeBriefs(others))).toBe(1);
  });

  test("a list of which an entry is refused is a transaction", async () => {
    const { board, claim, roundTripsOf } = await counted();
    const claims = [await claim(), await claim(), await claim()];
    await board.retryBrief(claims[1] ?? expect.fail());
    const renewing = async () => {
      const { renewed, lost } = await board.renewClaims(claims, { leaseMs: 60_000 });
      expect([renewed.length, lost.length]).toEqual([2, 1]);
    };
    expect(await roundTripsOf(renewing)).toBeLessThanOrEqual(6);
    const completing = async () => {
      const completed = await board.completeBriefs(claims.map((ref) => ({ ref, result: {} })));
      expect(completed.map(({ brief, error }) => brief?.status ?? error?.code)).toEqual(["done", "LOST_CLAIM", "done"]);
    };
    expect(await roundTripsOf(completing)).toBeLessThanOrEqual(7);
    expect((await board.getRunSummary()).lastSeq).toBe(3);
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
