/** Creating with an existing id: the given fields are compared, not what has changed since. */
import { ConflictError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caughtUnchanged, type Engine, everything, openRun } from "./engine.ts";

interface Subject {
  entity: string;
  create(board: Board, other: object): Promise<object>;
  /** Equal data in a different form. */
  equal: [string, object][];
  /** Different data, and the fields that conflict. */
  different: [object, string[]][];
}

const subjects: Subject[] = [
  {
    entity: "workstream",
    create: async (board, other) =>
      board.createWorkstream({ workstreamId: "id", name: "api", tier: 1, ownerAgentId: "agent", ...other }),
    equal: [["with the same data", {}]],
    different: [
      [{ name: "API" }, ["name"]],
      [{ tier: 2 }, ["tier"]],
      [{ ownerAgentId: "other" }, ["ownerAgentId"]],
      [{ ownerAgentId: null }, ["ownerAgentId"]],
      [{ name: "x", tier: 0, ownerAgentId: undefined }, ["name", "ownerAgentId", "tier"]],
    ],
  },
  {
    entity: "brief",
    create: async (board, other) =>
      board.createBrief({
        briefId: "id",
        parentBriefId: "parent",
        workstreamId: "stream",
        tier: 0,
        role: "coder",
        payload: { a: { x: 1, y: [1, 2] }, b: null },
        ...other,
      }),
    equal: [
      ["with the same data", {}],
      ["with its payload's keys in a different order", { payload: { b: null, a: { y: [1, 2], x: 1 } } }],
      ["with properties that are undefined", { payload: { a: { x: 1, y: [1, 2], z: undefined }, b: null } }],
      ["with a negative zero for a zero", { tier: -0 }],
      ["with a different retry count, which is not compared", { retryCount: 7 }],
    ],
    different: [
      [{ parentBriefId: "stream-parent" }, ["parentBriefId"]],
      [{ parentBriefId: null }, ["parentBriefId"]],
      [{ workstreamId: null }, ["workstreamId"]],
      [{ tier: 2 }, ["tier"]],
      [{ role: "Coder" }, ["role"]],
      [{ payload: {} }, ["payload"]],
      [{ payload: null }, ["payload"]],
      [{ payload: { a: { x: 1, y: [2, 1] }, b: null } }, ["payload"]],
      [{ payload: { a: { x: 1, y: [1, 2] } } }, ["payload"]],
      [{ payload: { a: { x: "1", y: [1, 2] }, b: null } }, ["payload"]],
      [{ tier: 2, role: "x", payload: {} }, ["payload", "role", "tier"]],
    ],
  },
  {
    entity: "event",
    create: async (board, other) => {
      const { kind, ...event } = {
        kind: "failed",
        eventId: "id",
        briefId: "parent",
        detail: { a: 1, b: [] },
        ...other,
      };
      return board.logEvent(kind as "failed", event);
    },
    equal: [
      ["with the same data", {}],
      ["with its detail's keys in a different order", { detail: { b: [], a: 1 } }],
    ],
    different: [
      [{ kind: "spawned" }, ["kind"]],
      [{ briefId: null }, ["briefId"]],
      [{ detail: {} }, ["detail"]],
      [{ kind: "spawned", detail: undefined }, ["detail", "kind"]],
    ],
  },
];

export function repeats(engine: Engine): void {
  describe.each(subjects)("creating a $entity again", ({ entity, create, equal, different }) => {
    async function openSubject() {
      const opened = await openRun(engine);
      await opened.board.createWorkstream({ workstreamId: "stream", name: "api", tier: 0 });
      await opened.board.createBrief({ briefId: "parent", tier: 0, role: "planner" });
      await opened.board.createBrief({ briefId: "stream-parent", tier: 0, role: "planner" });
      const stored = await create(opened.board, {});
      opened.clock.advance(1000);
      return { ...opened, stored };
    }

    test.each(equal)("%s returns the stored row and writes nothing", async (_, other) => {
      const { board, place, stored } = await openSubject();
      const before = await everything(place);
      expect(await create(board, other)).toStrictEqual(stored);
      expect(await everything(place)).toEqual(before);
    });

    test.each(different)("with %j throws ConflictError for %j and writes nothing", async (other, fields) => {
      const { board, place } = await openSubject();
      const error = await caughtUnchanged(place, ConflictError, () => create(board, other));
      expect(error).toMatchObject({ code: "CONFLICT", entity, id: "id" });
      expect([...error.fields].sort()).toEqual(fields);
      for (const field of fields) expect(error.message).toContain(field);
    });
  });

  describe("creating again after a change", () => {
    test("createWorkstream returns the workstream with its current status", async () => {
      const { board } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "w", name: "api", tier: 0 });
      const blocked = await board.updateWorkstreamStatus("w", "blocked");
      expect(await board.createWorkstream({ workstreamId: "w", name: "api", tier: 0 })).toStrictEqual(blocked);
    });

    test("createBrief returns the brief with its current status, result and retry count", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      await board.updateBriefResult("b", { ok: true });
      const stored = await board.incrementBriefRetry("b");
      const before = await everything(place);
      expect(await board.createBrief({ briefId: "b", tier: 0, role: "coder" })).toStrictEqual(stored);
      expect(await everything(place)).toEqual(before);
    });
  });
}
