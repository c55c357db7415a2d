/** Claiming a brief, taking over an expired claim, and using a claim. */
import { type Claim, LostClaimError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import {
  type Board,
  caughtUnchanged,
  type Engine,
  everything,
  inTransaction,
  openRun,
  outcome,
  refused,
} from "./engine.ts";

const request = { agentId: "w-1", leaseMs: 1000 };

async function mustClaim(board: Board, more: object = {}): Promise<Claim> {
  const claim = await board.claimBrief({ ...request, ...more });
  if (!claim) throw new Error("there was nothing to claim");
  return claim;
}

export function claims(engine: Engine): void {
  describe("a lease that would end after the year 9999, which sorts before every other time as text,", () => {
    const last = Date.parse("9999-12-31T23:59:59.999Z");

    test("is rejected by claimBrief, renewClaim and holdClaim, and nothing is written", async () => {
      const place = await engine.place();
      let now = last - 1000;
      const board = await place.open({ runId: "run-1", clock: () => new Date(now) });
      await board.createRun("a goal");
      await board.createBrief({ tier: 1, role: "coder" });
      await refused(place, ["leaseMs"], () => board.claimBrief({ agentId: "w-1", leaseMs: 1001 }));
      const claim = await mustClaim(board);
      expect(claim.leaseExpiresAt).toBe("9999-12-31T23:59:59.999Z");
      now = last;
      await refused(place, ["leaseMs"], () => board.renewClaim(claim, { leaseMs: 2 ** 31 - 1 }));
      await refused(place, ["leaseMs"], async () => await board.holdClaim(claim, { leaseMs: 60_000 }, async () => 1));
    });
  });

  /** Opens a run with briefs created one second apart. */
  async function openWith(...briefs: { briefId: string; [name: string]: unknown }[]) {
    const opened = await openRun(engine);
    await opened.board.createWorkstream({ workstreamId: "ws", name: "api", tier: 1 });
    for (const brief of briefs) {
      opened.clock.advance(1000);
      await opened.board.createBrief({ tier: 1, role: "coder", ...brief });
    }
    return opened;
  }

  describe("claimBrief", () => {
    test("claimBrief returns the oldest pending brief as active with a lease that starts now and logs no event", async () => {
      const { board, clock } = await openWith({ briefId: "b", payload: { task: 1 } }, { briefId: "a" });
      clock.advance(500);
      const claim = await mustClaim(board);
      const end = new Date(clock.read().getTime() + 1000).toISOString();
      expect(claim).toStrictEqual({
        brief: await board.getBrief("b"),
        role: "coder",
        attempt: 1,
        agentId: "w-1",
        leaseExpiresAt: end,
      });
      expect(claim.brief).toMatchObject({
        status: "active",
        payload: { task: 1 },
        attempt: 1,
        claimedBy: "w-1",
        leaseExpiresAt: end,
        retryCount: 0,
        updatedAt: clock.text,
      });
      expect((await board.listEvents()).items).toEqual([]);
      expect((await mustClaim(board)).brief.briefId).toBe("a");
      expect(await board.claimBrief(request)).toBeUndefined();
    });

    test("claimBrief orders briefs created at the same time by id in code point order", async () => {
      const { board } = await openRun(engine);
      for (const briefId of ["b", "a", "B", "é"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
      const order: string[] = [];
      for (let n = 0; n < 4; n++) order.push((await mustClaim(board)).brief.briefId);
      expect(order).toEqual(["B", "a", "b", "é"]);
    });

    test("claimBrief only returns briefs that match its role, roles, tier or workstream", async () => {
      const { board } = await openWith(
        { briefId: "a", role: "planner", tier: 0 },
        { briefId: "b", role: "coder", tier: 1 },
        { briefId: "c", role: "tester", tier: 1, workstreamId: "ws" },
        { briefId: "d", role: "tester", tier: 2 },
      );
      expect(await board.claimBrief({ ...request, role: "nobody" })).toBeUndefined();
      expect(await board.claimBrief({ ...request, role: [] })).toBeUndefined();
      expect((await mustClaim(board, { tier: 2 })).brief.briefId).toBe("d");
      expect((await mustClaim(board, { role: ["tester", "coder"] })).brief.briefId).toBe("b");
      expect((await mustClaim(board, { role: ["tester"], tier: 1, workstreamId: "ws" })).brief.briefId).toBe("c");
      expect(await board.claimBrief({ ...request, role: "tester" })).toBeUndefined();
      expect((await mustClaim(board)).brief.briefId).toBe("a");
    });

    test("claimBrief returns undefined for a run that does not exist", async () => {
      const { place } = await openRun(engine);
      const other = await place.open({ runId: "run-2" });
      expect(await other.claimBrief(request)).toBeUndefined();
    });

    test("claimBrief returns pending briefs with any retry count, so that the agent decides", async () => {
      const { board } = await openWith({ briefId: "b", retryCount: 9 });
      expect((await mustClaim(board, { maxRetries: 0 })).brief.retryCount).toBe(9);
    });

    test("claimBrief skips an active brief that has no claim", async () => {
      const { board, clock } = await openWith({ briefId: "b" });
      await board.updateBriefStatus("b", "active");
      clock.advance(2 ** 40);
      expect(await board.claimBrief(request)).toBeUndefined();
    });

    test("claimBrief rejects invalid options and claims nothing", async () => {
      const { board, place } = await openWith({ briefId: "b" });
      const bad: [object, string[]][] = [
        [{ agentId: "" }, ["agentId"]],
        [{ agentId: "x".repeat(257) }, ["agentId"]],
        [{ leaseMs: 0 }, ["leaseMs"]],
        [{ leaseMs: 1.5 }, ["leaseMs"]],
        [{ leaseMs: 2 ** 31 }, ["leaseMs"]],
        [{ role: "" }, ["role"]],
        [{ role: ["coder", 5] }, ["role[1]"]],
        [{ tier: -1 }, ["tier"]],
        [{ workstreamId: null }, ["workstreamId"]],
        [{ maxRetries: -1 }, ["maxRetries"]],
        [{ lease: 5 }, ["lease"]],
        [{ agentId: 1, leaseMs: "x", tier: "y" }, ["agentId", "leaseMs", "tier"]],
      ];
      for (const [wrong, paths] of bad) await refused(place, paths, () => board.claimBrief({ ...request, ...wrong }));
      // @ts-expect-error
      await refused(place, ["agentId", "leaseMs"], () => board.claimBrief());
    });

    test("claimBrief is undone when its transaction rolls back", async () => {
      const { board } = await openWith({ briefId: "b" });
      const gone = new Error("undo");
      const undone = async () =>
        inTransaction(board, function* (tx) {
          yield* outcome(tx.claimBrief(request));
          throw gone;
        });
      await expect(undone()).rejects.toBe(gone);
      expect(await board.getBrief("b")).toMatchObject({ status: "pending", attempt: 0 });
    });
  });

  describe("an expired claim", () => {
    test("claimBrief takes over an expired claim and logs `retried` with the previous agent", async () => {
      const { board, clock } = await openWith({ briefId: "b" });
      await mustClaim(board);
      clock.advance(999);
      expect(await board.claimBrief({ ...request, agentId: "w-2" })).toBeUndefined();
      clock.advance(1);
      const second = await mustClaim(board, { agentId: "w-2", leaseMs: 50 });
      expect(second).toMatchObject({ attempt: 2, agentId: "w-2" });
      expect(second.brief).toMatchObject({ status: "active", retryCount: 1, claimedBy: "w-2" });
      expect((await board.listEvents()).items).toMatchObject([
        {
          kind: "retried",
          briefId: "b",
          detail: { reason: "lease expired", previousAgent: "w-1", attempt: 1 },
          createdAt: clock.text,
        },
      ]);
    });

    test("claimBrief takes over expired claims before it claims pending briefs, longest expired first", async () => {
      const { board, clock } = await openWith({ briefId: "a" }, { briefId: "b" }, { briefId: "c" }, { briefId: "d" });
      await mustClaim(board, { leaseMs: 300 });
      await mustClaim(board, { leaseMs: 100 });
      await mustClaim(board, { leaseMs: 9999 });
      clock.advance(500);
      const order: string[] = [];
      for (let n = 0; n < 3; n++) order.push((await mustClaim(board)).brief.briefId);
      expect(order).toEqual(["b", "a", "d"]);
      expect(await board.claimBrief(request)).toBeUndefined();
    });

    test("claimBrief only takes over expired claims on briefs that match its filter", async () => {
      const { board, clock } = await openWith({ briefId: "a" }, { briefId: "t", role: "tester" });
      await mustClaim(board, { role: "coder" });
      clock.advance(5000);
      expect((await mustClaim(board, { role: "tester" })).brief.briefId).toBe("t");
      expect((await mustClaim(board)).brief.briefId).toBe("a");
    });

    test("claimBrief fails an expired brief without retries left, logs the reason and claims the next brief", async () => {
      const { board, clock } = await openWith(
        { briefId: "a", retryCount: 2 },
        { briefId: "b", retryCount: 1 },
        { briefId: "c" },
      );
      for (let n = 0; n < 2; n++) await mustClaim(board);
      clock.advance(1000);
      const claim = await mustClaim(board, { agentId: "w-2", maxRetries: 2 });
      expect(claim).toMatchObject({ attempt: 2, brief: { briefId: "b", retryCount: 2 } });
      expect(await board.getBrief("a")).toMatchObject({
        status: "failed",
        retryCount: 2,
        attempt: 1,
        claimedBy: "w-1",
        leaseExpiresAt: null,
      });
      expect((await board.listEvents()).items).toMatchObject([
        { kind: "failed", briefId: "a", detail: { reason: "retries exhausted", previousAgent: "w-1", attempt: 1 } },
        { kind: "retried", briefId: "b", detail: { reason: "lease expired", previousAgent: "w-1", attempt: 1 } },
      ]);
    });

    test("claimBrief returns undefined when every expired brief is out of retries; they stay failed", async () => {
      const { board, clock } = await openWith({ briefId: "a" }, { briefId: "b" });
      for (let n = 0; n < 2; n++) await mustClaim(board);
      clock.advance(1000);
      expect(await board.claimBrief({ ...request, maxRetries: 0 })).toBeUndefined();
      expect((await board.getRunSummary()).briefs).toEqual({ pending: 0, active: 0, done: 0, failed: 2 });
      expect((await board.getRunSummary()).events.failed).toBe(2);
    });

    test("claimBrief leaves expired briefs that follow the claimed one unchanged", async () => {
      const { board, clock } = await openWith({ briefId: "a" }, { briefId: "b", retryCount: 5 });
      await mustClaim(board, { leaseMs: 10 });
      await mustClaim(board, { leaseMs: 20 });
      clock.advance(1000);
      expect((await mustClaim(board, { maxRetries: 5 })).brief.briefId).toBe("a");
      expect(await board.getBrief("b")).toMatchObject({ status: "active", retryCount: 5 });
    });

    test("claimBrief takes over a brief whose retry count is at its maximum without changing the count", async () => {
      const { board, clock } = await openWith({ briefId: "b", retryCount: 2 ** 31 - 1 });
      await mustClaim(board);
      clock.advance(1000);
      expect((await mustClaim(board)).brief).toMatchObject({ retryCount: 2 ** 31 - 1, attempt: 2 });
    });
  });

  describe("a claim", () => {
    /** Every operation that takes a claim. */
    const uses: [string, (board: Board, claim: Claim) => unknown][] = [
      ["renewClaim", (board, claim) => board.renewClaim(claim, { leaseMs: 5 })],
      ["releaseClaim", (board, claim) => board.releaseClaim(claim)],
      ["completeBrief", (board, claim) => board.completeBrief(claim, { ok: true })],
      ["failBrief", (board, claim) => board.failBrief(claim)],
      ["retryBrief", (board, claim) => board.retryBrief(claim)],
      ["escalateBrief", (board, claim) => board.escalateBrief(claim)],
    ];
    /** Every way to lose a claim. */
    const losses: [string, (board: Board, advance: (ms: number) => void, claim: Claim) => unknown][] = [
      [
        "was taken over",
        async (board, advance) => {
          advance(1000);
          await mustClaim(board, { agentId: "w-2" });
        },
      ],
      ["was released", (board, _, claim) => board.releaseClaim(claim)],
      [
        "was released and claimed again, by the same agent",
        async (board, _, claim) => {
          await board.releaseClaim(claim);
          await mustClaim(board);
        },
      ],
      ["has failed", (board) => board.failBrief("b")],
      ["was completed by id", (board) => board.completeBrief("b", { ok: false })],
      ["was set pending", (board) => board.updateBriefStatus("b", "pending")],
    ];
    describe.each(losses)("whose brief %s", (_, lose) => {
      test.each(uses)(
        "is rejected by %s with LostClaimError and the current state, and nothing changes",
        async (_name, use) => {
          const { board, place, clock } = await openWith({ briefId: "b" });
          const claim = await mustClaim(board);
          await lose(board, (ms) => clock.advance(ms), claim);
          const error = await caughtUnchanged(place, LostClaimError, () => use(board, claim));
          const now = await board.getBrief("b");
          expect(error).toMatchObject({
            briefId: "b",
            attempt: 1,
            current: { status: now?.status, attempt: now?.attempt, claimedBy: now?.claimedBy },
          });
        },
      );
    });

    test.each(uses)("whose lease has expired but which no agent has taken over is accepted by %s", async (_, use) => {
      const { board, clock } = await openWith({ briefId: "b" });
      const claim = await mustClaim(board);
      clock.advance(2 ** 35);
      await use(board, claim);
    });

    test.each(uses)("on an unknown brief causes NotFoundError: %s", async (_, use) => {
      const { board, place } = await openWith({ briefId: "b" });
      const claim = await mustClaim(board);
      const error = await caughtUnchanged(place, NotFoundError, () =>
        use(board, { ...claim, brief: { ...claim.brief, briefId: "none" } }),
      );
      expect(error).toMatchObject({ entity: "brief", id: "none" });
    });

    test.each(uses)("with missing or invalid fields is rejected by %s", async (_, use) => {
      const { board, place } = await openWith({ briefId: "b" });
      const wrong: [unknown, string[]][] = [
        [{}, ["claim.attempt", "claim.brief.briefId"]],
        [{ brief: {}, attempt: 1 }, ["claim.brief.briefId"]],
        [{ brief: "b", attempt: 1 }, ["claim.brief", "claim.brief.briefId"]],
        [{ brief: { briefId: "b" }, attempt: "1" }, ["claim.attempt"]],
      ];
      for (const [claim, paths] of wrong) await refused(place, paths, () => use(board, claim as Claim));
    });

    test("is plain data: a copy that went through JSON is still accepted", async () => {
      const { board } = await openWith({ briefId: "b" });
      const sent = JSON.parse(JSON.stringify(await mustClaim(board)));
      expect((await board.completeBrief(sent, { ok: true })).status).toBe("done");
    });

    test("renewClaim sets the expiry to leaseMs from now and returns it in the claim and the brief", async () => {
      const { board, clock } = await openWith({ briefId: "b" });
      const claim = await mustClaim(board);
      clock.advance(400);
      const renewed = await board.renewClaim(claim, { leaseMs: 5000 });
      const end = new Date(clock.read().getTime() + 5000).toISOString();
      expect(renewed).toStrictEqual({ ...claim, leaseExpiresAt: end, brief: await board.getBrief("b") });
      expect(renewed.brief).toMatchObject({ leaseExpiresAt: end, attempt: 1, updatedAt: clock.text });
      clock.advance(4999);
      expect(await board.claimBrief(request)).toBeUndefined();
      expect((await board.listEvents()).items).toEqual([]);
    });

    test("renewClaim requires a positive leaseMs", async () => {
      const { board, place } = await openWith({ briefId: "b" });
      const claim = await mustClaim(board);
      await refused(place, ["leaseMs"], () => board.renewClaim(claim, { leaseMs: 0 }));
      // @ts-expect-error
      await refused(place, ["leaseMs"], () => board.renewClaim(claim));
      // @ts-expect-error
      await refused(place, ["lease"], () => board.renewClaim(claim, { leaseMs: 1, lease: 2 }));
    });

    test("releaseClaim makes the brief pending and unclaimed and keeps its attempt and its position in the queue", async () => {
      const { board, clock } = await openWith({ briefId: "a" }, { briefId: "b" });
      const claim = await mustClaim(board);
      clock.advance(7);
      const released = await board.releaseClaim(claim);
      expect(released).toStrictEqual(await board.getBrief("a"));
      expect(released).toMatchObject({
        status: "pending",
        claimedBy: null,
        leaseExpiresAt: null,
        attempt: 1,
        retryCount: 0,
        updatedAt: clock.text,
      });
      expect((await board.listEvents()).items).toEqual([]);
      expect(await mustClaim(board)).toMatchObject({ attempt: 2, brief: { briefId: "a" } });
    });

    test("completeBrief with an equal result writes nothing the second time; a different result throws LostClaimError", async () => {
      const { board, place, clock } = await openWith({ briefId: "b" });
      const claim = await mustClaim(board);
      const done = await board.completeBrief(claim, { a: 1, b: [2] });
      expect(done).toMatchObject({ status: "done", result: { a: 1, b: [2] }, claimedBy: "w-1", leaseExpiresAt: null });
      clock.advance(100);
      const before = await everything(place);
      expect(await board.completeBrief(claim, { b: [2], a: 1 }, { again: true })).toStrictEqual(done);
      expect(await everything(place)).toEqual(before);
      await caughtUnchanged(place, LostClaimError, () => board.completeBrief(claim, { a: 1 }));
      await caughtUnchanged(place, LostClaimError, () => board.failBrief(claim));
    });
  });
}
