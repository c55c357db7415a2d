import { explainFailures, groupFailures, summarizeRun } from "run-blackboard";
import { describe, expect, it } from "vitest";
import { type Engine, openRun, refused } from "./engine.ts";

/** Why briefs failed, and how long work takes. */
export function failures(engine: Engine): void {
  describe("failures", () => {
    it("groupFailures groups failed briefs by the reason of their newest failure, the largest group first", async () => {
      const { board, clock } = await openRun(engine);
      for (let n = 0; n < 8; n++)
        await board.createBrief({ briefId: `b/${n}`, tier: 1, role: n < 2 ? "lead" : "coder" });
      for (const [id, detail] of [
        ["b/0", { error: "quota exceeded", attempt: 1 }],
        ["b/1", { attempt: 2, error: "quota exceeded" }],
        ["b/2", { error: { message: "quota exceeded", code: 7 } }],
        ["b/3", { reason: "wrong input" }],
        ["b/4", { code: 7 }],
        ["b/5", undefined],
        ["b/6", { error: "was retried" }],
      ] as const) {
        clock.advance(1000);
        await board.failBrief(id, detail);
      }
      await board.retryBrief("b/6");
      await board.retryBrief("b/3");
      await board.escalateBrief("b/3", { reason: "wrong input" });
      const { groups, others } = await groupFailures(board);
      expect(others).toBe(0);
      expect(groups.map(({ reason, briefs }) => [reason, briefs])).toEqual(
        [
          ["quota exceeded", 3],
          ["wrong input", 1],
          ['{"code":7}', 1],
          ["", 1],
        ].map(([reason, briefs]) => [
          reason === '{"code":7}' ? expect.stringMatching(/^\{"code": ?7\}$/) : reason,
          briefs,
        ]),
      );
      expect(groups[0]).toMatchObject({ roles: { lead: 2, coder: 1 }, newest: ["b/2", "b/1", "b/0"] });
      expect(groups[0]?.newestAt).toBe((await board.getBrief("b/2"))?.updatedAt);
    });

    it("groupFailures counts failed briefs that no event explains, and cuts long reasons", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "silent", tier: 1, role: "coder" });
      await board.createBrief({ briefId: "loud", tier: 1, role: "coder" });
      await place.sql("UPDATE briefs SET status = 'failed' WHERE brief_id = 'silent'");
      await board.failBrief("loud", { trace: "x".repeat(20_000), error: "y".repeat(20_000) });
      const { groups } = await groupFailures(board);
      expect(groups.map(({ reason, newest }) => [reason?.length ?? null, newest])).toEqual([
        [300, ["loud"]],
        [null, ["silent"]],
      ]);
    });

    it("groupFailures reads any number of failed briefs", async () => {
      const { board } = await openRun(engine);
      const ids = Array.from({ length: 1100 }, (_, n) => `b/${n}`);
      for (let from = 0; from < ids.length; from += 550) {
        await board.spawnBriefs(ids.slice(from, from + 550).map((briefId) => ({ briefId, tier: 1, role: "coder" })));
      }
      for (const [n, id] of ids.entries()) await board.failBrief(id, { error: `reason ${n % 2}` });
      const { groups } = await groupFailures(board);
      expect(groups.map(({ reason, briefs }) => [reason, briefs])).toEqual([
        ["reason 0", 550],
        ["reason 1", 550],
      ]);
      expect(await explainFailures(board, ids)).toHaveLength(1100);
    });

    it("explainFailures returns the newest reason of each brief, in the order asked for", async () => {
      const { board, place } = await openRun(engine);
      for (const briefId of ["a", "b", "c"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
      await board.failBrief("a", { error: "first" });
      await board.retryBrief("a");
      await board.failBrief("a", { error: "second" });
      await board.escalateBrief("b", { error: "too hard" });
      const found = await explainFailures(board, ["b", "nobody", "c", "a"]);
      expect(found.map(({ briefId, kind, reason }) => [briefId, kind, reason])).toEqual([
        ["b", "escalated", "too hard"],
        ["a", "failed", "second"],
      ]);
      await refused(place, ["briefIds"], () => explainFailures(board, Object("a")));
    });
  });

  describe("durations", () => {
    it("summarizeRun measures from claim to end, not from creation, and estimates when the run will have ended", async () => {
      const { board, clock } = await openRun(engine);
      expect(await summarizeRun(board)).toMatchObject({ durations: null, estimatedEndAt: null });
      for (let n = 0; n < 40; n++) await board.spawnBrief({ briefId: `b/${n}`, tier: 1, role: "coder" });
      clock.advance(600_000);
      for (let n = 1; n <= 20; n++) {
        const claim = await board.claimBrief({ agentId: "a", leaseMs: 1_000_000 });
        if (!claim) throw new Error("nothing to claim");
        clock.advance(n * 1000);
        if (n === 3) await board.failBrief(claim);
        else await board.completeBrief(claim, {});
      }
      // Ended without a claim: how long that took is unknown.
      await board.completeBrief("b/39", {});
      const { durations, estimatedEndAt } = await summarizeRun(board);
      expect(durations).toEqual({ briefs: 20, medianMs: 10_000, p95Ms: 19_000 });
      // 21 ended in 810 seconds; 19 are left.
      expect(Date.parse(estimatedEndAt ?? "")).toBe(clock.read().getTime() + Math.floor((810_000 / 21) * 19));
      await board.updateRunStatus("review");
      expect((await summarizeRun(board)).estimatedEndAt).toBeNull();
    });

    it("a retried brief is measured from its latest claim, and a pending one not at all", async () => {
      const { board, clock } = await openRun(engine);
      for (const briefId of ["a", "b"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
      const claim = async () => {
        const claimed = await board.claimBrief({ agentId: "a", leaseMs: 1_000_000 });
        if (!claimed) throw new Error("nothing to claim");
        return claimed;
      };
      const first = await claim();
      clock.advance(50_000);
      await board.failBrief(first);
      await board.retryBrief("a");
      expect((await summarizeRun(board)).durations).toBeNull();
      const second = await claim();
      clock.advance(2000);
      await board.completeBrief(second, {});
      expect((await summarizeRun(board)).durations).toEqual({ briefs: 1, medianMs: 2000, p95Ms: 2000 });
    });
  });
}
