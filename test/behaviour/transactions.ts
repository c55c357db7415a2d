/** Transactions: atomic, with savepoints for nested ones. */
import { runInNewContext } from "node:vm";
import { ClosedError, ConflictError, DatabaseError, InvalidInputError, NotFoundError } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  caught,
  type Engine,
  everything,
  inTransaction,
  type Operations,
  openEmpty,
  openRun,
  outcome,
  refused,
} from "./engine.ts";

const brief = { tier: 0, role: "coder" };

/** Callbacks whose body would not run. */
const generators: [string, (write: () => unknown) => unknown][] = [
  [
    "a generator function",
    (write) =>
      function* () {
        yield write();
      },
  ],
  [
    "an async generator function",
    (write) =>
      async function* () {
        yield write();
      },
  ],
  [
    "a generator function of a different realm",
    (write) => runInNewContext("(function* () { yield write(); })", { write }),
  ],
  [
    "a bound generator function",
    (write) =>
      function* () {
        yield write();
      }.bind(null),
  ],
  [
    "a function that returns a generator",
    (write) => () =>
      (function* () {
        yield write();
      })(),
  ],
  [
    "a function that returns an async generator",
    (write) => () =>
      (async function* () {
        yield write();
      })(),
  ],
  ["a function that returns an iterator that is not a generator", () => () => [1].values()],
];

export function transactions(engine: Engine): void {
  describe("a transaction whose callback is", () => {
    test.each(generators)("%s is rejected: the callback does not run, and nothing is written", async (_, make) => {
      const { board, place } = await openRun(engine);
      let runs = 0;
      const fn = make(() => runs++);
      await refused(place, ["fn"], () => board.transaction(fn as () => undefined));
      expect(runs).toBe(0);
      await board.logEvent("spawned");
    });

    test("a function without a prototype runs", async () => {
      const { board } = await openRun(engine);
      expect(await board.transaction(Object.setPrototypeOf(() => 5, null))).toBe(5);
    });
  });

  describe("a transaction", () => {
    test("stores every write and returns the callback's value unchanged", async () => {
      const { board, place } = await openEmpty(engine);
      const value = { not: ["copied"] };
      const given = await inTransaction(board, function* (tx) {
        yield* outcome(tx.createRun("a goal"));
        yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
        yield* outcome(tx.logEvent("spawned", { briefId: "b" }));
        return value;
      });
      expect(given).toBe(value);
      const stored = await everything(place);
      expect([stored.runs, stored.briefs, stored.events].map((rows) => rows?.length)).toEqual([1, 1, 1]);
    });

    test("may contain no calls", async () => {
      const { board } = await openEmpty(engine);
      expect(await board.transaction(() => undefined)).toBeUndefined();
    });

    test("sees its own writes and knows its run", async () => {
      const { board } = await openRun(engine);
      await inTransaction(board, function* (tx) {
        expect(tx.runId).toBe("run-1");
        yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
        expect((yield* outcome(tx.getBrief("b")))?.status).toBe("pending");
        expect((yield* outcome(tx.listBriefs())).items).toHaveLength(1);
        expect((yield* outcome(tx.getRunSummary())).briefs.pending).toBe(1);
      });
    });

    test.each([
      ["an error", new Error("mine")],
      ["an error of this package", new InvalidInputError([{ path: "mine", message: "mine" }])],
      ["an object", { reason: "mine" }],
      ["a string", "mine"],
      ["undefined", undefined],
      ["null", null],
    ])("that throws %s stores nothing and rethrows the same value", async (_, thrown) => {
      const { board, place } = await openRun(engine);
      const before = await everything(place);
      const ending = { threw: false, what: undefined as unknown };
      try {
        await inTransaction(board, function* (tx) {
          yield* outcome(tx.updateRunStatus("done"));
          yield* outcome(tx.createWorkstream({ name: "api", tier: 0 }));
          yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
          yield* outcome(tx.updateBriefResult("b", { ok: true }));
          yield* outcome(tx.logEvent("completed", { briefId: "b" }));
          throw thrown;
        });
      } catch (what) {
        Object.assign(ending, { threw: true, what });
      }
      expect(ending.threw).toBe(true);
      expect(ending.what).toBe(thrown);
      expect(await everything(place)).toEqual(before);
    });

    test("stores nothing when a call fails, unless the callback catches the error: then it stores the rest", async () => {
      const { board, place } = await openRun(engine);
      const before = await everything(place);
      await caught(NotFoundError, () =>
        inTransaction(board, function* (tx) {
          yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
          yield* outcome(tx.updateBriefStatus("nobody", "done"));
        }),
      );
      expect(await everything(place)).toEqual(before);
      await inTransaction(board, function* (tx) {
        yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
        const failing = [
          () => tx.updateBriefStatus("nobody", "done"),
          () => tx.createBrief({ briefId: "b", tier: 9, role: "coder" }),
          () => tx.createBrief({ briefId: "c", parentBriefId: "nobody", ...brief }),
          () => tx.createBrief({ briefId: "d", tier: -1, role: "coder" }),
          () => tx.updateRunStatus("done", { from: "active" }),
          () => tx.createRun("another goal"),
        ];
        const codes: unknown[] = [];
        for (const call of failing) {
          try {
            yield call();
          } catch (error) {
            codes.push((error as { code: string }).code);
          }
        }
        expect(codes).toEqual(["NOT_FOUND", "CONFLICT", "NOT_FOUND", "INVALID_INPUT", "TRANSITION", "CONFLICT"]);
        yield* outcome(tx.logEvent("spawned", { briefId: "b" }));
      });
      expect(await place.sql("SELECT brief_id FROM briefs")).toEqual([{ brief_id: "b" }]);
      expect(await place.sql("SELECT kind FROM events")).toEqual([{ kind: "spawned" }]);
    });

    test("can continue after the database rejects a call: only that call is undone, at any depth", async () => {
      const { board, place } = await openRun(engine);
      await place.sql("CREATE UNIQUE INDEX one_active ON briefs (status) WHERE status = 'active'");
      onTestFinished(async () => void (await place.sql("DROP INDEX one_active")));
      function* refused(tx: Operations, briefId: string): Generator<unknown, void, unknown> {
        let out: unknown;
        try {
          yield tx.updateBriefStatus(briefId, "active");
        } catch (error) {
          out = error;
        }
        expect(out).toBeInstanceOf(DatabaseError);
      }
      await inTransaction(board, function* (tx) {
        for (const briefId of ["one", "two", "three"]) yield* outcome(tx.createBrief({ briefId, ...brief }));
        yield* outcome(tx.updateBriefStatus("one", "active"));
        yield* refused(tx, "two");
        yield* outcome(tx.incrementBriefRetry("two"));
        yield inTransaction(tx, function* (inner) {
          yield* refused(inner, "three");
          yield* outcome(inner.updateBriefStatus("three", "failed"));
        });
        yield* refused(tx, "two");
        yield* outcome(tx.logEvent("failed", { briefId: "three" }));
      });
      expect(await place.sql("SELECT brief_id, status, retry_count FROM briefs ORDER BY brief_id")).toEqual([
        { brief_id: "one", status: "active", retry_count: 0 },
        { brief_id: "three", status: "failed", retry_count: 0 },
        { brief_id: "two", status: "pending", retry_count: 1 },
      ]);
      expect((await board.getRunSummary()).events.failed).toBe(1);
      await caught(DatabaseError, () => board.updateBriefStatus("two", "active"));
    });

    test("runs its callback once", async () => {
      const { board } = await openRun(engine);
      let times = 0;
      await inTransaction(board, function* (tx) {
        times++;
        yield* outcome(tx.createBrief(brief));
      });
      expect(times).toBe(1);
    });

    test("includes calls on the blackboard itself: they are undone with it", async () => {
      const { board, place } = await openRun(engine);
      const before = await everything(place);
      await expect(async () =>
        inTransaction(board, function* (tx) {
          yield* outcome(board.createBrief({ briefId: "by-board", ...brief }));
          expect(yield* outcome(tx.getBrief("by-board"))).toBeDefined();
          yield* outcome(tx.createBrief({ briefId: "by-tx", ...brief }));
          expect(yield* outcome(board.getBrief("by-tx"))).toBeDefined();
          throw new Error("mine");
        }),
      ).rejects.toThrow("mine");
      expect(await everything(place)).toEqual(before);
    });

    test("leaves the blackboard usable after a failure", async () => {
      const { board } = await openRun(engine);
      for (let round = 0; round < 3; round++) {
        await expect(async () =>
          inTransaction(board, function* (tx) {
            yield* outcome(tx.createBrief(brief));
            throw new Error("mine");
          }),
        ).rejects.toThrow("mine");
        await board.createBrief({ briefId: `b${round}`, ...brief });
      }
      expect((await board.getRunSummary()).briefs.pending).toBe(3);
    });

    test("applies the rules for repeats and compare-and-set", async () => {
      const { board } = await openRun(engine);
      await inTransaction(board, function* (tx) {
        const stored = yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
        expect(yield* outcome(tx.createBrief({ briefId: "b", ...brief }))).toStrictEqual(stored);
        expect((yield* outcome(tx.updateBriefStatus("b", "active", { from: "pending" }))).status).toBe("active");
      });
      await caught(ConflictError, () =>
        inTransaction(board, function* (tx) {
          yield* outcome(tx.createBrief({ briefId: "b", tier: 1, role: "coder" }));
        }),
      );
    });

    test.each([5, null, undefined, "createBrief", {}, []])("with %j for a callback is rejected", async (callback) => {
      const { board } = await openRun(engine);
      const error = await caught(InvalidInputError, () => board.transaction(callback as never));
      expect(error.issues.map(({ path }) => path)).toEqual(["fn"]);
    });
  });

  describe("a nested transaction", () => {
    test("is undone alone when it throws; the outer one stores its writes before and after it", async () => {
      const { board, place } = await openRun(engine);
      const mine = new Error("mine");
      await inTransaction(board, function* (tx) {
        yield* outcome(tx.createBrief({ briefId: "before", ...brief }));
        let out: unknown;
        try {
          yield inTransaction(tx, function* (inner) {
            yield* outcome(inner.createBrief({ briefId: "inner", ...brief }));
            yield* outcome(inner.updateBriefStatus("before", "failed"));
            throw mine;
          });
        } catch (error) {
          out = error;
        }
        expect(out).toBe(mine);
        yield* outcome(tx.createBrief({ briefId: "later", ...brief }));
      });
      expect(await place.sql("SELECT brief_id, status FROM briefs ORDER BY brief_id")).toEqual([
        { brief_id: "before", status: "pending" },
        { brief_id: "later", status: "pending" },
      ]);
    });

    test("is undone with the outer one even if it had succeeded", async () => {
      const { board, place } = await openRun(engine);
      const before = await everything(place);
      await expect(async () =>
        inTransaction(board, function* (tx) {
          yield inTransaction(tx, function* (inner) {
            yield* outcome(inner.createBrief(brief));
          });
          throw new Error("outer");
        }),
      ).rejects.toThrow("outer");
      expect(await everything(place)).toEqual(before);
    });

    test("may contain another one, and each depth is undone separately", async () => {
      const { board } = await openRun(engine);
      function* nest(tx: Operations, depth: number): Generator<unknown, void, unknown> {
        yield* outcome(tx.createBrief({ briefId: `level-${depth}`, ...brief }));
        if (depth === 6) throw new Error("mine");
        try {
          yield inTransaction(tx, (inner) => nest(inner, depth + 1));
        } catch (error) {
          if (depth > 3) throw error;
        }
      }
      await inTransaction(board, (tx) => nest(tx, 1));
      const { items } = await board.listBriefs();
      expect(items.map(({ briefId }) => briefId)).toEqual(["level-1", "level-2", "level-3"]);
    });

    test("returns its value, also when it was begun on the blackboard", async () => {
      const { board, place } = await openRun(engine);
      await inTransaction(board, function* (tx) {
        const value = yield* outcome(
          inTransaction(board, function* (inner) {
            yield* outcome(inner.createBrief({ briefId: "kept", ...brief }));
            return 42;
          }),
        );
        expect(value).toBe(42);
        try {
          yield inTransaction(board, function* (inner) {
            yield* outcome(inner.createBrief({ briefId: "undone", ...brief }));
            throw new Error("mine");
          });
        } catch {}
        yield* outcome(tx.createBrief({ briefId: "later", ...brief }));
      });
      const stored = await place.sql("SELECT brief_id FROM briefs ORDER BY brief_id");
      expect(stored).toEqual([{ brief_id: "kept" }, { brief_id: "later" }]);
    });
  });

  describe("tx after the end of its transaction", () => {
    const calls: [string, (tx: Operations) => unknown][] = [
      ["createRun", (tx) => tx.createRun("a goal")],
      ["updateRunStatus", (tx) => tx.updateRunStatus("done")],
      ["createBrief", (tx) => tx.createBrief(brief)],
      ["logEvent", (tx) => tx.logEvent("spawned")],
      ["getRun", (tx) => tx.getRun()],
      ["listEvents", (tx) => tx.listEvents()],
      ["getRunSummary", (tx) => tx.getRunSummary()],
      ["transaction", (tx) => tx.transaction(() => undefined)],
    ];

    test.each(calls)("%s throws ClosedError, whether the transaction was committed or rolled back", async (_, call) => {
      const { board, place } = await openRun(engine);
      const kept: Operations[] = [];
      await board.transaction((tx) => void kept.push(tx));
      await expect(async () =>
        inTransaction(board, function* (tx) {
          kept.push(tx);
          yield* outcome(tx.createBrief(brief));
          throw new Error("mine");
        }),
      ).rejects.toThrow("mine");
      const before = await everything(place);
      expect(kept).toHaveLength(2);
      for (const tx of kept) {
        const { code, message } = await caught(ClosedError, () => call(tx));
        expect({ code, message }).toEqual({
          code: "CLOSED",
          message: "This transaction has ended. Use the blackboard, or start another transaction.",
        });
      }
      expect(await everything(place)).toEqual(before);
    });

    test("throws ClosedError after a nested transaction while the outer one continues", async () => {
      const { board } = await openRun(engine);
      await inTransaction(board, function* (tx) {
        let kept = tx;
        yield tx.transaction((inner) => {
          kept = inner;
        });
        expect(kept).not.toBe(tx);
        let out: unknown;
        try {
          yield kept.createBrief(brief);
        } catch (error) {
          out = error;
        }
        expect(out).toBeInstanceOf(ClosedError);
        yield* outcome(tx.createBrief({ briefId: "outer", ...brief }));
      });
      expect((await board.listBriefs()).items).toHaveLength(1);
    });
  });
}
