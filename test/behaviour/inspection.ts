import { LostClaimError, NotFoundError, releaseBrief, reportRun, summarizeRun, TransitionError } from "run-blackboard";
import { describe, expect, it } from "vitest";
import { type MoveName, moves } from "../../src/operations/lifecycle.ts";
import { type Board, caught, caughtUnchanged, type Engine, openEmpty, openRun, refused } from "./engine.ts";

/** Functions that inspect a whole run, and releaseBrief for operators. */
export function inspection(engine: Engine): void {
  describe("inspecting a run", () => {
    it("summarizeRun returns the progress of each part and role, recent events and stuck briefs", async () => {
      const { board, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "b", name: "second", tier: 1 });
      clock.advance(1000);
      await board.createWorkstream({ workstreamId: "a", name: "third", tier: 1 });
      for (const n of [0, 1, 2, 3]) {
        await board.spawnBrief({ briefId: `w/${n}`, workstreamId: "b", tier: 1, role: n === 3 ? "tester" : "coder" });
      }
      await board.spawnBrief({ briefId: "plan", tier: 0, role: "architect" });
      const claim = await board.claimBrief({ agentId: "agent-1", leaseMs: 60_000, role: "coder" });
      clock.advance(7_200_000);
      await board.completeBrief("w/1", { ok: true });
      await board.failBrief("w/2");
      clock.advance(60_000);
      const overview = await summarizeRun(board);
      expect(overview).toMatchObject(await board.getRunSummary());
      const none = { pending: 0, active: 0, done: 0, failed: 0 };
      expect(overview.byWorkstream).toEqual([
        { workstreamId: "b", name: "second", status: "pending", briefs: { pending: 1, active: 1, done: 1, failed: 1 } },
        { workstreamId: "a", name: "third", status: "pending", briefs: none },
        { workstreamId: null, name: null, status: null, briefs: { ...none, pending: 1 } },
      ]);
      expect(overview.byRole).toEqual([
        { role: "architect", briefs: { ...none, pending: 1 } },
        { role: "coder", briefs: { pending: 0, active: 1, done: 1, failed: 1 } },
        { role: "tester", briefs: { ...none, pending: 1 } },
      ]);
      expect(overview.throughput).toMatchObject({
        windowMs: 3_600_000,
        events: { spawned: 0, completed: 1, failed: 1, escalated: 0, retried: 0 },
        completedPerMinute: 0.02,
      });
      expect(overview.oldestReady).toMatchObject({ briefId: "plan", role: "architect", tier: 0 });
      expect(overview.lastChangeAt).toBe((await board.getBrief("w/2"))?.updatedAt);
      expect(overview.expiredLeases).toBe(1);
      expect(overview.longestExpired).toEqual([
        { briefId: "w/0", role: "coder", claimedBy: "agent-1", leaseExpiresAt: claim?.leaseExpiresAt },
      ]);
    });

    it("summarizeRun reports only active claimed briefs as stuck, not finished ones that kept their lease", async () => {
      const { board, clock, place } = await openRun(engine);
      for (const briefId of ["a", "b", "c", "d", "e"]) {
        await board.createBrief({ briefId, tier: 1, role: "coder" });
        await board.claimBrief({ agentId: "agent-1", leaseMs: 1000 });
      }
      clock.advance(5000);
      expect((await summarizeRun(board)).expiredLeases).toBe(5);
      // update_brief_status of the Python module writes such a row.
      await place.sql(
        "UPDATE briefs SET status = 'done', updated_at = '2026-11-22T06:40:15+00:00' WHERE brief_id = 'a'",
      );
      await place.sql("UPDATE briefs SET status = 'failed' WHERE brief_id = 'b'");
      await place.sql("UPDATE briefs SET status = 'pending' WHERE brief_id = 'c'");
      await place.sql("UPDATE briefs SET claimed_by = NULL WHERE brief_id = 'd'");
      const { expiredLeases, longestExpired } = await summarizeRun(board);
      expect({ expiredLeases, longestExpired }).toMatchObject({ expiredLeases: 1, longestExpired: [{ briefId: "e" }] });
      expect(longestExpired).toHaveLength(1);
    });

    it("summarizeRun sorts roles by name, and lists workstreams that only briefs name after the others, none last", async () => {
      const { board, clock, place } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "known", name: "api", tier: 1 });
      for (const role of ["z", "a", "m", "b"]) await board.createBrief({ briefId: role, tier: 1, role });
      // The Python module does not check the workstream.
      await place.sql("UPDATE briefs SET workstream_id = 'known' WHERE brief_id = 'z'");
      await place.sql("UPDATE briefs SET workstream_id = 'y-gone' WHERE brief_id = 'a'");
      await place.sql("UPDATE briefs SET workstream_id = 'b-gone' WHERE brief_id = 'm'");
      clock.advance(1000);
      const event = await board.logEvent("spawned");
      const { byRole, byWorkstream, lastChangeAt } = await summarizeRun(board);
      expect(byRole.map(({ role }) => role)).toEqual(["a", "b", "m", "z"]);
      const one = { pending: 1, active: 0, done: 0, failed: 0 };
      expect(byWorkstream).toEqual([
        { workstreamId: "known", name: "api", status: "pending", briefs: one },
        { workstreamId: "b-gone", name: null, status: null, briefs: one },
        { workstreamId: "y-gone", name: null, status: null, briefs: one },
        { workstreamId: null, name: null, status: null, briefs: one },
      ]);
      expect(lastChangeAt).toBe(event.createdAt);
    });

    it("summarizeRun describes a run without briefs and throws NotFoundError for an unknown run", async () => {
      const { board } = await openEmpty(engine);
      expect(await caught(NotFoundError, () => summarizeRun(board))).toMatchObject({ entity: "run" });
      expect(await caught(NotFoundError, () => reportRun(board))).toMatchObject({ entity: "run" });
      await board.createRun("a goal");
      expect(await summarizeRun(board)).toMatchObject({
        byWorkstream: [],
        byRole: [],
        oldestReady: null,
        failedBlockers: [],
        expiredLeases: 0,
      });
      expect(await reportRun(board)).toContain("No briefs yet.");
    });

    it("reportRun renders tree, failures, payloads and agents in one page", async () => {
      const { board } = await openRun(engine);
      await board.spawnBrief({ briefId: "plan", tier: 0, role: "architect", payload: { files: ["a.ts"] } });
      await board.spawnBrief({ briefId: "write", parentBriefId: "plan", tier: 1, role: "coder" });
      await board.claimBrief({ agentId: "agent-7", leaseMs: 1000, role: "coder" });
      await board.failBrief("write", { error: "no such module" });
      const page = await reportRun(board);
      for (const text of ["a goal", "plan", "write", "architect", "agent-7", "no such module", "a.ts"]) {
        expect(page).toContain(text);
      }
    });
  });

  describe("the report of a failed brief", () => {
    /** A move that is missing doesn't compile. */
    const calls: Readonly<Record<MoveName, (board: Board) => unknown>> = {
      complete: (board) => board.completeBrief("b", {}),
      fail: (board) => board.failBrief("b", { why: "no such module" }),
      escalate: (board) => board.escalateBrief("b", { why: "no such module" }),
      retry: (board) => board.retryBrief("b"),
    };

    it.each(Object.entries(moves).filter(([, { to }]) => to === "failed"))(
      "shows when and why a move failed it: %s",
      async (name, { logs }) => {
        const { board, clock } = await openRun(engine);
        await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
        await new Map(Object.entries(calls)).get(name)?.(board);
        expect(await reportRun(board)).toContain(`${logs} at ${clock.text}`);
      },
    );
  });

  describe("releaseBrief", () => {
    it("releases the claim of a worker, whose next call throws LostClaimError, and logs the worker's name", async () => {
      const { board } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
      const claim = await board.claimBrief({ agentId: "agent-1", leaseMs: 60_000 });
      const released = await releaseBrief(board, "b", { by: "operator" });
      expect(released).toMatchObject({
        status: "pending",
        claimedBy: null,
        leaseExpiresAt: null,
        attempt: 1,
        retryCount: 0,
      });
      const { items } = await board.listEvents();
      expect(items).toMatchObject([
        { kind: "retried", briefId: "b", detail: { by: "operator", previousAgent: "agent-1", attempt: 1 } },
      ]);
      if (!claim) throw new Error("nothing was claimed");
      await caught(LostClaimError, () => board.completeBrief(claim, { ok: true }));
      expect(await board.claimBrief({ agentId: "agent-2", leaseMs: 1000 })).toMatchObject({ attempt: 2 });
    });

    it("releases an active brief without a claim, and no brief in another status", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
      const pending = await caughtUnchanged(place, TransitionError, () => releaseBrief(board, "b"));
      expect(pending).toMatchObject({ actual: "pending", allowed: ["active"] });
      await caughtUnchanged(place, NotFoundError, () => releaseBrief(board, "c"));
      await board.updateBriefStatus("b", "active");
      expect(await releaseBrief(board, "b")).toMatchObject({ status: "pending" });
    });

    it("delays the brief, whether or not it was claimed", async () => {
      const { board, clock, place } = await openRun(engine);
      for (const briefId of ["claimed", "unclaimed"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
      await board.claimBrief({ agentId: "agent-1", leaseMs: 60_000 });
      await board.updateBriefStatus("unclaimed", "active");
      const notBefore = new Date(clock.read().getTime() + 1000).toISOString();
      for (const briefId of ["claimed", "unclaimed"]) {
        const released = await releaseBrief(board, briefId, { by: "operator" }, { delayMs: 1000 });
        expect(released).toMatchObject({ status: "pending", claimedBy: null, claimedAt: null, notBefore });
      }
      expect(await board.claimBrief({ agentId: "agent-2", leaseMs: 1000 })).toBeUndefined();
      clock.advance(1000);
      expect((await board.claimBrief({ agentId: "agent-2", leaseMs: 1000 }))?.brief.briefId).toBe("claimed");
      await refused(place, ["delayMs"], () => releaseBrief(board, "unclaimed", {}, { delayMs: -1 }));
    });
  });
}
