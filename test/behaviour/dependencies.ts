/** Dependencies: a brief waits until every brief that it comes after is done. */
import { NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import {
  type Board,
  caught,
  caughtUnchanged,
  type Engine,
  everything,
  inTransaction,
  openRun,
  outcome,
  refused,
} from "./engine.ts";

const request = { agentId: "w-1", leaseMs: 1000 };

export function dependencies(engine: Engine): void {
  /** A run with the briefs "a" and "b" and the brief "last", which comes after both. */
  async function openGraph() {
    const opened = await openRun(engine);
    const { board, clock } = opened;
    for (const briefId of ["a", "b"]) {
      await board.createBrief({ briefId, tier: 1, role: "coder" });
      clock.advance(1000);
    }
    const last = await board.createBrief({ briefId: "last", tier: 1, role: "coder", after: ["b", "a", "b"] });
    return { ...opened, last };
  }

  const waitsFor = async (board: Board, id: string) => (await board.getBrief(id))?.waitsFor;
  const claimedId = async (board: Board) => (await board.claimBrief(request))?.brief.briefId;

  describe("dependencies", () => {
    test("a brief is pending and can't be claimed until every brief that it comes after is done", async () => {
      const { board, last } = await openGraph();
      expect(last).toMatchObject({ status: "pending", waitsFor: 2 });
      expect(await claimedId(board)).toBe("a");
      expect(await claimedId(board)).toBe("b");
      expect(await claimedId(board)).toBeUndefined();
      await board.completeBrief("a", {});
      expect(await waitsFor(board, "last")).toBe(1);
      expect(await claimedId(board)).toBeUndefined();
      await board.completeBrief("b", {});
      expect(await waitsFor(board, "last")).toBe(0);
      expect(await claimedId(board)).toBe("last");
    });

    test("spawnBrief returns the brief with its count, and a brief after finished ones can be claimed immediately", async () => {
      const { board } = await openGraph();
      await board.updateBriefStatus("a", "done");
      const half = await board.spawnBrief({ briefId: "half", tier: 1, role: "tester", after: ["a", "b"] });
      expect(half).toStrictEqual(await board.getBrief("half"));
      expect(half.waitsFor).toBe(1);
      const free = await board.spawnBrief({ briefId: "free", tier: 1, role: "tester", after: ["a"] });
      expect(free.waitsFor).toBe(0);
      expect((await board.claimBrief({ ...request, role: "tester" }))?.brief.briefId).toBe("free");
      expect((await board.listEvents()).items.map(({ kind, briefId }) => [kind, briefId])).toEqual([
        ["spawned", "half"],
        ["spawned", "free"],
      ]);
    });

    test("a blocker that leaves done counts again, and an active dependent goes on", async () => {
      const { board } = await openGraph();
      for (const id of ["a", "b"]) await board.completeBrief(id, {});
      const claim = await board.claimBrief(request);
      if (!claim) throw new Error("there was nothing to claim");
      await board.updateBriefStatus("a", "pending");
      await board.updateBriefStatus("b", "failed");
      expect(await board.getBrief("last")).toMatchObject({ status: "active", waitsFor: 2 });
      await board.renewClaim(claim, { leaseMs: 1000 });
      await board.completeBrief(claim, {});
      expect(await board.getBrief("last")).toMatchObject({ status: "done", waitsFor: 2 });
    });

    test("a takeover doesn't look at the count, and a retry does", async () => {
      const { board, clock } = await openGraph();
      for (const id of ["a", "b"]) await board.completeBrief(id, {});
      expect(await claimedId(board)).toBe("last");
      await board.updateBriefStatus("a", "active");
      clock.advance(1000);
      const taken = await board.claimBrief({ agentId: "w-2", leaseMs: 1000 });
      expect(taken).toMatchObject({ attempt: 2, brief: { briefId: "last", waitsFor: 1 } });
      await board.retryBrief("last");
      expect(await claimedId(board)).toBeUndefined();
      await board.updateBriefResult("a", {});
      expect(await claimedId(board)).toBe("last");
    });

    test("a failed blocker leaves its dependents waiting, and retrying it is all it takes", async () => {
      const { board } = await openGraph();
      await board.completeBrief("b", {});
      await board.failBrief("a");
      expect(await claimedId(board)).toBeUndefined();
      expect(await board.getBrief("last")).toMatchObject({ status: "pending", waitsFor: 1 });
      await board.retryBrief("a");
      expect(await claimedId(board)).toBe("a");
      await board.completeBrief("a", {});
      expect(await claimedId(board)).toBe("last");
    });

    test("every change of a status counts, also that of another program's UPDATE, INSERT or DELETE", async () => {
      const { board, place } = await openGraph();
      await place.sql("UPDATE briefs SET status = 'done'");
      expect(await waitsFor(board, "last")).toBe(0);
      await place.sql("UPDATE briefs SET status = 'pending' WHERE brief_id = 'a'");
      expect(await waitsFor(board, "last")).toBe(1);
      await place.sql("UPDATE briefs SET status = 'done' WHERE brief_id = 'b'");
      expect(await waitsFor(board, "last")).toBe(1);
      await place.sql("DELETE FROM briefs WHERE brief_id = 'b'");
      expect(await waitsFor(board, "last")).toBe(2);
      await place.sql(
        "INSERT INTO briefs (brief_id, run_id, tier, role, status, created_at, updated_at) VALUES ('b', 'run-1', 1, 'r', 'done', '', '')",
      );
      expect(await waitsFor(board, "last")).toBe(1);
      await place.sql("DELETE FROM dependencies WHERE blocker_id = 'a'");
      expect(await waitsFor(board, "last")).toBe(0);
      await place.sql("DELETE FROM briefs WHERE brief_id = 'last'");
      expect((await everything(place)).dependencies).toEqual([]);
    });

    test("only the blockers of the same run count", async () => {
      const { board, place } = await openGraph();
      const other = await place.open({ runId: "run-2" });
      await other.createRun("another goal");
      await caughtUnchanged(place, NotFoundError, () =>
        other.createBrief({ briefId: "x", tier: 1, role: "coder", after: ["a"] }),
      );
      expect(await waitsFor(board, "last")).toBe(2);
    });

    test("a missing brief, or the brief itself, is a NotFoundError for the first of them, and nothing is written", async () => {
      const { board, place } = await openGraph();
      for (const create of [board.createBrief.bind(board), board.spawnBrief.bind(board)]) {
        const missing = { briefId: "new", tier: 1, role: "coder", after: ["a", "x", "y"] };
        const error = await caughtUnchanged(place, NotFoundError, () => create(missing));
        expect(error).toMatchObject({ entity: "brief", id: "x" });
        const own = await caughtUnchanged(place, NotFoundError, () => create({ ...missing, after: ["new"] }));
        expect(own.id).toBe("new");
      }
    });

    test("refuses what is not a list of at most 1,000 ids", async () => {
      const { board, place } = await openGraph();
      const create = (after: unknown) => () =>
        board.createBrief({ tier: 1, role: "coder", after: after as readonly string[] });
      await refused(place, ["after"], create("a"));
      await refused(place, ["after"], create(null));
      await refused(place, ["after[1]"], create(["a", 5]));
      await refused(place, ["after"], create(Array.from({ length: 1001 }, (_, n) => `b${n}`)));
      const all = Array.from({ length: 1000 }, (_, n) => `b${n}`);
      for (const briefId of all) await board.createBrief({ briefId, tier: 2, role: "tester" });
      const brief = await board.createBrief({ tier: 1, role: "coder", after: [...all, ...all] });
      expect(brief.waitsFor).toBe(1000);
    });

    test("in a transaction that is undone the counts are undone too", async () => {
      const { board, place } = await openGraph();
      const before = await everything(place);
      const failing = async () =>
        await inTransaction(board, function* (tx) {
          yield* outcome(tx.completeBrief("a", {}));
          yield* outcome(tx.createBrief({ briefId: "c", tier: 1, role: "coder", after: ["last"] }));
          yield* outcome(tx.updateBriefStatus("nobody", "done"));
        });
      await caught(NotFoundError, failing);
      expect(await everything(place)).toEqual(before);
    });

    test("listBriefs with ready returns what could be claimed, without it in false the other pending ones", async () => {
      const { board, clock } = await openGraph();
      const later = new Date(clock.read().getTime() + 1000);
      await board.createBrief({ briefId: "later", tier: 1, role: "coder", notBefore: later });
      const ids = async (filter: object) => (await board.listBriefs(filter)).items.map(({ briefId }) => briefId);
      expect(await ids({ ready: true })).toEqual(["a", "b"]);
      expect(await ids({ ready: false })).toEqual(["last", "later"]);
      clock.advance(1000);
      await board.completeBrief("a", {});
      expect(await ids({ ready: true })).toEqual(["b", "later"]);
      expect(await ids({ ready: true, status: ["done", "active"] })).toEqual([]);
      expect(await ids({ ready: true, role: "coder", limit: 1 })).toEqual(["b"]);
      await board.completeBrief("b", {});
      await board.updateRunStatus("review");
      expect(await ids({ ready: true })).toEqual(["last", "later"]);
      expect(await ids({ ready: false })).toEqual([]);
    });
  });
}
