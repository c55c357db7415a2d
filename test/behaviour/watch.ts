/** watchEvents: every event exactly once and in order, then new ones as they are logged. */
import { getEventListeners } from "node:events";
import { type BlackboardEvent, InvalidInputError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, type Engine, inTransaction, openRun, outcome, refused } from "./engine.ts";

const pollMs = 1;

/** Returns the next `count` events of a watch and leaves it. */
export async function take(events: AsyncIterable<BlackboardEvent>, count: number): Promise<BlackboardEvent[]> {
  const taken: BlackboardEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

/** Logs `count` events in one transaction. */
async function logMany(board: Board, count: number): Promise<void> {
  await inTransaction(board, function* (tx) {
    for (let n = 0; n < count; n++) yield* outcome(tx.logEvent("spawned", { detail: { n } }));
  });
}

export async function allEvents(board: Board): Promise<BlackboardEvent[]> {
  const events: BlackboardEvent[] = [];
  for (
    let page = await board.listEvents({ limit: 1000 });
    ;
    page = await board.listEvents({ limit: 1000, after: page.next })
  ) {
    events.push(...page.items);
    if (page.next === null) return events;
  }
}

const done = { value: undefined, done: true };
const start = (events: AsyncIterable<BlackboardEvent>) => events[Symbol.asyncIterator]();

export function watch(engine: Engine): void {
  describe("watchEvents", () => {
    test("returns all events after `after` in seq order, and each iteration starts there again", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 603);
      const stored = await allEvents(board);
      const whole = board.watchEvents({ pollMs });
      expect(await take(whole, 603)).toStrictEqual(stored);
      expect(await take(whole, 3)).toStrictEqual(stored.slice(0, 3));
      const { seq } = stored[99] ?? expect.fail();
      expect(await take(board.watchEvents({ after: seq }), 503)).toStrictEqual(stored.slice(100));
    });

    test("waits for new events: single events, transactions, events before the run's row exists", async () => {
      const place = await engine.place();
      const board = await place.open({ runId: "run-1" });
      const events = start(board.watchEvents({ pollMs }));
      for (const write of [
        async () => {
          await board.createRun("a goal");
          await board.logEvent("spawned");
        },
        () => board.logEvent("failed", { detail: { n: 1 } }),
        () => logMany(board, 1),
      ]) {
        const next = events.next();
        await write();
        expect(await next).toEqual({ value: (await allEvents(board)).at(-1), done: false });
      }
      await events.return?.();
    });

    test("can be iterated many times concurrently, from different positions and with one signal, without a warning", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 20);
      const seqs = (await allEvents(board)).map(({ seq }) => seq);
      const warnings: Error[] = [];
      const warned = (warning: Error) => void warnings.push(warning);
      process.on("warning", warned);
      const { signal } = new AbortController();
      const watches = seqs.map((seq, n) => take(board.watchEvents({ after: seq, pollMs, signal }), 30 - n));
      await logMany(board, 11);
      const stored = await allEvents(board);
      expect(await Promise.all(watches)).toEqual(seqs.map((_, n) => stored.slice(n + 1)));
      process.off("warning", warned);
      expect(warnings).toEqual([]);
    });

    test("holds one page and reads the next after that one is consumed", async () => {
      const place = await engine.place();
      let reads = 0;
      const logger = { logQuery: (query: string) => void (/from (?:"\w+"\.)?"?events/.test(query) && reads++) };
      const board = await place.open({ runId: "run-1", logger });
      await board.createRun("a goal");
      await logMany(board, 502);
      const events = start(board.watchEvents({ pollMs }));
      reads = 0;
      for (let n = 0; n < 500; n++) await events.next();
      expect(reads).toBe(1);
      await events.next();
      expect(reads).toBe(2);
      await events.return?.();
    });

    test("yields to the event loop while it catches up", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 501);
      let turn = false;
      setImmediate(() => {
        turn = true;
      });
      await take(board.watchEvents(), 501);
      expect(turn).toBe(true);
    });

    test("returns events of a transaction only after its commit and never after a rollback", async () => {
      const { board } = await openRun(engine);
      const given: Promise<IteratorResult<BlackboardEvent>>[] = [];
      const events = start(board.watchEvents({ pollMs }));
      await expect(async () =>
        inTransaction(board, function* (tx) {
          yield* outcome(tx.logEvent("failed", { eventId: "undone" }));
          given.push(events.next());
          yield* outcome(tx.logEvent("failed", { eventId: "undone too" }));
          throw new Error("undo");
        }),
      ).rejects.toThrow("undo");
      await board.logEvent("spawned", { eventId: "kept" });
      expect(await Promise.all(given)).toMatchObject([{ value: { eventId: "kept" } }]);
      await events.return?.();
    });
  });

  describe("a watch ends without an error", () => {
    test("when its signal aborts while it waits, and removes its listener", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 1);
      const abort = new AbortController();
      const { signal } = abort;
      const events = start(board.watchEvents({ signal }));
      expect((await events.next()).done).toBe(false);
      expect(getEventListeners(signal, "abort")).toEqual([]);
      const next = events.next();
      abort.abort(new Error("a reason"));
      expect(await next).toEqual(done);
      expect(await events.next()).toEqual(done);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    });

    test("when its signal aborts between two events of a page", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 10);
      const abort = new AbortController();
      const seqs: number[] = [];
      for await (const { seq } of board.watchEvents({ signal: abort.signal })) {
        seqs.push(seq);
        if (seqs.length === 4) abort.abort();
      }
      expect(seqs).toHaveLength(4);
    });

    test("immediately when its signal has already aborted", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 1);
      expect(await take(board.watchEvents({ signal: AbortSignal.abort() }), 1)).toEqual([]);
    });

    test("when the blackboard closes, whether it waits, is between events or has not begun", async () => {
      const { board } = await openRun(engine);
      await logMany(board, 2);
      const { lastSeq } = await board.getRunSummary();
      const waiting = start(board.watchEvents({ after: lastSeq }));
      const between = start(board.watchEvents());
      const unbegun = start(board.watchEvents());
      await between.next();
      const next = waiting.next();
      await board.close();
      expect([await next, await between.next(), await unbegun.next()]).toEqual([done, done, done]);
    });

    test("when its iteration is left, even while it waits", async () => {
      const { board } = await openRun(engine);
      const events = start(board.watchEvents({ pollMs: 2 ** 31 - 1 }));
      const next = events.next();
      expect(await events.return?.()).toEqual(done);
      expect([await next, await events.next()]).toEqual([done, done]);
    });
  });

  describe("watchEvents rejects, immediately and before it reads,", () => {
    test.each<[string, unknown, string]>([
      ["after", -1, "0 to 9007199254740991"],
      ["after", 1.5, "0 to 9007199254740991"],
      ["after", "1", "0 to 9007199254740991"],
      ["after", null, "0 to 9007199254740991"],
      ["pollMs", 0, "1 to 2147483647"],
      ["pollMs", 2 ** 31, "1 to 2147483647"],
      ["pollMs", Number.NaN, "1 to 2147483647"],
      ["signal", true, "AbortSignal"],
      ["signal", null, "AbortSignal"],
      ["signal", new AbortController(), "AbortSignal"],
      ["kinds", ["failed"], "after, pollMs, signal"],
    ])("%s: %s", async (path, value, allowed) => {
      const { board, place } = await openRun(engine);
      const error = await refused(place, [path], () => board.watchEvents({ [path]: value }));
      expect(error.message).toContain(allowed);
    });

    test("options that are not an object", async () => {
      const { board } = await openRun(engine);
      for (const options of [null, 5, [], "after"])
        await caught(InvalidInputError, () => board.watchEvents(options as never));
    });
  });
}

/** Tests that need several blackboards on one database. */
export function watchTogether(engine: Engine): void {
  describe("a watch", () => {
    test("returns events of its own and of other blackboards as one sequence", async () => {
      const place = await engine.place();
      const [mine, other] = [await place.open({ runId: "run-1" }), await place.open({ runId: "run-1" })];
      await mine.createRun("a goal");
      const watches = [mine, other].map((board) => take(board.watchEvents({ pollMs }), 40));
      for (let n = 0; n < 40; n++) {
        await (n % 3 === 0 ? mine : other).logEvent("spawned", { detail: { n } });
        if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const stored = await allEvents(mine);
      expect(await Promise.all(watches)).toEqual([stored, stored]);
    });

    test("returns only events of its own run", async () => {
      const place = await engine.place();
      const [one, other] = [await place.open({ runId: "run-1" }), await place.open({ runId: "run-2" })];
      await one.createRun("a goal");
      await other.createRun("another goal");
      const watches = [one, other].map((board) => take(board.watchEvents({ pollMs }), 3));
      for (let n = 0; n < 3; n++) {
        await one.logEvent("spawned");
        await other.logEvent("failed");
      }
      const kinds = (await Promise.all(watches)).map((events) => events.map(({ kind }) => kind));
      expect(kinds).toEqual([Array(3).fill("spawned"), Array(3).fill("failed")]);
    });
  });
}
