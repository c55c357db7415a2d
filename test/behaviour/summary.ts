/** getRunSummary: the run and the counts of its rows. */
import { NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, type Engine, openEmpty, openRun } from "./engine.ts";

export function summary(engine: Engine): void {
  describe("getRunSummary", () => {
    test("returns the run's columns and a zero for every status and kind of an empty run", async () => {
      const { board } = await openRun(engine);
      const run = await board.updateRunStatus("active");
      expect(await board.getRunSummary()).toStrictEqual({
        ...run,
        lastSeq: 0,
        workstreams: { pending: 0, active: 0, blocked: 0, done: 0, failed: 0 },
        briefs: { pending: 0, active: 0, done: 0, failed: 0 },
        events: { spawned: 0, completed: 0, failed: 0, escalated: 0, retried: 0 },
      });
    });

    test("counts each table separately", async () => {
      const { board } = await openRun(engine);
      for (const workstreamId of ["w1", "w2", "w3"])
        await board.createWorkstream({ workstreamId, name: "api", tier: 0 });
      for (const briefId of ["b1", "b2", "b3", "b4", "b5"])
        await board.createBrief({ briefId, tier: 0, role: "coder" });
      await board.updateWorkstreamStatus("w1", "blocked");
      await board.updateBriefStatus("b1", "active");
      await board.updateBriefResult("b2", {});
      await board.updateBriefResult("b3", {});
      await board.logEvent("completed", { briefId: "b2" });
      const { seq } = await board.logEvent("completed", { briefId: "b3" });
      expect(await board.getRunSummary()).toMatchObject({
        status: "pending",
        lastSeq: seq,
        workstreams: { pending: 2, active: 0, blocked: 1, done: 0, failed: 0 },
        briefs: { pending: 2, active: 1, done: 2, failed: 0 },
        events: { spawned: 0, completed: 2, failed: 0, escalated: 0, retried: 0 },
      });
    });

    test("throws NotFoundError for the run before createRun", async () => {
      const { board } = await openEmpty(engine);
      const error = await caught(NotFoundError, () => board.getRunSummary());
      expect(error).toMatchObject({ code: "NOT_FOUND", entity: "run", id: "run-1" });
    });
  });
}
