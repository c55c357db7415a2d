/** Creating with an existing id: the given fields are compared, not what has changed since. */
import { ConflictError, type EventKind, type NewBrief, type NewEvent, type NewWorkstream } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { newBriefFields } from "../../src/operations/briefs.ts";
import type { CreatorFields } from "../../src/operations/creation.ts";
import { newEventFields } from "../../src/operations/entries.ts";
import { newRunFields } from "../../src/operations/runs.ts";
import { newWorkstreamFields } from "../../src/operations/workstreams.ts";
import { type Board, caught, caughtUnchanged, type Engine, everything, openEmpty, openRun, refused } from "./engine.ts";

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
        after: ["parent", "stream-parent"],
        ...other,
      }),
    equal: [
      ["with the same data", {}],
      ["with its payload's keys in a different order", { payload: { b: null, a: { y: [1, 2], x: 1 } } }],
      ["with properties that are undefined", { payload: { a: { x: 1, y: [1, 2], z: undefined }, b: null } }],
      ["with a negative zero for a zero", { tier: -0 }],
      ["with a different retry count, which is not compared", { retryCount: 7 }],
      ["with a notBefore, which is not compared: a claim clears it", { notBefore: new Date() }],
      ["with its dependencies in a different order, one twice", { after: ["stream-parent", "parent", "parent"] }],
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
      [{ priority: 1 }, ["priority"]],
      [{ after: [] }, ["after"]],
      [{ after: ["parent"] }, ["after"]],
      [{ after: ["parent", "stream-parent", "no-such"] }, ["after"]],
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

/** A creator, and two values of each field that it may be passed: one that is left out here doesn't compile. */
interface Creator<New extends object> {
  entity: "run" | "workstream" | "brief" | "event";
  /** The table that the package derives the accepted names, the inserted columns and the comparison from. */
  fields: CreatorFields<New>;
  create(board: Board, row: New): Promise<object>;
  one: Required<New>;
  other: Required<New>;
}

/** What may differ in a repeat. */
const notCompared = ["retryCount", "notBefore"];
/** The texts without a limit of their length. Lists and trees keep all others in memory, at most 256 characters each. */
const longTexts = ["goal", "name"];
/** Values that no field may have. */
const invalid: unknown[] = [5n, true, Symbol("x"), () => "x", "\0", "\ud800", ""];

/** A Date is stored as text, and dependencies in a table of their own, of which the brief has the count. */
function asStored(row: object): object {
  const stored = Object.entries(row).map(([name, value]) =>
    name === "after" ? ["waitsFor", value.length] : [name, value instanceof Date ? value.toISOString() : value],
  );
  return Object.fromEntries(stored);
}

function everyField<New extends object>(engine: Engine, { entity, fields, create, one, other }: Creator<New>): void {
  describe(`each field of a new ${entity}`, () => {
    async function openCreated() {
      const opened = await openEmpty(engine);
      const { board } = opened;
      if (entity !== "run") {
        await board.createRun("a goal");
        for (const workstreamId of ["w-1", "w-2"]) await board.createWorkstream({ workstreamId, name: "api", tier: 0 });
        for (const briefId of ["p-1", "p-2"]) await board.createBrief({ briefId, tier: 0, role: "planner" });
      }
      return { ...opened, stored: await create(board, one) };
    }

    test("is tried here, and is stored as it was passed", async () => {
      expect(Object.keys(one).sort()).toEqual(Object.keys(fields).sort());
      const { stored } = await openCreated();
      expect(stored).toMatchObject(asStored(one));
    });

    test.each(Object.entries(one))("%s is rejected if it is not valid, and nothing is written", async (name, valid) => {
      const { board, place } = await openCreated();
      const tooLong = typeof valid === "string" && !longTexts.includes(name) ? ["x".repeat(257)] : [];
      for (const value of [...invalid, ...tooLong]) {
        await refused(place, [name], () => create(board, { ...other, ...Object.fromEntries([[name, value]]) }));
      }
    });

    test.each(Object.keys(one))("%s conflicts in a repeat that differs in nothing else", async (name) => {
      const { board, place, stored } = await openCreated();
      const changed = { ...one, ...Object.fromEntries(Object.entries(other).filter(([key]) => key === name)) };
      if (notCompared.includes(name)) {
        expect(await create(board, changed)).toStrictEqual(stored);
      } else if (name === `${entity}Id`) {
        expect(await create(board, changed)).toMatchObject(asStored(changed));
      } else {
        const error = await caughtUnchanged(place, ConflictError, () => create(board, changed));
        expect(error).toMatchObject({ entity, fields: [name] });
      }
    });
  });
}

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

  everyField<{ goal: string }>(engine, {
    entity: "run",
    fields: newRunFields,
    create: async (board, { goal }) => board.createRun(goal),
    one: { goal: "one" },
    other: { goal: "other" },
  });
  everyField<NewWorkstream>(engine, {
    entity: "workstream",
    fields: newWorkstreamFields,
    create: async (board, row) => board.createWorkstream(row),
    one: { workstreamId: "one", name: "api", tier: 1, ownerAgentId: "a" },
    other: { workstreamId: "other", name: "docs", tier: 2, ownerAgentId: null },
  });
  everyField<NewBrief>(engine, {
    entity: "brief",
    fields: newBriefFields,
    create: async (board, row) => board.createBrief(row),
    one: {
      briefId: "one",
      parentBriefId: "p-1",
      workstreamId: "w-1",
      tier: 1,
      role: "coder",
      payload: { a: 1 },
      retryCount: 1,
      priority: 1,
      notBefore: new Date("2030-01-01T00:00:00.000Z"),
      after: ["p-1", "p-2"],
    },
    other: {
      briefId: "other",
      parentBriefId: "p-2",
      workstreamId: "w-2",
      tier: 2,
      role: "tester",
      payload: {},
      retryCount: 2,
      priority: 2,
      notBefore: new Date("2031-01-01T00:00:00.000Z"),
      after: ["p-1"],
    },
  });
  everyField<NewEvent & { kind: EventKind }>(engine, {
    entity: "event",
    fields: newEventFields,
    create: async (board, { kind, ...event }) => board.logEvent(kind, event),
    one: { eventId: "one", kind: "failed", briefId: "p-1", detail: { a: 1 } },
    other: { eventId: "other", kind: "retried", briefId: "p-2", detail: {} },
  });

  test("logEvent again takes no seq, with the same data or with different data", async () => {
    const { board } = await openRun(engine);
    const { seq } = await board.logEvent("failed", { eventId: "e" });
    await board.logEvent("failed", { eventId: "e" });
    await caught(ConflictError, () => board.logEvent("retried", { eventId: "e" }));
    expect((await board.logEvent("failed")).seq).toBe(seq + 1);
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
