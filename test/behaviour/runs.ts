/** The run: created once; every other row belongs to it. */
import { ConflictError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caughtUnchanged, type Engine, everything, openEmpty, openRun } from "./engine.ts";

export function runs(engine: Engine): void {
  describe("runs", () => {
    test("createRun stores a pending run with the clock's time and returns it", async () => {
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

    test("a blackboard has its run's id before the run exists", async () => {
      const { board } = await openEmpty(engine);
      expect(board.runId).toBe("run-1");
    });

    test("getRun returns undefined before createRun and the row after it", async () => {
      const { board } = await openEmpty(engine);
      expect(await board.getRun()).toBeUndefined();
      const run = await board.createRun("a goal");
      expect(await board.getRun()).toStrictEqual(run);
    });

    test("createRun with the same goal returns the current row and writes nothing", async () => {
      const { board, place, clock } = await openRun(engine);
      const active = await board.updateRunStatus("active");
      const before = await everything(place);
      clock.advance(1000);
      expect(await board.createRun("a goal")).toStrictEqual(active);
      expect(await everything(place)).toEqual(before);
    });

    test("createRun with a different goal throws ConflictError for the goal and writes nothing", async () => {
      const { board, place } = await openRun(engine);
      const error = await caughtUnchanged(place, ConflictError, () => board.createRun("another goal"));
      expect(error).toMatchObject({ code: "CONFLICT", entity: "run", id: "run-1", fields: ["goal"] });
    });

    test("createRun treats letter case and trailing blanks of a goal as different", async () => {
      const { board } = await openRun(engine);
      for (const goal of ["A goal", "a goal ", " a goal"]) {
        await expect(async () => board.createRun(goal)).rejects.toThrow(ConflictError);
      }
    });

    test("createRun accepts a long goal in any language", async () => {
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
      "writing %s without createRun throws NotFoundError for the run and writes nothing",
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

    test("createBrief without createRun throws for the run, even with a parent and a workstream", async () => {
      const { board } = await openEmpty(engine);
      const brief = { tier: 1, role: "coder", parentBriefId: "none", workstreamId: "none" };
      await expect(async () => board.createBrief(brief)).rejects.toMatchObject({ code: "NOT_FOUND", entity: "run" });
    });

    test("lists are empty without a run", async () => {
      const { board } = await openEmpty(engine);
      const empty = { items: [], next: null };
      expect(await board.listWorkstreams()).toStrictEqual(empty);
      expect(await board.listBriefs()).toStrictEqual(empty);
      expect(await board.listEvents()).toStrictEqual(empty);
    });
  });
}
