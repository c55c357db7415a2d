/**
 * Low-level status updates of runs, workstreams and briefs: any transition is allowed unless `from` lists the statuses
 * to start from.
 */
import {
  briefStatuses,
  type From,
  NotFoundError,
  runStatuses,
  TransitionError,
  workstreamStatuses,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caughtUnchanged, type Engine, openEmpty, openRun } from "./engine.ts";

interface Subject {
  entity: string;
  id: string;
  statuses: readonly string[];
  create(board: Board): unknown;
  get(board: Board): Promise<unknown>;
  /** Typed loosely, because the test uses every status of three vocabularies. */
  update(board: Board, status: string, options?: From<string>): Promise<{ status: string; updatedAt: string }>;
}

const subjects: Subject[] = [
  {
    entity: "run",
    id: "run-1",
    statuses: runStatuses,
    create: () => undefined,
    get: async (board) => board.getRun(),
    update: async (board, status, options) => board.updateRunStatus(status as never, options as never),
  },
  {
    entity: "workstream",
    id: "w",
    statuses: workstreamStatuses,
    create: (board) => board.createWorkstream({ workstreamId: "w", name: "api", tier: 0 }),
    get: async (board) => board.getWorkstream("w"),
    update: async (board, status, options) => board.updateWorkstreamStatus("w", status as never, options as never),
  },
  {
    entity: "brief",
    id: "b",
    statuses: briefStatuses,
    create: (board) => board.createBrief({ briefId: "b", tier: 0, role: "coder", payload: { task: 1 } }),
    get: async (board) => board.getBrief("b"),
    update: async (board, status, options) => board.updateBriefStatus("b", status as never, options as never),
  },
];

export function statuses(engine: Engine): void {
  describe.each(subjects)("updating the status of a $entity", ({ entity, id, statuses, create, get, update }) => {
    async function openSubject() {
      const opened = await openRun(engine);
      await create(opened.board);
      return opened;
    }

    test("allows every transition and changes only the status and the time of the change", async () => {
      const { board, place, clock } = await openSubject();
      for (const from of statuses) {
        for (const to of statuses) {
          const before = await update(board, from);
          clock.advance(3);
          const after = await update(board, to);
          expect(after).toStrictEqual({ ...before, status: to, updatedAt: clock.text });
          expect(await get(board)).toStrictEqual(after);
        }
      }
      expect(await place.sql("SELECT * FROM events")).toEqual([]);
    });

    test("succeeds when `from` includes the current status", async () => {
      const { board } = await openSubject();
      expect((await update(board, "active", { from: "pending" })).status).toBe("active");
      expect((await update(board, "done", { from: ["pending", "active"] })).status).toBe("done");
      expect((await update(board, "failed", { from: [...statuses] })).status).toBe("failed");
      expect((await update(board, "failed", { from: ["failed", "failed"] })).status).toBe("failed");
    });

    test("succeeds from any status when `from` is undefined or the options are empty", async () => {
      const { board } = await openSubject();
      expect((await update(board, "failed", { from: undefined })).status).toBe("failed");
      expect((await update(board, "active", {})).status).toBe("active");
    });

    test.each([
      ["one that it is not", "active", ["active"]],
      ["several that it is not", ["failed", "done"], ["done", "failed"]],
      ["none at all", [], []],
    ] as [string, string | string[], string[]][])(
      "throws TransitionError with the actual status when `from` lists %s",
      async (_, from, allowed) => {
        const { board, place, clock } = await openSubject();
        clock.advance(3);
        const error = await caughtUnchanged(place, TransitionError, () => update(board, "failed", { from }));
        expect(error).toMatchObject({ code: "TRANSITION", entity, id, actual: "pending" });
        expect([...error.allowed].sort()).toEqual(allowed);
      },
    );

    test("succeeds only once when two calls start from the same status", async () => {
      const { board } = await openSubject();
      await update(board, "active", { from: "pending" });
      await expect(update(board, "active", { from: "pending" })).rejects.toMatchObject({ actual: "active" });
    });

    test.each([
      ["without from", undefined],
      ["with from", { from: "pending" }],
    ] as const)("throws NotFoundError for an unknown id, %s", async (_, options) => {
      const { board, place } = await openEmpty(engine);
      const error = await caughtUnchanged(place, NotFoundError, () => update(board, "active", options));
      expect(error).toMatchObject({ code: "NOT_FOUND", entity, id });
    });
  });
}
