/** Creating, reading and updating briefs: the tasks of a run, which form a tree. */
import { InvalidInputError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, caughtUnchanged, type Engine, everything, openRun } from "./engine.ts";

/** The columns of a brief that the reference implementation also has. */
const storedColumns = `SELECT brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, retry_count, created_at,
  updated_at FROM briefs ORDER BY brief_id`;

export function briefs(engine: Engine): void {
  describe("briefs", () => {
    test("createBrief stores a pending brief with the clock's time and returns it", async () => {
      const { board, place, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "ws-1", name: "api", tier: 1 });
      await board.createBrief({ briefId: "a", tier: 0, role: "planner" });
      clock.advance(77);
      const given = { briefId: "b", parentBriefId: "a", workstreamId: "ws-1", tier: 1, role: "coder", retryCount: 3 };
      const brief = await board.createBrief({ ...given, payload: { task: ["write", { lines: 3 }] } });
      expect(brief).toMatchObject({
        ...given,
        runId: "run-1",
        status: "pending",
        payload: { task: ["write", { lines: 3 }] },
        result: null,
        createdAt: clock.text,
        updatedAt: clock.text,
      });
      expect(await board.getBrief("b")).toStrictEqual(brief);
      expect((await place.sql(storedColumns))[1]).toEqual({
        brief_id: "b",
        run_id: "run-1",
        parent_brief_id: "a",
        workstream_id: "ws-1",
        tier: 1,
        role: "coder",
        status: "pending",
        retry_count: 3,
        created_at: "2026-11-22T06:40:15.200Z",
        updated_at: "2026-11-22T06:40:15.200Z",
      });
    });

    test("createBrief requires only a tier and a role and leaves the other columns empty", async () => {
      const { board } = await openRun(engine);
      const brief = await board.createBrief({ tier: 0, role: "coder" });
      expect(brief).toMatchObject({
        parentBriefId: null,
        workstreamId: null,
        payload: {},
        result: null,
        retryCount: 0,
      });
    });

    test("createBrief treats undefined as an absent field and null as NULL in nullable columns", async () => {
      const { board } = await openRun(engine);
      const nothing = { briefId: undefined, parentBriefId: undefined, workstreamId: undefined, retryCount: undefined };
      const first = await board.createBrief({ tier: 0, role: "coder", ...nothing, payload: undefined });
      const nulls = { parentBriefId: null, workstreamId: null, payload: null };
      const second = await board.createBrief({ tier: 0, role: "coder", ...nulls });
      const empty = { parentBriefId: null, workstreamId: null, payload: {}, retryCount: 0 };
      expect(first).toMatchObject(empty);
      expect(second).toMatchObject(empty);
    });

    test("createBrief stores SQL NULL, not the text 'null', for an absent payload and result", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder", payload: null });
      expect(await place.sql("SELECT result FROM briefs")).toEqual([{ result: null }]);
      expect(await place.sql("SELECT 1 AS found FROM briefs WHERE cast(payload AS text) = '{}'")).toHaveLength(1);
    });

    test("createBrief generates UUIDv7 ids in creation order", async () => {
      const { board } = await openRun(engine);
      const ids: string[] = [];
      for (let count = 0; count < 50; count++) ids.push((await board.createBrief({ tier: 0, role: "coder" })).briefId);
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(ids.toSorted()).toEqual(ids);
      expect(new Set(ids).size).toBe(50);
    });

    test("createBrief accepts ids and roles of 256 characters, including slashes and quotes", async () => {
      const { board } = await openRun(engine);
      for (const id of [
        "x".repeat(256),
        "write/0",
        "../..",
        "'; DROP TABLE briefs; --",
        "\n",
        " ",
        "🪝".repeat(128),
        "%_",
      ]) {
        await board.createBrief({ briefId: id, tier: 0, role: id });
        expect(await board.getBrief(id)).toMatchObject({ briefId: id, role: id });
      }
    });

    test("getBrief returns undefined for an unknown id and compares ids case-sensitively", async () => {
      const { board } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      expect(await board.getBrief("B")).toBeUndefined();
      expect(await board.getBrief("b ")).toBeUndefined();
    });

    test.each([
      ["parent", { parentBriefId: "none" }, "brief", "none"],
      ["workstream", { workstreamId: "none" }, "workstream", "none"],
      ["parent that is the brief itself", { briefId: "own", parentBriefId: "own" }, "brief", "own"],
    ] as const)(
      "createBrief throws NotFoundError for an unknown %s and writes nothing",
      async (_, unknown, entity, id) => {
        const { board, place } = await openRun(engine);
        const error = await caughtUnchanged(place, NotFoundError, () =>
          board.createBrief({ tier: 0, role: "coder", ...unknown }),
        );
        expect(error).toMatchObject({ code: "NOT_FOUND", entity, id });
      },
    );

    test("updateBriefResult stores the result, sets the status to done from any status and logs no event", async () => {
      const { board, place, clock } = await openRun(engine);
      for (const status of ["pending", "active", "done", "failed"] as const) {
        const { briefId, createdAt } = await board.createBrief({ tier: 0, role: "coder", payload: { keep: 1 } });
        await board.updateBriefStatus(briefId, status);
        clock.advance(5);
        const brief = await board.updateBriefResult(briefId, { from: status });
        expect(brief).toMatchObject({ status: "done", result: { from: status }, payload: { keep: 1 } });
        expect(brief).toMatchObject({ createdAt, updatedAt: clock.text });
        expect(await board.getBrief(briefId)).toStrictEqual(brief);
      }
      expect(await place.sql("SELECT * FROM events")).toEqual([]);
    });

    test("updateBriefResult replaces an earlier result", async () => {
      const { board } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      await board.updateBriefResult("b", { draft: 1 });
      await board.updateBriefResult("b", {});
      expect((await board.getBrief("b"))?.result).toStrictEqual({});
    });

    test("incrementBriefRetry adds one, keeps the status and logs no event", async () => {
      const { board, place, clock } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder", retryCount: 4 });
      await board.updateBriefStatus("b", "failed");
      clock.advance(5);
      expect(await board.incrementBriefRetry("b")).toMatchObject({
        retryCount: 5,
        status: "failed",
        updatedAt: clock.text,
      });
      expect((await board.incrementBriefRetry("b")).retryCount).toBe(6);
      expect(await place.sql("SELECT * FROM events")).toEqual([]);
    });

    test("incrementBriefRetry accepts retry counts up to 2^31 - 1 and rejects larger ones", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder", retryCount: 2 ** 31 - 2 });
      expect((await board.incrementBriefRetry("b")).retryCount).toBe(2 ** 31 - 1);
      const error = await caughtUnchanged(place, InvalidInputError, () => board.incrementBriefRetry("b"));
      expect(error.issues.map(({ path }) => path)).toEqual(["retryCount"]);
    });

    test("an update of one brief leaves the other briefs unchanged", async () => {
      const { board, place } = await openRun(engine);
      for (const briefId of ["a", "b", "c"]) await board.createBrief({ briefId, tier: 0, role: "coder" });
      const before = await everything(place);
      await board.updateBriefResult("b", { ok: true });
      await board.incrementBriefRetry("b");
      await board.updateBriefStatus("b", "failed");
      const after = await everything(place);
      expect([after.briefs?.[0], after.briefs?.[2]]).toEqual([before.briefs?.[0], before.briefs?.[2]]);
    });

    test("updates of an unknown brief throw NotFoundError with its id", async () => {
      const { board } = await openRun(engine);
      const calls = [
        () => board.updateBriefResult("nobody", {}),
        () => board.incrementBriefRetry("nobody"),
        () => board.updateBriefStatus("nobody", "done"),
      ];
      for (const call of calls) {
        expect(await caught(NotFoundError, call)).toMatchObject({ code: "NOT_FOUND", entity: "brief", id: "nobody" });
      }
    });
  });
}
