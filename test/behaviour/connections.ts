/** Several blackboards on one database: which writes of one are visible to another. */
import { ConflictError, TransitionError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, type Engine, everything, inTransaction, outcome } from "./engine.ts";

const brief = { tier: 0, role: "coder" };

export function connections(engine: Engine): void {
  describe("two blackboards on one run", () => {
    async function openTwo() {
      const place = await engine.place();
      const one = await place.open({ runId: "run-1" });
      const two = await place.open({ runId: "run-1" });
      await one.createRun("a goal");
      return { place, one, two };
    }

    test("see each other's writes immediately", async () => {
      const { one, two } = await openTwo();
      const stored = await one.createBrief({ briefId: "b", ...brief, payload: { task: 1 } });
      expect(await two.getBrief("b")).toStrictEqual(stored);
      const done = await two.updateBriefResult("b", { ok: true });
      expect(await one.getBrief("b")).toStrictEqual(done);
      const { seq } = await two.logEvent("completed", { briefId: "b" });
      expect(await one.getRunSummary()).toMatchObject({ lastSeq: seq, briefs: { done: 1 }, events: { completed: 1 } });
    });

    test("can create the same run, brief and event: one stores the row and both return it", async () => {
      const { place, one, two } = await openTwo();
      expect(await two.createRun("a goal")).toStrictEqual(await one.getRun());
      expect(await two.createBrief({ briefId: "b", ...brief })).toStrictEqual(
        await one.createBrief({ briefId: "b", ...brief }),
      );
      expect(await one.logEvent("spawned", { eventId: "e" })).toStrictEqual(
        await two.logEvent("spawned", { eventId: "e" }),
      );
      const stored = await everything(place);
      expect([stored.runs, stored.briefs, stored.events].map((rows) => rows?.length)).toEqual([1, 1, 1]);
      await caught(ConflictError, () => two.createRun("another goal"));
    });

    test("cannot both move a brief from the same status", async () => {
      const { one, two } = await openTwo();
      await one.createBrief({ briefId: "b", ...brief });
      await one.updateBriefStatus("b", "active", { from: "pending" });
      const error = await caught(TransitionError, () => two.updateBriefStatus("b", "active", { from: "pending" }));
      expect(error.actual).toBe("active");
    });

    test("log events with increasing seqs", async () => {
      const { one, two } = await openTwo();
      const seqs: number[] = [];
      for (const board of [one, two, two, one]) seqs.push((await board.logEvent("spawned")).seq);
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      expect((await one.listEvents()).items.map(({ seq }) => seq)).toEqual(seqs);
    });

    test("do not see each other's uncommitted writes", async () => {
      const { one, two } = await openTwo();
      await inTransaction(one, function* (tx) {
        yield* outcome(tx.createBrief({ briefId: "b", ...brief }));
        expect(yield* outcome(two.getBrief("b"))).toBeUndefined();
      });
      expect(await two.getBrief("b")).toBeDefined();
    });

    test("close independently", async () => {
      const { one, two } = await openTwo();
      await one.close();
      expect((await two.updateRunStatus("active")).status).toBe("active");
    });

    test("continue a list at the cursor while the other one inserts rows", async () => {
      const { one, two } = await openTwo();
      for (const briefId of ["b1", "b2", "b3"]) await one.createBrief({ briefId, ...brief });
      const first = await one.listBriefs({ limit: 2 });
      await two.createBrief({ briefId: "b4", ...brief });
      const rest = await two.listBriefs({ after: first.next ?? undefined });
      expect([...first.items, ...rest.items].map(({ briefId }) => briefId)).toEqual(["b1", "b2", "b3", "b4"]);
    });
  });

  describe("a reopened blackboard", () => {
    test("reads everything that was written and can continue writing", async () => {
      const place = await engine.place();
      const first = await place.open({ runId: "run-1" });
      await first.createRun("a goal");
      await first.createBrief({ briefId: "b", ...brief, payload: { task: "自" } });
      const { seq } = await first.logEvent("spawned", { briefId: "b" });
      const stored = await everything(place);
      await first.close();
      const again = await place.open({ runId: "run-1" });
      expect(await everything(place)).toEqual(stored);
      expect(await again.getBrief("b")).toMatchObject({ payload: { task: "自" }, status: "pending" });
      expect((await again.logEvent("completed", { briefId: "b" })).seq).toBeGreaterThan(seq);
    });
  });

  describe("a second run in the same database", () => {
    test("is not visible to the first run", async () => {
      const place = await engine.place();
      const one = await place.open({ runId: "run-1" });
      const other = await place.open({ runId: "run-2" });
      await other.createRun("another goal");
      await other.createWorkstream({ workstreamId: "other-w", name: "api", tier: 0 });
      await other.createBrief({ briefId: "other-b", ...brief });
      await other.logEvent("spawned", { briefId: "other-b" });
      expect(await one.getRun()).toBeUndefined();
      await one.createRun("a goal");
      expect(await one.getWorkstream("other-w")).toBeUndefined();
      expect(await one.getBrief("other-b")).toBeUndefined();
      for (const page of [await one.listWorkstreams(), await one.listBriefs(), await one.listEvents()]) {
        expect(page).toStrictEqual({ items: [], next: null });
      }
      const zeros = { lastSeq: 0, workstreams: { pending: 0 }, briefs: { pending: 0 }, events: { spawned: 0 } };
      expect(await one.getRunSummary()).toMatchObject(zeros);
      expect(await other.getRunSummary()).toMatchObject({ workstreams: { pending: 1 }, briefs: { pending: 1 } });
    });

    test("keeps its briefs, workstreams and parents to itself: updates and references throw NotFoundError", async () => {
      const place = await engine.place();
      const one = await place.open({ runId: "run-1" });
      const other = await place.open({ runId: "run-2" });
      await one.createRun("a goal");
      await other.createRun("another goal");
      await other.createWorkstream({ workstreamId: "w", name: "api", tier: 0 });
      await other.createBrief({ briefId: "b", ...brief });
      const before = await everything(place);
      const calls: [() => unknown, string, string][] = [
        [() => one.updateWorkstreamStatus("w", "done"), "workstream", "w"],
        [() => one.updateBriefStatus("b", "done"), "brief", "b"],
        [() => one.updateBriefResult("b", {}), "brief", "b"],
        [() => one.incrementBriefRetry("b"), "brief", "b"],
        [() => one.createBrief({ parentBriefId: "b", ...brief }), "brief", "b"],
        [() => one.createBrief({ workstreamId: "w", ...brief }), "workstream", "w"],
        [() => one.logEvent("spawned", { briefId: "b" }), "brief", "b"],
      ];
      for (const [call, entity, id] of calls) {
        await expect(async () => call()).rejects.toMatchObject({ code: "NOT_FOUND", entity, id });
      }
      expect(await everything(place)).toEqual(before);
    });
  });
}
