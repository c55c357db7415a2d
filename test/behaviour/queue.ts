/** The order of claims: priority and age, times before which a brief can't be claimed, and statuses that hold claims back. */
import type { BriefStatus, RunStatus } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, type Engine, inTransaction, openRun, outcome, refused } from "./engine.ts";

const request = { agentId: "w-1", leaseMs: 1000 };

export function queue(engine: Engine): void {
  /** Opens a run with briefs created one second apart. */
  async function openWith(...briefs: { briefId: string; [name: string]: unknown }[]) {
    const opened = await openRun(engine);
    for (const workstreamId of ["ws", "other"]) {
      await opened.board.createWorkstream({ workstreamId, name: workstreamId, tier: 1 });
    }
    for (const brief of briefs) {
      opened.clock.advance(1000);
      await opened.board.createBrief({ tier: 1, role: "coder", ...brief });
    }
    return opened;
  }
  async function claimedIds(board: Board, more: object = {}): Promise<string[]> {
    const ids: string[] = [];
    for (;;) {
      const claim = await board.claimBrief({ ...request, ...more });
      if (!claim) return ids;
      ids.push(claim.brief.briefId);
    }
  }
  async function mustClaim(board: Board) {
    const claim = await board.claimBrief(request);
    if (!claim) throw new Error("there was nothing to claim");
    return claim;
  }

  describe("priority", () => {
    test("the highest priority is claimed first, of these the oldest, with and without a role", async () => {
      const briefs = [
        { briefId: "a" },
        { briefId: "b", priority: -5 },
        { briefId: "c", priority: 7, role: "tester" },
        { briefId: "d", priority: 7 },
        { briefId: "e", priority: 2 ** 31 - 1 },
        { briefId: "f", priority: -(2 ** 31) },
      ];
      const order = ["e", "c", "d", "a", "b", "f"];
      expect(await claimedIds((await openWith(...briefs)).board)).toEqual(order);
      expect(await claimedIds((await openWith(...briefs)).board, { role: ["tester", "coder"] })).toEqual(order);
      const { board } = await openWith(...briefs);
      expect(await claimedIds(board, { role: "coder" })).toEqual(["e", "d", "a", "b", "f"]);
      expect(await claimedIds(board, { role: "tester" })).toEqual(["c"]);
    });

    test("an expired lease goes before every priority", async () => {
      const { board, clock } = await openWith({ briefId: "old" });
      await mustClaim(board);
      await board.createBrief({ briefId: "urgent", tier: 1, role: "coder", priority: 100 });
      clock.advance(1000);
      expect(await claimedIds(board)).toEqual(["old", "urgent"]);
    });

    test("is an integer of 32 bits", async () => {
      const { board, place } = await openWith();
      for (const priority of [2 ** 31, -(2 ** 31) - 1, 1.5, "1", null]) {
        await refused(place, ["priority"], () =>
          board.createBrief({ tier: 1, role: "coder", priority: priority as number }),
        );
      }
    });
  });

  describe("notBefore", () => {
    test("a brief is claimed when its time has come, in the order of all others, and the claim clears the time", async () => {
      const { board, clock } = await openWith({ briefId: "x" });
      const notBefore = new Date(clock.read().getTime() + 5000);
      const later = await board.createBrief({ briefId: "later", tier: 1, role: "coder", priority: 1, notBefore });
      expect(later).toMatchObject({ status: "pending", notBefore: notBefore.toISOString() });
      clock.advance(10);
      await board.createBrief({ briefId: "y", tier: 1, role: "coder" });
      expect(await claimedIds(board)).toEqual(["x", "y"]);
      await board.retryBrief("x");
      await board.retryBrief("y");
      clock.advance(4989);
      expect((await mustClaim(board)).brief.briefId).toBe("x");
      clock.advance(1);
      await board.createBrief({ briefId: "z", tier: 1, role: "tester" });
      expect((await mustClaim(board)).brief).toMatchObject({ briefId: "later", notBefore: null });
      expect(await claimedIds(board)).toEqual(["y", "z"]);
    });

    test("the time stays on a brief that others could have claimed already", async () => {
      const { board, clock } = await openWith({ briefId: "first", priority: 1 });
      const notBefore = new Date(clock.read().getTime() + 1);
      await board.createBrief({ briefId: "second", tier: 1, role: "coder", notBefore });
      clock.advance(1);
      expect((await mustClaim(board)).brief.briefId).toBe("first");
      expect(await board.getBrief("second")).toMatchObject({ status: "pending", notBefore: notBefore.toISOString() });
    });

    test("updateBriefStatus to pending clears the time, so the brief can be claimed at once", async () => {
      const { board, clock } = await openWith({ briefId: "a" });
      const notBefore = new Date(clock.read().getTime() + 5000);
      await board.createBrief({ briefId: "b", tier: 1, role: "coder", priority: 1, notBefore });
      expect(await board.updateBriefStatus("b", "pending")).toMatchObject({ status: "pending", notBefore: null });
      expect(await claimedIds(board)).toEqual(["b", "a"]);
      await board.retryBrief("a", {}, { delayMs: 5000 });
      await board.updateBriefStatus("a", "failed");
      await board.updateBriefStatus("a", "pending");
      expect(await claimedIds(board)).toEqual(["a"]);
    });

    test("a brief that also comes after another waits for both", async () => {
      const { board, clock } = await openWith({ briefId: "a" });
      const notBefore = new Date(clock.read().getTime() + 5000);
      await board.createBrief({ briefId: "b", tier: 1, role: "coder", notBefore, after: ["a"] });
      clock.advance(5000);
      expect(await claimedIds(board)).toEqual(["a"]);
      await board.completeBrief("a", {});
      expect(await claimedIds(board)).toEqual(["b"]);
    });

    test("is a Date in the years 0 to 9999", async () => {
      const { board, place } = await openWith();
      for (const notBefore of [new Date(Number.NaN), new Date(8.64e15), new Date(-8.64e15), "2026-01-01", 5, null]) {
        await refused(place, ["notBefore"], () =>
          board.createBrief({ tier: 1, role: "coder", notBefore: notBefore as Date }),
        );
      }
    });
  });

  describe("delayMs", () => {
    const moves: [string, (board: Board, options?: { delayMs?: number }) => unknown][] = [
      ["retryBrief by claim", async (board, options) => board.retryBrief(await mustClaim(board), {}, options)],
      ["retryBrief by id", async (board, options) => board.retryBrief("b", {}, options)],
      ["releaseClaim", async (board, options) => board.releaseClaim(await mustClaim(board), options)],
    ];

    test.each(moves)("%s sets notBefore from the clock, and clears it with 0 or without", async (_, move) => {
      const { board, clock } = await openWith({ briefId: "b" });
      await move(board, { delayMs: 700 });
      const until = new Date(clock.read().getTime() + 700).toISOString();
      const cleared = { status: "pending", claimedBy: null, claimedAt: null, leaseExpiresAt: null };
      expect(await board.getBrief("b")).toMatchObject({ ...cleared, notBefore: until });
      clock.advance(699);
      expect(await board.claimBrief(request)).toBeUndefined();
      clock.advance(1);
      await move(board, { delayMs: 0 });
      expect(await board.getBrief("b")).toMatchObject({ ...cleared, notBefore: null });
      await move(board);
      expect((await mustClaim(board)).brief).toMatchObject({ briefId: "b", notBefore: null });
    });

    test.each(moves)(
      "%s refuses what is not an integer of milliseconds, and a time after the year 9999",
      async (_, move) => {
        const { board, place, clock } = await openWith({ briefId: "b" });
        const claim = await mustClaim(board);
        for (const delayMs of [-1, 2 ** 31, 1.5, "5" as unknown as number]) {
          await refused(place, ["delayMs"], () => board.retryBrief("b", {}, { delayMs }));
          await refused(place, ["delayMs"], () => board.releaseClaim(claim, { delayMs }));
        }
        await board.releaseClaim(claim);
        clock.advance(Date.parse("9999-12-31T23:59:59.999Z") - clock.read().getTime() - 10);
        const stored = await board.getBrief("b");
        await expect((async () => move(board, { delayMs: 11 }))()).rejects.toThrow(/delayMs|leaseMs/);
        expect(await board.getBrief("b")).toStrictEqual(stored);
      },
    );
  });

  describe("statuses that hold claims back", () => {
    const holding: RunStatus[] = ["review", "done", "failed"];

    test.each(holding)(
      "a run that is %s: nothing is claimed or taken over, and claims in hand go on",
      async (status) => {
        const { board, clock } = await openWith({ briefId: "a" }, { briefId: "b" }, { briefId: "c" }, { briefId: "d" });
        const inHand = [await mustClaim(board), await mustClaim(board), await mustClaim(board)];
        await board.updateRunStatus(status);
        expect(await board.claimBrief(request)).toBeUndefined();
        const [a, b, c] = inHand;
        if (!a || !b || !c) throw new Error("not claimed");
        await board.renewClaim(a, { leaseMs: 1000 });
        await board.completeBrief(a, {});
        await board.failBrief(b);
        clock.advance(1000);
        expect(await board.claimBrief({ ...request, maxRetries: 0 })).toBeUndefined();
        expect(await board.getBrief("c")).toMatchObject({ status: "active", attempt: 1, retryCount: 0 });
        await board.updateRunStatus("active");
        expect(await claimedIds(board)).toEqual(["c", "d"]);
      },
    );

    test("the briefs of a blocked workstream are held back, others are claimed, and unblocking is all it takes", async () => {
      const { board, clock } = await openWith(
        { briefId: "a", workstreamId: "ws", priority: 5 },
        { briefId: "b", workstreamId: "ws" },
        { briefId: "c", workstreamId: "other" },
        { briefId: "d" },
      );
      expect((await mustClaim(board)).brief.briefId).toBe("a");
      await board.updateWorkstreamStatus("ws", "blocked");
      clock.advance(1000);
      expect(await claimedIds(board, { maxRetries: 0 })).toEqual(["c", "d"]);
      expect(await claimedIds(board, { workstreamId: "ws" })).toEqual([]);
      expect(await board.getBrief("a")).toMatchObject({ status: "active", retryCount: 0 });
      await board.createBrief({ briefId: "e", tier: 1, role: "coder", workstreamId: "ws" });
      expect(await claimedIds(board)).toEqual([]);
      const pending: BriefStatus = "pending";
      expect((await board.listBriefs({ status: pending, ready: true })).items.map(({ briefId }) => briefId)).toEqual([
        "b",
        "e",
      ]);
      await board.updateWorkstreamStatus("ws", "active");
      expect(await claimedIds(board)).toEqual(["a", "b", "e"]);
    });

    test("more blocked briefs than a claim considers at once don't hide the one behind them", async () => {
      const { board, place } = await openWith();
      await place.sql(
        `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1300)
         INSERT INTO briefs (brief_id, run_id, workstream_id, tier, role, created_at, updated_at)
         SELECT 'b' || cast(n AS text), 'run-1', 'ws', 1, 'coder', '2026', '' FROM numbers`,
      );
      await board.createBrief({ briefId: "free", tier: 1, role: "coder" });
      await board.updateWorkstreamStatus("ws", "blocked");
      expect(await claimedIds(board)).toEqual(["free"]);
      expect(await claimedIds(board, { role: "coder" })).toEqual([]);
      await board.updateWorkstreamStatus("ws", "done");
      expect(await claimedIds(board)).toHaveLength(1300);
    });

    test("a brief that is retried while its workstream is blocked stays held back", async () => {
      const { board } = await openWith({ briefId: "a", workstreamId: "ws" });
      const claim = await mustClaim(board);
      await board.updateWorkstreamStatus("ws", "blocked");
      await board.retryBrief(claim, {}, { delayMs: 0 });
      expect(await claimedIds(board)).toEqual([]);
      await board.updateWorkstreamStatus("ws", "pending");
      expect(await claimedIds(board)).toEqual(["a"]);
    });

    test("a claim and the status that holds it back are decided within one transaction", async () => {
      const { board } = await openWith({ briefId: "a", workstreamId: "ws" }, { briefId: "b" });
      await inTransaction(board, function* (tx) {
        yield* outcome(tx.updateWorkstreamStatus("ws", "blocked"));
        expect((yield* outcome(tx.claimBrief(request)))?.brief.briefId).toBe("b");
        yield* outcome(tx.updateRunStatus("review"));
        yield* outcome(tx.updateWorkstreamStatus("ws", "active"));
        expect(yield* outcome(tx.claimBrief(request))).toBeUndefined();
        yield* outcome(tx.updateRunStatus("active"));
        expect((yield* outcome(tx.claimBrief(request)))?.brief.briefId).toBe("a");
      });
    });
  });

  describe("progress and claimedAt", () => {
    test("renewClaim stores progress, replaces it, clears it with null and keeps it when left out", async () => {
      const { board, clock } = await openWith({ briefId: "a" });
      const claim = await mustClaim(board);
      expect(claim.brief.progress).toBeNull();
      clock.advance(10);
      const renewed = await board.renewClaim(claim, { leaseMs: 1000, progress: { step: 1, seen: ["x"] } });
      expect(renewed.brief).toMatchObject({ progress: { step: 1, seen: ["x"] } });
      expect(await board.getBrief("a")).toStrictEqual(renewed.brief);
      expect((await board.renewClaim(claim, { leaseMs: 1000 })).brief.progress).toEqual({ step: 1, seen: ["x"] });
      expect((await board.renewClaim(claim, { leaseMs: 1000, progress: {} })).brief.progress).toEqual({});
      expect((await board.renewClaim(claim, { leaseMs: 1000, progress: null })).brief.progress).toBeNull();
    });

    test("progress survives takeovers, releases, retries and results", async () => {
      const { board, clock } = await openWith({ briefId: "a" });
      const progress = { step: 2 };
      const first = await mustClaim(board);
      await board.renewClaim(first, { leaseMs: 1000, progress });
      clock.advance(1000);
      const second = await mustClaim(board);
      expect(second).toMatchObject({ attempt: 2, brief: { progress } });
      expect((await board.releaseClaim(second)).progress).toEqual(progress);
      const third = await mustClaim(board);
      expect((await board.retryBrief(third)).progress).toEqual(progress);
      const fourth = await mustClaim(board);
      expect(await board.completeBrief(fourth, { ok: true })).toMatchObject({ progress, result: { ok: true } });
    });

    test("progress follows the rules of results", async () => {
      const { board, place } = await openWith({ briefId: "a" });
      const claim = await mustClaim(board);
      const progress: [unknown, string][] = [
        [[], "progress"],
        ["text", "progress"],
        [{ at: new Date() }, "progress.at"],
        [{ n: Number.NaN }, "progress.n"],
      ];
      for (const [value, path] of progress) {
        await refused(place, [path], () => board.renewClaim(claim, { leaseMs: 1000, progress: value as object }));
      }
    });

    test("a claim that was lost stores no progress", async () => {
      const { board } = await openWith({ briefId: "a" });
      const claim = await mustClaim(board);
      await board.retryBrief("a");
      const stored = await board.getBrief("a");
      await expect((async () => board.renewClaim(claim, { leaseMs: 1000, progress: { a: 1 } }))()).rejects.toThrow();
      expect(await board.getBrief("a")).toStrictEqual(stored);
    });

    test("claimedAt is the time of the latest claim, kept at the end and null once pending again", async () => {
      const { board, clock } = await openWith({ briefId: "a" }, { briefId: "b" });
      expect((await board.getBrief("a"))?.claimedAt).toBeNull();
      const claim = await mustClaim(board);
      const at = clock.text;
      expect(claim.brief.claimedAt).toBe(at);
      clock.advance(500);
      expect((await board.renewClaim(claim, { leaseMs: 1000 })).brief.claimedAt).toBe(at);
      expect((await board.completeBrief(claim, {})).claimedAt).toBe(at);
      const failed = await board.failBrief(await mustClaim(board));
      expect(failed.claimedAt).toBe(clock.text);
      expect((await board.retryBrief("b")).claimedAt).toBeNull();
      await mustClaim(board);
      expect((await board.updateBriefStatus("b", "pending")).claimedAt).toBeNull();
      const again = await mustClaim(board);
      clock.advance(1000);
      const taken = await mustClaim(board);
      expect(taken.brief.claimedAt).toBe(clock.text);
      expect(taken.attempt).toBe(again.attempt + 1);
      expect((await board.releaseClaim(taken)).claimedAt).toBeNull();
    });
  });
}
