/** Moves of a brief: status and event change together, only from the allowed statuses. */
import {
  type BriefStatus,
  briefStatuses,
  type EventKind,
  InvalidInputError,
  NotFoundError,
  TransitionError,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, caughtUnchanged, type Engine, everything, openRun, refused } from "./engine.ts";

interface Move {
  name: string;
  move(board: Board, briefId: string, detail?: object): Promise<unknown>;
  from: BriefStatus[];
  to: BriefStatus;
  logs: EventKind;
}
const moves: Move[] = [
  {
    name: "completeBrief",
    move: async (board, id, detail) => board.completeBrief(id, { lines: 3 }, detail),
    from: ["pending", "active"],
    to: "done",
    logs: "completed",
  },
  {
    name: "failBrief",
    move: async (board, id, detail) => board.failBrief(id, detail),
    from: ["pending", "active"],
    to: "failed",
    logs: "failed",
  },
  {
    name: "escalateBrief",
    move: async (board, id, detail) => board.escalateBrief(id, detail),
    from: ["pending", "active"],
    to: "failed",
    logs: "escalated",
  },
  {
    name: "retryBrief",
    move: async (board, id, detail) => board.retryBrief(id, detail),
    from: ["pending", "active", "failed"],
    to: "pending",
    logs: "retried",
  },
];

const newBrief = { briefId: "b", tier: 1, role: "coder" };

export function lifecycle(engine: Engine): void {
  describe("moves of a brief", () => {
    test("spawnBrief stores the brief and its event in one commit", async () => {
      const { board, clock } = await openRun(engine);
      const brief = await board.spawnBrief({ ...newBrief, payload: { task: 1 } }, { by: "planner" });
      expect(brief).toStrictEqual(await board.getBrief("b"));
      expect(brief).toMatchObject({ status: "pending", payload: { task: 1 }, attempt: 0, claimedBy: null });
      expect((await board.listEvents()).items).toMatchObject([
        { kind: "spawned", briefId: "b", detail: { by: "planner" }, createdAt: clock.text },
      ]);
    });

    test("spawnBrief with the same data returns the stored row and logs no second event", async () => {
      const { board, place, clock } = await openRun(engine);
      await board.spawnBrief(newBrief);
      const done = await board.completeBrief("b", {});
      clock.advance(5);
      const before = await everything(place);
      expect(await board.spawnBrief(newBrief, { again: true })).toStrictEqual(done);
      expect(await everything(place)).toEqual(before);
    });

    test("spawnBrief without the parent, workstream or run stores neither row nor event", async () => {
      const { board, place } = await openRun(engine);
      await caughtUnchanged(place, NotFoundError, () => board.spawnBrief({ ...newBrief, parentBriefId: "none" }));
      await caughtUnchanged(place, NotFoundError, () => board.spawnBrief({ ...newBrief, workstreamId: "none" }));
      const other = await place.open({ runId: "run-2" });
      const error = await caught(NotFoundError, () => other.spawnBrief(newBrief));
      expect(error.entity).toBe("run");
    });

    for (const { name, move, from, to, logs } of moves) {
      test.each(from)(`${name} moves a brief that is %s and logs the event with the detail`, async (status) => {
        const { board, clock } = await openRun(engine);
        await board.createBrief({ ...newBrief, retryCount: 2 });
        await board.updateBriefStatus("b", status);
        clock.advance(10);
        const moved = await move(board, "b", { why: "because" });
        expect(moved).toStrictEqual(await board.getBrief("b"));
        expect(moved).toMatchObject({
          status: to,
          retryCount: name === "retryBrief" ? 3 : 2,
          result: name === "completeBrief" ? { lines: 3 } : null,
          updatedAt: clock.text,
        });
        expect((await board.listEvents()).items).toMatchObject([
          { kind: logs, briefId: "b", detail: { why: "because" }, createdAt: clock.text },
        ]);
      });

      const elsewhere = briefStatuses.filter((status) => !from.includes(status));
      test.each(elsewhere)(`${name} rejects a brief that is %s and reports the allowed statuses`, async (status) => {
        const { board, place } = await openRun(engine);
        await board.createBrief(newBrief);
        await board.updateBriefStatus("b", status);
        const error = await caughtUnchanged(place, TransitionError, () => move(board, "b"));
        expect(error).toMatchObject({ entity: "brief", id: "b", actual: status, allowed: from });
      });

      test(`${name} throws NotFoundError for an unknown brief`, async () => {
        const { board, place } = await openRun(engine);
        const error = await caughtUnchanged(place, NotFoundError, () => move(board, "none"));
        expect(error).toMatchObject({ entity: "brief", id: "none" });
      });

      test(`${name} rejects a detail that is not an object`, async () => {
        const { board, place } = await openRun(engine);
        await board.createBrief(newBrief);
        await refused(place, ["detail"], () => move(board, "b", [1]));
      });

      test(`${name} logs {} when no detail is given`, async () => {
        const { board } = await openRun(engine);
        await board.createBrief(newBrief);
        await move(board, "b");
        expect((await board.listEvents()).items[0]?.detail).toEqual({});
      });
    }

    test("moves reject a result that is not an object and an invalid brief or claim", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief(newBrief);
      // @ts-expect-error
      await refused(place, ["result"], () => board.completeBrief("b", [1]));
      await refused(place, ["briefId"], () => board.failBrief(""));
      // @ts-expect-error
      await refused(place, ["briefId"], () => board.retryBrief(5));
      // @ts-expect-error
      await refused(place, ["claim.attempt"], () => board.retryBrief({ brief: { briefId: "b" } }));
    });

    test("finishing clears the lease and keeps claimedBy; retryBrief clears both", async () => {
      const { board } = await openRun(engine);
      await board.createBrief(newBrief);
      await board.claimBrief({ agentId: "w", leaseMs: 1000 });
      expect(await board.failBrief("b")).toMatchObject({ claimedBy: "w", leaseExpiresAt: null, attempt: 1 });
      expect(await board.retryBrief("b")).toMatchObject({ claimedBy: null, leaseExpiresAt: null, attempt: 1 });
    });

    test("low-level status updates clear the claim in the same way", async () => {
      const { board } = await openRun(engine);
      await board.createBrief(newBrief);
      const claimAgain = async () => {
        await board.updateBriefStatus("b", "pending");
        return await board.claimBrief({ agentId: "w", leaseMs: 1000 });
      };
      await claimAgain();
      for (const status of ["done", "failed"] as const) {
        await claimAgain();
        expect(await board.updateBriefStatus("b", status)).toMatchObject({ claimedBy: "w", leaseExpiresAt: null });
      }
      await claimAgain();
      expect(await board.updateBriefResult("b", {})).toMatchObject({ claimedBy: "w", leaseExpiresAt: null });
      const claim = await claimAgain();
      expect(await board.updateBriefStatus("b", "active")).toMatchObject({
        claimedBy: "w",
        leaseExpiresAt: claim?.leaseExpiresAt,
      });
      expect(await board.updateBriefStatus("b", "pending")).toMatchObject({ claimedBy: null, leaseExpiresAt: null });
    });

    test("retryBrief rejects a retry count beyond 2^31 - 1, and nothing changes", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ ...newBrief, retryCount: 2 ** 31 - 1 });
      const error = await caughtUnchanged(place, InvalidInputError, () => board.retryBrief("b"));
      expect(error.issues[0]?.path).toBe("retryCount");
      const claim = await board.claimBrief({ agentId: "w", leaseMs: 5 });
      if (!claim) return expect.fail("nothing to claim");
      await caughtUnchanged(place, InvalidInputError, () => board.retryBrief(claim));
    });

    test("a duplicate event id from newId undoes the move", async () => {
      const ids = ["e-1", "e-1"];
      const { board, place } = await openRun(engine, { newId: () => ids.shift() ?? "more" });
      await board.createBrief(newBrief);
      await board.retryBrief("b");
      const error = await caughtUnchanged(place, Error as never, () => board.failBrief("b"));
      expect(error).toMatchObject({ code: "CONFLICT", entity: "event", id: "e-1", fields: ["eventId"] });
    });
  });
}
