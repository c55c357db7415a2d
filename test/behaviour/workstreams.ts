/** Workstreams: the parts of a run's goal. */
import { describe, expect, test } from "vitest";
import { type Engine, openRun } from "./engine.ts";

export function workstreams(engine: Engine): void {
  describe("workstreams", () => {
    test("createWorkstream stores a pending workstream with the clock's time and returns it", async () => {
      const { board, place, clock } = await openRun(engine);
      clock.advance(77);
      const given = { workstreamId: "ws-1", name: "API", tier: 2, ownerAgentId: "agent-7" };
      const workstream = await board.createWorkstream(given);
      expect(workstream).toStrictEqual({
        ...given,
        runId: "run-1",
        status: "pending",
        createdAt: clock.text,
        updatedAt: clock.text,
      });
      expect(await place.sql("SELECT * FROM workstreams")).toEqual([
        {
          workstream_id: "ws-1",
          run_id: "run-1",
          name: "API",
          tier: 2,
          status: "pending",
          owner_agent_id: "agent-7",
          created_at: "2026-11-22T06:40:15.200Z",
          updated_at: "2026-11-22T06:40:15.200Z",
        },
      ]);
      expect(await board.getWorkstream("ws-1")).toStrictEqual(workstream);
    });

    test("createWorkstream generates a different UUIDv7 each time no id is given", async () => {
      const { board } = await openRun(engine);
      const first = await board.createWorkstream({ name: "api", tier: 0 });
      const second = await board.createWorkstream({ name: "api", tier: 0, workstreamId: undefined });
      const v7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
      expect(first.workstreamId).toMatch(v7);
      expect(second.workstreamId).toMatch(v7);
      expect(second.workstreamId).not.toBe(first.workstreamId);
    });

    test("createWorkstream calls newId only when no id is given", async () => {
      const ids = ["made-1", "made-2"];
      const { board } = await openRun(engine, { newId: () => ids.shift() ?? "none left" });
      await board.createWorkstream({ workstreamId: "given", name: "api", tier: 0 });
      expect((await board.createWorkstream({ name: "api", tier: 0 })).workstreamId).toBe("made-1");
      expect((await board.createWorkstream({ name: "api", tier: 0 })).workstreamId).toBe("made-2");
    });

    test("createWorkstream stores NULL for an absent, undefined or null owner", async () => {
      const { board } = await openRun(engine);
      for (const owner of [{}, { ownerAgentId: undefined }, { ownerAgentId: null }]) {
        expect((await board.createWorkstream({ name: "api", tier: 0, ...owner })).ownerAgentId).toBeNull();
      }
    });

    test("createWorkstream accepts tiers from 0 to 2^31 - 1", async () => {
      const { board } = await openRun(engine);
      for (const tier of [0, 1, 2 ** 31 - 1]) {
        const { workstreamId } = await board.createWorkstream({ name: "api", tier });
        expect((await board.getWorkstream(workstreamId))?.tier).toBe(tier);
      }
    });

    test("getWorkstream returns undefined for an unknown id", async () => {
      const { board } = await openRun(engine);
      expect(await board.getWorkstream("nobody")).toBeUndefined();
    });
  });
}
