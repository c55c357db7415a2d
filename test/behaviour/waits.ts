/** waitForBrief and waitForBriefs: any number of waits, with one shared look. */
import { getEventListeners } from "node:events";
import { type BriefStatus, ClosedError, InvalidInputError, NotFoundError, type WaitFilter } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, type Engine, inTransaction, openEmpty, openRun, outcome, refused } from "./engine.ts";

const pollMs = 1;
const counts = (some: Partial<Record<BriefStatus, number>>) => ({ pending: 0, active: 0, done: 0, failed: 0, ...some });
const brief = (briefId: string, more: { parentBriefId?: string; role?: string; tier?: number } = {}) => ({
  briefId,
  tier: 1,
  role: "coder",
  ...more,
});

/** Whether a promise has settled by the end of several looks. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let n = 0; n < 20 && !settled; n++) await new Promise((resolve) => setTimeout(resolve, pollMs));
  return settled;
}

/** Opens a run whose queries are counted. */
async function openCounted(engine: Engine) {
  const place = await engine.place();
  const queries: string[] = [];
  const board = await place.open({ runId: "run-1", logger: { logQuery: (query) => void queries.push(query) } });
  await board.createRun("a goal");
  return { board, place, queries };
}

/** Creates briefs in one transaction. */
async function createMany(board: Board, ids: readonly string[], parentOf: (id: string) => string | null = () => null) {
  await inTransaction(board, function* (tx) {
    for (const id of ids)
      yield* outcome(tx.createBrief({ briefId: id, parentBriefId: parentOf(id), tier: 1, role: "coder" }));
  });
}

export function waits(engine: Engine): void {
  describe("waitForBrief", () => {
    test("resolves with the brief that is finished already", async () => {
      const { board } = await openRun(engine);
      for (const status of ["done", "failed"] as const) {
        await board.createBrief(brief(status));
        await board.updateBriefStatus(status, status);
        expect(await board.waitForBrief(status, { pollMs: 2 ** 31 - 1 })).toEqual(await board.getBrief(status));
      }
    });

    test("waits while the brief is pending or active, for every way of finishing it, also those that log no event", async () => {
      const { board, place } = await openRun(engine);
      const ways: [string, (id: string) => unknown][] = [
        ["completed", (id) => board.completeBrief(id, { ok: true })],
        ["failed", (id) => board.failBrief(id)],
        ["escalated", (id) => board.escalateBrief(id)],
        ["set", (id) => board.updateBriefStatus(id, "failed")],
        ["answered", (id) => board.updateBriefResult(id, { ok: true })],
        ["by SQL", (id) => place.sql(`UPDATE briefs SET status = 'done' WHERE brief_id = '${id}'`)],
      ];
      for (const [id, finish] of ways) {
        await board.createBrief(brief(id));
        const waiting = board.waitForBrief(id, { pollMs });
        expect(await settles(waiting)).toBe(false);
        await board.updateBriefStatus(id, "active");
        expect(await settles(waiting)).toBe(false);
        await finish(id);
        expect(await waiting).toEqual(await board.getBrief(id));
      }
    });

    test("returns an object of its own to each wait for the same brief", async () => {
      const { board } = await openRun(engine);
      await board.createBrief(brief("b"));
      const waiting = [board.waitForBrief("b", { pollMs }), board.waitForBrief("b", { pollMs })];
      await board.completeBrief("b", { list: [1] });
      const [one, other] = await Promise.all(waiting);
      expect(one).toEqual(other);
      expect(one?.result).not.toBe(other?.result);
    });

    test("rejects with NotFoundError for an unknown brief, in a run that does not exist, and when the brief is deleted", async () => {
      const { board, place } = await openEmpty(engine);
      const error = await caught(NotFoundError, () => board.waitForBrief("b"));
      expect(error).toMatchObject({ entity: "brief", id: "b" });
      await board.createRun("a goal");
      await caught(NotFoundError, () => board.waitForBrief("b"));
      await board.createBrief(brief("b"));
      const waiting = board.waitForBrief("b", { pollMs });
      expect(await settles(waiting)).toBe(false);
      await place.sql("DELETE FROM briefs WHERE brief_id = 'b'");
      await caught(NotFoundError, () => waiting);
    });

    test("sees what a transaction wrote only once it is committed", async () => {
      const { board } = await openRun(engine);
      await board.createBrief(brief("b"));
      let waiting: Promise<unknown> | undefined;
      await expect(async () =>
        inTransaction(board, function* (tx) {
          yield* outcome(tx.completeBrief("b", {}));
          waiting = board.waitForBrief("b", { pollMs });
          yield* outcome(tx.getBrief("b"));
          throw new Error("undo");
        }),
      ).rejects.toThrow("undo");
      expect(await settles(waiting ?? expect.fail())).toBe(false);
      await board.completeBrief("b", { kept: true });
      expect(await waiting).toMatchObject({ result: { kept: true } });
    });
  });

  describe("waitForBriefs", () => {
    test("resolves with the briefs by status when none that matches is pending or active", async () => {
      const { board } = await openRun(engine);
      await createMany(board, ["plan", "other"]);
      await createMany(board, ["a", "b", "c"], () => "plan");
      const waiting = board.waitForBriefs({ parentBriefId: "plan" }, { pollMs });
      await board.completeBrief("a", {});
      await board.failBrief("c");
      expect(await settles(waiting)).toBe(false);
      // Created meanwhile, so it belongs to what is waited for.
      await board.createBrief(brief("d", { parentBriefId: "plan" }));
      await board.completeBrief("b", {});
      expect(await settles(waiting)).toBe(false);
      await board.completeBrief("d", {});
      expect(await waiting).toEqual(counts({ done: 3, failed: 1 }));
    });

    test("counts by every field and by all of them together", async () => {
      const { board, place } = await openRun(engine);
      await createMany(board, ["p"]);
      await board.createWorkstream({ workstreamId: "w", name: "w", tier: 1 });
      await board.createBrief({ briefId: "1", tier: 1, role: "coder", parentBriefId: "p", workstreamId: "w" });
      await board.createBrief({ briefId: "2", tier: 2, role: "coder", parentBriefId: "p" });
      await board.createBrief({ briefId: "3", tier: 2, role: "tester", workstreamId: "w" });
      await board.createBrief({ briefId: "4", tier: 1, role: "other" });
      for (const [id, status] of Object.entries({ p: "done", 1: "done", 2: "failed", 3: "done", 4: "failed" } as const))
        await board.updateBriefStatus(id, status);
      const expected: [WaitFilter, { done: number; failed: number }][] = [
        [{ role: "coder" }, { done: 2, failed: 1 }],
        [{ role: ["coder", "tester"] }, { done: 3, failed: 1 }],
        [{ role: ["tester", "none", "tester"] }, { done: 1, failed: 0 }],
        [{ tier: 1 }, { done: 2, failed: 1 }],
        [
          { tier: 2, role: ["tester"] },
          { done: 1, failed: 0 },
        ],
        [{ workstreamId: "w" }, { done: 2, failed: 0 }],
        [{ workstreamId: null }, { done: 1, failed: 2 }],
        [{ workstreamId: "unknown" }, { done: 0, failed: 0 }],
        [{ parentBriefId: "p" }, { done: 1, failed: 1 }],
        [{ parentBriefId: null }, { done: 2, failed: 1 }],
        [{ parentBriefId: "unknown" }, { done: 0, failed: 0 }],
        [
          { parentBriefId: "p", workstreamId: null },
          { done: 0, failed: 1 },
        ],
        [
          { parentBriefId: null, workstreamId: null, tier: 1, role: "coder" },
          { done: 1, failed: 0 },
        ],
        [
          { parentBriefId: "p", workstreamId: "w", tier: 1, role: ["tester", "coder"] },
          { done: 1, failed: 0 },
        ],
        [{ briefIds: ["1", "2", "1"] }, { done: 1, failed: 1 }],
        [
          { briefIds: ["1", "2", "4"], role: "coder" },
          { done: 1, failed: 1 },
        ],
        [
          { briefIds: ["1", "2", "3", "4"], parentBriefId: null, tier: 2 },
          { done: 1, failed: 0 },
        ],
        [
          { briefIds: ["1", "3", "4"], workstreamId: "w", role: ["tester"] },
          { done: 1, failed: 0 },
        ],
        [
          { briefIds: ["1"], role: [] },
          { done: 0, failed: 0 },
        ],
        [{ briefIds: [] }, { done: 0, failed: 0 }],
        [
          { role: [], tier: undefined },
          { done: 0, failed: 0 },
        ],
      ];
      const given = await Promise.all(expected.map(([filter]) => board.waitForBriefs(filter, { pollMs })));
      expect(given).toEqual(expected.map(([, some]) => counts(some)));
      // An unfinished brief keeps exactly the waits that it matches waiting.
      await place.sql("UPDATE briefs SET status = 'active' WHERE brief_id = '2'");
      const waiting = expected.map(async ([filter]) => await board.waitForBriefs(filter, { pollMs }));
      const kept = [0, 1, 6, 8, 11, 14, 15];
      // One look answers all of them, so none of the others is still to be answered afterwards.
      await Promise.all(waiting.filter((_, n) => !kept.includes(n)));
      const settled = new Set<number>();
      for (const [n, one] of waiting.entries()) one.then(() => settled.add(n));
      await new Promise((resolve) => setImmediate(resolve));
      expect(kept.filter((n) => settled.has(n))).toEqual([]);
      await board.failBrief("2");
      expect(await Promise.all(waiting)).toEqual(given);
    });

    test("rejects with NotFoundError for the first unknown id of `briefIds`, also one that other fields exclude, and for one that is deleted", async () => {
      const { board, place } = await openRun(engine);
      await createMany(board, ["a", "b"]);
      const error = await caught(NotFoundError, () =>
        board.waitForBriefs({ briefIds: ["a", "x", "y"], role: "tester" }),
      );
      expect(error).toMatchObject({ entity: "brief", id: "x" });
      const waiting = board.waitForBriefs({ briefIds: ["a", "b"] }, { pollMs });
      expect(await settles(waiting)).toBe(false);
      await place.sql("DELETE FROM briefs WHERE brief_id = 'b'");
      expect(await caught(NotFoundError, () => waiting)).toMatchObject({ id: "b" });
    });

    test("waits on when the brief that it waited for last is deleted and others are left", async () => {
      const { board, place } = await openRun(engine);
      await createMany(board, ["p"]);
      await createMany(board, ["a", "b", "c"], () => "p");
      const waiting = board.waitForBriefs({ parentBriefId: "p" }, { pollMs });
      for (const id of ["c", "b"]) {
        await place.sql(`DELETE FROM briefs WHERE brief_id = '${id}'`);
        expect(await settles(waiting)).toBe(false);
      }
      await place.sql("DELETE FROM briefs WHERE brief_id = 'a'");
      expect(await waiting).toEqual(counts({}));
    });

    test("resolves with zeros in a run that does not exist", async () => {
      const { board } = await openEmpty(engine);
      expect(await board.waitForBriefs({ tier: 1 })).toEqual(counts({}));
    });
  });

  describe("any number of waits and held claims", () => {
    test("share one look, whose number of statements does not grow with them", async () => {
      const { board, queries } = await openCounted(engine);
      const parents = Array.from({ length: 500 }, (_, n) => `p${n}`);
      const children = parents.map((id) => `${id}/child`);
      await createMany(board, parents);
      await createMany(board, children, (id) => id.slice(0, -"/child".length));
      const { signal } = new AbortController();
      const options = { signal, pollMs };
      const waiting = [
        ...children.map((id) => board.waitForBrief(id, options)),
        ...parents.map((parentBriefId) => board.waitForBriefs({ parentBriefId }, options)),
        ...parents.map((parentBriefId) => board.waitForBriefs({ parentBriefId, role: ["coder", "tester"] }, options)),
      ];
      queries.length = 0;
      expect(await settles(Promise.all(waiting))).toBe(false);
      await inTransaction(board, function* (tx) {
        for (const id of children) yield* outcome(tx.updateBriefStatus(id, "done"));
      });
      await Promise.all(waiting);
      const reads = queries.filter((text) => text.startsWith("select"));
      const texts = new Map<string, number>();
      for (const text of reads) texts.set(text, (texts.get(text) ?? 0) + 1);
      // Of each look at most: the states of all ids, the finished briefs, and the counts of each of two kinds of filters.
      expect(texts.size).toBe(4);
      const looks = texts.get(reads.find((text) => text.includes('"claimed_by"')) ?? "") ?? 0;
      for (const count of texts.values()) expect(count).toBeLessThanOrEqual(looks);
      expect(Math.min(...texts.values())).toBeLessThanOrEqual(2);
    });

    test("on one signal leave no listener and cause no warning, however they end", async () => {
      const { board } = await openRun(engine);
      const warnings: Error[] = [];
      const warned = (warning: Error) => void warnings.push(warning);
      process.on("warning", warned);
      const abort = new AbortController();
      const { signal } = abort;
      const reason = new Error("a reason");
      const ids = Array.from({ length: 30 }, (_, n) => `b${n}`);
      await createMany(board, ids);
      const finishing = ids.slice(0, 15).map((id) => board.waitForBrief(id, { signal, pollMs }));
      const waiting = ids.slice(15).map((id) => board.waitForBrief(id, { signal }));
      waiting.push(...ids.slice(15).map(async () => (await board.waitForBriefs({ tier: 1 }, { signal })) as never));
      for (const id of ids.slice(0, 15)) await board.completeBrief(id, {});
      await Promise.all(finishing);
      expect(getEventListeners(signal, "abort")).toHaveLength(30);
      abort.abort(reason);
      for (const one of await Promise.allSettled(waiting)) expect(one).toEqual({ status: "rejected", reason });
      expect(getEventListeners(signal, "abort")).toEqual([]);
      await expect(board.waitForBrief("b20", { signal })).rejects.toBe(reason);
      await expect(board.waitForBriefs({ briefIds: [] }, { signal })).rejects.toBe(reason);
      process.off("warning", warned);
      expect(warnings).toEqual([]);
    });

    test("end with ClosedError when the blackboard closes", async () => {
      const { board } = await openRun(engine);
      await board.createBrief(brief("b"));
      const options = { pollMs: 2 ** 31 - 1 };
      const waiting = [board.waitForBrief("b", options), board.waitForBriefs({ tier: 1 }, options)];
      for (const one of waiting) one.catch(() => undefined);
      await settles(Promise.all(waiting));
      await board.close();
      for (const one of waiting) await caught(ClosedError, () => one);
      await caught(ClosedError, () => board.waitForBrief("b"));
      await caught(ClosedError, () => board.waitForBriefs({}));
    });

    test("are looked at more often while a wait with a shorter interval is among them", async () => {
      const { board } = await openRun(engine);
      await createMany(board, ["long", "short"]);
      const long = board.waitForBrief("long", { pollMs: 2 ** 31 - 1 });
      expect(await settles(long)).toBe(false);
      const short = board.waitForBrief("short", { pollMs });
      await board.completeBrief("long", {});
      expect(await long).toMatchObject({ status: "done" });
      await board.completeBrief("short", {});
      await short;
    });
  });

  describe("a wait rejects", () => {
    test.each<[string, unknown, unknown, string[]]>([
      ["a filter without a field", {}, {}, ["filter"]],
      ["a filter whose fields are undefined", { tier: undefined }, {}, ["filter"]],
      ["no filter", undefined, {}, ["filter"]],
      ["null as a filter", null, {}, ["filter"]],
      ["a status, which changes", { status: "done" }, {}, ["status"]],
      ["one id that is no list", { briefIds: "b" }, {}, ["briefIds"]],
      ["more than 1,000 ids", { briefIds: Array(1001).fill("b") }, {}, ["briefIds"]],
      ["an empty id", { briefIds: ["b", ""] }, {}, ["briefIds[1]"]],
      ["a role that is no text", { role: 5 }, {}, ["role"]],
      ["a wrong tier", { tier: -1 }, {}, ["tier"]],
      ["empty references", { workstreamId: "", parentBriefId: "" }, {}, ["workstreamId", "parentBriefId"]],
      ["wrong options", { tier: 1 }, { pollMs: 0, signal: true, after: 1 }, ["after", "pollMs", "signal"]],
    ])("%s", async (_, filter, options, paths) => {
      const { board, place } = await openRun(engine);
      await refused(place, paths, () => board.waitForBriefs(filter as WaitFilter, options as never));
    });

    test("roles that are not declared", async () => {
      const place = await engine.place();
      const board = await place.open({ runId: "run-1", roles: { coder: {} } });
      await caught(InvalidInputError, () => board.waitForBriefs({ role: "tester" }));
    });

    test("an invalid id and options that are not an object", async () => {
      const { board, place } = await openRun(engine);
      await refused(place, ["briefId", "options"], () => board.waitForBrief("", null as never));
    });
  });
}

/** Tests that need several blackboards on one database. */
export function waitTogether(engine: Engine): void {
  describe("a wait", () => {
    test("resolves for what another blackboard did, and sees only its own run", async () => {
      const place = await engine.place();
      const [mine, other] = [await place.open({ runId: "run-1" }), await place.open({ runId: "run-1" })];
      const elsewhere = await place.open({ runId: "run-2" });
      await mine.createRun("a goal");
      await elsewhere.createRun("another goal");
      await mine.createBrief(brief("b"));
      await elsewhere.createBrief(brief("e"));
      await caught(NotFoundError, () => mine.waitForBrief("e"));
      const waiting = [mine.waitForBrief("b", { pollMs }), mine.waitForBriefs({ tier: 1 }, { pollMs })] as const;
      expect(await settles(waiting[1])).toBe(false);
      await other.updateBriefStatus("b", "done");
      expect((await waiting[0]).status).toBe("done");
      expect(await waiting[1]).toEqual(counts({ done: 1 }));
    });
  });
}
