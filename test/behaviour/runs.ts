/** The run: made once, and everything else belongs to it. */
import { ConflictError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caughtUnchanged, type Engine, everything, openEmpty, openRun } from "./engine.ts";

export function runs(engine: Engine): void {
  describe("runs", () => {
    test("createRun stores the run, pending, with the clock's time, and gives it", async () => {
      const { board, place, clock } = await openEmpty(engine);
      const run = await board.createRun("Build a webhook ingestion system");
      expect(run).toStrictEqual({
        runId: "run-1",
        goal: "Build a webhook ingestion system",
        status: "pending",
        createdAt: clock.text,
        updatedAt: clock.text,
      });
      expect(await place.sql("SELECT * FROM runs")).toEqual([
        {
          run_id: "run-1",
          goal: run.goal,
          status: "pending",
          created_at: "2026-11-22T06:40:15.123Z",
          updated_at: "2026-11-22T06:40:15.123Z",
        },
      ]);
    });

    test("a blackboard knows its run's id before there is a run", async () => {
      const { board } = await openEmpty(engine);
      expect(board.runId).toBe("run-1");
    });

    test("getRun gives undefined before createRun and the row after it", async () => {
      const { board } = await openEmpty(engine);
      expect(await board.getRun()).toBeUndefined();
      const run = await board.createRun("a goal");
      expect(await board.getRun()).toStrictEqual(run);
    });

    test("createRun again with the same goal gives the row as it is by now and writes nothing", async () => {
      const { board, place, clock } = await openRun(engine);
      const active = await board.updateRunStatus("active");
      const before = await everything(place);
      clock.advance(1000);
      expect(await board.createRun("a goal")).toStrictEqual(active);
      expect(await everything(place)).toEqual(before);
    });

    test("createRun with another goal is a conflict of the goal and writes nothing", async () => {
      const { board, place } = await openRun(engine);
      const error = await caughtUnchanged(place, ConflictError, () => board.createRun("another goal"));
      expect(error).toMatchObject({ code: "CONFLICT", entity: "run", id: "run-1", fields: ["goal"] });
    });

    test("a goal differs by letter case and by trailing blanks", async () => {
      const { board } = await openRun(engine);
      for (const goal of ["A goal", "a goal ", " a goal"]) {
        await expect(async () => board.createRun(goal)).rejects.toThrow(ConflictError);
      }
    });

    test("a goal may be as long as anybody writes one, in any language", async () => {
      const { board } = await openEmpty(engine);
      const goal = "建立 a «webhook»\r\n\tсистему 🪝 ".repeat(10_000);
      expect((await board.createRun(goal)).goal).toBe(goal);
      expect((await board.getRun())?.goal).toBe(goal);
    });

    test.each([
      ["a workstream", "run"],
      ["a brief", "run"],
      ["an event", "run"],
      ["a status", "run"],
    ] as const)(
      "writing %s without createRun is NotFoundError of the run, and nothing is written",
      async (what, entity) => {
        const { board, place } = await openEmpty(engine);
        const writes = {
          "a workstream": () => board.createWorkstream({ name: "api", tier: 1 }),
          "a brief": () => board.createBrief({ tier: 1, role: "coder" }),
          "an event": () => board.logEvent("spawned"),
          "a status": () => board.updateRunStatus("active"),
        };
        const error = await caughtUnchanged(place, NotFoundError, writes[what]);
        expect(error).toMatchObject({ code: "NOT_FOUND", entity, id: "run-1" });
        expect(error.message).toContain("createRun");
      },
    );

    test("without createRun a brief that names a parent and a workstream fails for the run's sake", async () => {
      const { board } = await openEmpty(engine);
      const brief = { tier: 1, role: "coder", parentBriefId: "none", workstreamId: "none" };
      await expect(async () => board.createBrief(brief)).rejects.toMatchObject({ code: "NOT_FOUND", entity: "run" });
    });

    test("lists without a run are empty", async () => {
      const { board } = await openEmpty(engine);
      const empty = { items: [], next: null };
      expect(await board.listWorkstreams()).toStrictEqual(empty);
      expect(await board.listBriefs()).toStrictEqual(empty);
      expect(await board.listEvents()).toStrictEqual(empty);
    });
  });
}
