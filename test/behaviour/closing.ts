/** Closing a blackboard, and its string representation. */
import { inspect } from "node:util";
import { ClosedError, InvalidInputError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, type Engine, inTransaction, openRun, outcome, type Place } from "./engine.ts";
import { requireCoded } from "./hostile.ts";

const schema = (validated: () => void) =>
  ({
    "~standard": {
      version: 1,
      vendor: "ours",
      validate: (value: unknown) => {
        validated();
        return { value };
      },
    },
  }) as const;

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

function closingFirst<T>(close: () => void, answer: () => T): () => T {
  return () => {
    close();
    return answer();
  };
}

export function closing(engine: Engine): void {
  describe("a closed blackboard", () => {
    test.each(calls)("%s throws ClosedError", async (_, call) => {
      const { board } = await openRun(engine);
      await board.close();
      expect((await caught(ClosedError, () => call(board))).code).toBe("CLOSED");
    });

    test("close can be called again", async () => {
      const { board } = await openRun(engine);
      await board.close();
      await board.close();
      await board.close();
    });

    test("runId and location remain readable", async () => {
      const { board } = await openRun(engine);
      const { location } = board;
      await board.close();
      expect([board.runId, board.location]).toEqual(["run-1", location]);
    });
  });

  describe("closing inside a transaction", () => {
    test("close throws InvalidInputError inside a transaction, and both the transaction and the blackboard remain usable", async () => {
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

  describe("a callback that closes the blackboard", () => {
    const brief = { tier: 0, role: "coder" };
    const closers: [string, (close: () => void) => Parameters<Place["open"]>[0]][] = [
      ["the clock", (close) => ({ runId: "run-1", clock: closingFirst(close, () => new Date(0)) })],
      ["newId", (close) => ({ runId: "run-1", newId: closingFirst(close, () => "id") })],
      ["the logger", (close) => ({ runId: "run-1", logger: { logQuery: close } })],
      ["a role's schema", (close) => ({ runId: "run-1", roles: { coder: { payload: schema(close) } } })],
    ];
    const writes: [string, (board: Board) => unknown][] = [
      ["createBrief", (board) => board.createBrief(brief)],
      ["spawnBrief", (board) => board.spawnBrief(brief)],
      [
        "in a transaction",
        (board) =>
          inTransaction(board, function* (tx) {
            yield tx.createBrief(brief);
          }),
      ],
    ];
    for (const [closer, options] of closers) {
      test.each(writes)(
        `${closer} closes the blackboard during %s: the write succeeds or throws an error with a code`,
        async (_, write) => {
          const place = await engine.place();
          let board: Board | undefined;
          let closing: unknown;
          board = await place.open(
            options(() => {
              const open = board;
              if (open) closing ??= requireCoded(() => open.close());
            }),
          );
          const opened = board;
          // Prevents closing before the run exists.
          board = undefined;
          await opened.createRun("a goal");
          board = opened;
          await requireCoded(() => write(opened));
          await closing;
        },
      );
    }

    test("a getter in a payload closes the blackboard: the write succeeds or throws an error with a code", async () => {
      const { board } = await openRun(engine);
      let closing: unknown;
      const payload = {
        get a() {
          closing = requireCoded(() => board.close());
          return 1;
        },
      };
      await requireCoded(() => board.createBrief({ ...brief, payload }));
      await closing;
    });
  });

  describe("string representation", () => {
    test("a blackboard prints its class, its run and its location on one line", async () => {
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
