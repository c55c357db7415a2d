/** What keeps pending briefs from being claimed: what waits for what, and which wait for something failed. */
import { type Dependency, type DependencyFilter, explainWaiting, readDependencies, summarizeRun } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, type Engine, openEmpty, openRun, refused } from "./engine.ts";

export function backlog(engine: Engine): void {
  /** `waits: { b: ["a"] }` creates "b" after "a"; keys in order. */
  async function create(board: Board, waits: Record<string, readonly string[]>) {
    for (const [briefId, after] of Object.entries(waits)) {
      await board.createBrief({ briefId, tier: 1, role: "coder", after });
    }
  }

  async function all(board: Board, filter: DependencyFilter): Promise<Dependency[]> {
    const found: Dependency[] = [];
    for await (const group of readDependencies(board, filter)) found.push(...group);
    return found;
  }

  describe("the backlog of a run", () => {
    test("counts each pending brief once: waiting before delayed, delayed before blocked, and the others are ready", async () => {
      const { board, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "w", name: "w", tier: 1 });
      const base = { tier: 1, role: "coder" };
      const later = (ms: number) => new Date(clock.read().getTime() + ms);
      await board.createBrief({ ...base, briefId: "a" });
      for (const n of [1, 2, 3]) {
        await board.createBrief({
          ...base,
          briefId: `waits/${n}`,
          after: ["a"],
          notBefore: later(1000),
          workstreamId: "w",
        });
      }
      for (const n of [1, 2]) {
        await board.createBrief({ ...base, briefId: `later/${n}`, notBefore: later(n * 60_000), workstreamId: "w" });
      }
      await board.createBrief({ ...base, briefId: "blocked", workstreamId: "w" });
      await board.updateWorkstreamStatus("w", "blocked");
      clock.advance(1000);
      await board.createBrief({ ...base, briefId: "high", priority: 9 });
      expect(await summarizeRun(board)).toMatchObject({
        allowsClaims: true,
        backlog: {
          ready: 2,
          waiting: 3,
          waitingForFailed: 0,
          delayed: 2,
          nextDueAt: later(59_000).toISOString(),
          blocked: 1,
        },
        oldestReady: { briefId: "a" },
        failedBlockers: [],
      });
      await board.completeBrief("a", {});
      clock.advance(60_000);
      expect(await summarizeRun(board)).toMatchObject({
        backlog: { ready: 1, waiting: 0, delayed: 1, nextDueAt: later(59_000).toISOString(), blocked: 5 },
        oldestReady: { briefId: "high" },
      });
      await board.failBrief("high");
      expect(await summarizeRun(board)).toMatchObject({ backlog: { ready: 0, blocked: 5 }, oldestReady: null });
      await board.updateWorkstreamStatus("w", "active");
      expect(await summarizeRun(board)).toMatchObject({
        backlog: { ready: 5, delayed: 1, blocked: 0 },
        oldestReady: { briefId: "blocked" },
      });
    });

    test("says whether the run's status allows claims", async () => {
      const { board } = await openRun(engine);
      const allowed: string[] = [];
      for (const status of ["pending", "active", "review", "done", "failed"] as const) {
        await board.updateRunStatus(status);
        if ((await summarizeRun(board)).allowsClaims) allowed.push(status);
      }
      expect(allowed).toEqual(["pending", "active"]);
    });

    test("finds what waits for something failed, directly or through others, until it is retried", async () => {
      const { board } = await openRun(engine);
      await create(board, { a: [], b: [], c: ["a", "b"], d: ["c"], e: ["d", "c"], f: ["b"], g: [] });
      expect((await summarizeRun(board)).backlog).toMatchObject({ ready: 3, waiting: 4, waitingForFailed: 0 });
      await board.failBrief("a");
      await board.failBrief("g");
      expect(await summarizeRun(board)).toMatchObject({
        backlog: { ready: 1, waiting: 4, waitingForFailed: 3 },
        failedBlockers: [{ briefId: "a", status: "failed", holds: 1 }],
      });
      expect(await explainWaiting(board, ["f", "e", "d", "c", "a", "unknown"])).toEqual([
        { briefId: "f", waitsFor: 1, forFailed: false, blockers: [{ briefId: "b", status: "pending" }] },
        {
          briefId: "e",
          waitsFor: 2,
          forFailed: true,
          blockers: [
            { briefId: "c", status: "pending" },
            { briefId: "d", status: "pending" },
          ],
        },
        { briefId: "d", waitsFor: 1, forFailed: true, blockers: [{ briefId: "c", status: "pending" }] },
        {
          briefId: "c",
          waitsFor: 2,
          forFailed: true,
          blockers: [
            { briefId: "a", status: "failed" },
            { briefId: "b", status: "pending" },
          ],
        },
      ]);
      await board.retryBrief("a");
      expect(await summarizeRun(board)).toMatchObject({ backlog: { waitingForFailed: 0 }, failedBlockers: [] });
      for (const one of await explainWaiting(board, ["c", "d", "e"])) expect(one.forFailed).toBe(false);
    });

    test("what waits for an active brief waits for nothing failed, whatever that brief came after", async () => {
      const { board } = await openRun(engine);
      await create(board, { a: [], b: ["a"], c: ["b"], d: ["c"] });
      for (const id of ["a", "b"]) await board.completeBrief(id, {});
      await board.claimBrief({ agentId: "w", leaseMs: 1000 });
      await board.updateBriefStatus("b", "failed");
      expect((await summarizeRun(board)).backlog).toMatchObject({ waiting: 1, waitingForFailed: 0 });
      await board.retryBrief("b");
      await board.updateBriefStatus("a", "failed");
      expect((await summarizeRun(board)).backlog).toMatchObject({ waiting: 2, waitingForFailed: 1 });
      expect(await explainWaiting(board, ["b", "c", "d"])).toEqual([
        { briefId: "b", waitsFor: 1, forFailed: true, blockers: [{ briefId: "a", status: "failed" }] },
        { briefId: "d", waitsFor: 1, forFailed: false, blockers: [{ briefId: "c", status: "active" }] },
      ]);
    });

    test("a brief that another program deleted counts like a failed one, and a cycle of its making ends", async () => {
      const { board, place } = await openRun(engine);
      await create(board, { a: [], b: [], c: ["a", "b"], d: ["c"] });
      await board.completeBrief("b", {});
      await place.sql("DELETE FROM briefs WHERE brief_id = 'a'");
      await place.sql("INSERT INTO dependencies (run_id, brief_id, blocker_id) VALUES ('run-1', 'c', 'd')");
      expect(await summarizeRun(board)).toMatchObject({
        backlog: { waiting: 2, waitingForFailed: 2 },
        failedBlockers: [{ briefId: "a", status: null, holds: 1 }],
      });
      expect(await explainWaiting(board, ["c"])).toEqual([
        {
          briefId: "c",
          waitsFor: 2,
          forFailed: true,
          blockers: [
            { briefId: "a", status: null },
            { briefId: "d", status: "pending" },
          ],
        },
      ]);
      expect(await all(board, { briefId: "c" })).toEqual([
        { briefId: "c", status: "pending", blockerId: "a", blockerStatus: null },
        { briefId: "c", status: "pending", blockerId: "b", blockerStatus: "done" },
        { briefId: "c", status: "pending", blockerId: "d", blockerStatus: "pending" },
      ]);
    });

    test("looks at its own run only, also where several share a database", async () => {
      const { board, place } = await openRun(engine);
      await create(board, { a: [], b: ["a"] });
      if (engine.name === "SQLite in memory") return;
      const other = await place.open({ runId: "run-2" });
      await other.createRun("another");
      await create(other, { x: [], y: ["x"], z: ["y"] });
      await other.failBrief("x");
      expect(await summarizeRun(board)).toMatchObject({
        backlog: { waiting: 1, waitingForFailed: 0 },
        failedBlockers: [],
      });
      expect((await summarizeRun(other)).backlog).toMatchObject({ waiting: 2, waitingForFailed: 2 });
      expect(await explainWaiting(board, ["y"])).toEqual([]);
      expect(await all(board, { blockerId: "x" })).toEqual([]);
    });

    test("the most important blockers come first: ten at most, those that hold the most briefs first", async () => {
      const { board } = await openRun(engine);
      for (let n = 0; n < 12; n++) await create(board, { [`b${n}`]: [], [`w${n}`]: [`b${n}`] });
      await create(board, { last: ["b3", "b7"] });
      for (let n = 0; n < 12; n++) await board.failBrief(`b${n}`);
      const { failedBlockers, backlog: counts } = await summarizeRun(board);
      expect(failedBlockers.map(({ briefId, holds }) => `${briefId} ${holds}`)).toEqual([
        "b3 2",
        "b7 2",
        "b0 1",
        "b1 1",
        "b10 1",
        "b11 1",
        "b2 1",
        "b4 1",
        "b5 1",
        "b6 1",
      ]);
      expect(counts.waitingForFailed).toBe(13);
    });
  });

  describe("readDependencies and explainWaiting", () => {
    test("read what comes after a brief, and what it comes after, in order of id and in groups", async () => {
      const { board } = await openRun(engine);
      const ids = Array.from({ length: 1001 }, (_, n) => `b${String(n).padStart(4, "0")}`);
      await board.transaction((tx) => tx.createBrief({ briefId: "first", tier: 1, role: "coder" }));
      for (const briefId of ids.slice(0, 4)) await create(board, { [briefId]: ["first"] });
      expect((await all(board, { blockerId: "first" })).map(({ briefId }) => briefId)).toEqual(ids.slice(0, 4));
      await create(board, { last: ["b0003", "b0000", "b0002"] });
      await board.failBrief("b0002");
      expect(await all(board, { briefId: "last" })).toEqual([
        { briefId: "last", status: "pending", blockerId: "b0000", blockerStatus: "pending" },
        { briefId: "last", status: "pending", blockerId: "b0002", blockerStatus: "failed" },
        { briefId: "last", status: "pending", blockerId: "b0003", blockerStatus: "pending" },
      ]);
      for (const briefId of ids.slice(4)) await board.createBrief({ briefId, tier: 1, role: "coder" });
      await create(board, { wide: ids.slice(1) });
      const groups: number[] = [];
      for await (const group of readDependencies(board, { briefId: "wide" })) groups.push(group.length);
      expect(groups).toEqual([500, 500]);
      expect((await all(board, { briefId: "wide" })).map(({ blockerId }) => blockerId)).toEqual(ids.slice(1));
      expect(await explainWaiting(board, ["wide"])).toMatchObject([
        {
          waitsFor: 1000,
          forFailed: true,
          blockers: [{ briefId: "b0002" }, { briefId: "b0001" }, { briefId: "b0003" }],
        },
      ]);
      expect(await all(board, { briefId: "unknown" })).toEqual([]);
    });

    test("reject invalid input", async () => {
      const { board, place } = await openEmpty(engine);
      const read = (filter: DependencyFilter) => all(board, filter);
      await refused(place, ["filter"], () => read({}));
      await refused(place, ["filter"], () => read({ briefId: "a", blockerId: "b" }));
      await refused(place, ["briefId"], () => read({ briefId: "" }));
      await refused(place, ["blockerId"], () => read({ blockerId: "" }));
      await refused(place, ["briefIds[1]"], () => explainWaiting(board, ["a", ""]));
      expect(await explainWaiting(board, [])).toEqual([]);
    });

    test("explainWaiting answers for thousands of briefs in the order of the ids", async () => {
      const { board } = await openRun(engine);
      await create(board, { a: [] });
      const ids = Array.from({ length: 1100 }, (_, n) => `b${(n * 7919) % 1100}`);
      for (const briefId of ids) await create(board, { [briefId]: ["a"] });
      const found = await explainWaiting(board, [...ids, ...ids]);
      expect(found.map(({ briefId }) => briefId)).toEqual(ids);
    });
  });
}
