/** The end of a blackboard, and how it prints. */
import { inspect } from "node:util";
import { ClosedError, InvalidInputError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, type Engine, inTransaction, openRun, outcome } from "./engine.ts";

const calls: [string, (board: Board) => unknown][] = [
  ["createRun", (board) => board.createRun("a goal")],
  ["updateRunStatus", (board) => board.updateRunStatus("done")],
  ["createWorkstream", (board) => board.createWorkstream({ name: "api", tier: 0 })],
  ["updateWorkstreamStatus", (board) => board.updateWorkstreamStatus("w", "done")],
  ["createBrief", (board) => board.createBrief({ tier: 0, role: "coder" })],
  ["updateBriefStatus", (board) => board.updateBriefStatus("b", "done")],
  ["updateBriefResult", (board) => board.updateBriefResult("b", {})],
  ["incrementBriefRetry", (board) => board.incrementBriefRetry("b")],
  ["logEvent", (board) => board.logEvent("spawned")],
  ["getRunSummary", (board) => board.getRunSummary()],
  ["getRun", (board) => board.getRun()],
  ["getWorkstream", (board) => board.getWorkstream("w")],
  ["getBrief", (board) => board.getBrief("b")],
  ["listWorkstreams", (board) => board.listWorkstreams()],
  ["listBriefs", (board) => board.listBriefs()],
  ["listEvents", (board) => board.listEvents()],
  ["getBriefTree", (board) => board.getBriefTree()],
  ["watchEvents", (board) => board.watchEvents()],
  ["transaction", (board) => board.transaction(() => undefined)],
];

export function closing(engine: Engine): void {
  describe("a closed blackboard", () => {
    test.each(calls)("throws ClosedError at %s", async (_, call) => {
      const { board } = await openRun(engine);
      await board.close();
      expect((await caught(ClosedError, () => call(board))).code).toBe("CLOSED");
    });

    test("may be closed again", async () => {
      const { board } = await openRun(engine);
      await board.close();
      await board.close();
      await board.close();
    });

    test("still knows its run and its location", async () => {
      const { board } = await openRun(engine);
      const { location } = board;
      await board.close();
      expect([board.runId, board.location]).toEqual(["run-1", location]);
    });
  });

  describe("closing inside a transaction", () => {
    test("is refused, and neither the transaction nor the blackboard is over", async () => {
      const { board } = await openRun(engine);
      const refusals: unknown[] = [];
      await inTransaction(board, function* (tx) {
        yield* outcome(tx.createBrief({ briefId: "b", tier: 0, role: "coder" }));
        try {
          yield board.close();
        } catch (error) {
          refusals.push(error);
        }
        yield* outcome(tx.updateBriefStatus("b", "active"));
      });
      expect(refusals).toHaveLength(1);
      expect(refusals[0]).toBeInstanceOf(InvalidInputError);
      expect((await board.getBrief("b"))?.status).toBe("active");
    });
  });

  describe("in print", () => {
    test("a blackboard names its class, its run and its location", async () => {
      const { board } = await openRun(engine);
      for (const text of [String(board), `${board}`, inspect(board), inspect({ board })]) {
        expect(text).toContain("Blackboard");
        expect(text).toContain("run-1");
        expect(text).toContain(board.location);
      }
      expect(inspect(board)).not.toContain("\n");
      await board.close();
      expect(String(board)).toContain("run-1");
    });
  });
}
