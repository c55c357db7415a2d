/** Spawning lists: each entry is treated as by `spawnBrief`, in one commit. */
import { ConflictError, type NewBrief, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caughtUnchanged, type Engine, everything, openRun, refused } from "./engine.ts";

import { coder, eventsOf, idsOf, request } from "./list-samples.ts";

export function spawnLists(engine: Engine): void {
  describe("spawnBriefs", () => {
    test("returns the briefs in the order of the list and logs spawned for each, with the same detail", async () => {
      const { board, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 0 });
      await board.createBrief(coder("root"));
      clock.advance(10);
      const notBefore = new Date(clock.read().getTime() + 500);
      const briefs = await board.spawnBriefs(
        [
          coder("c", { parentBriefId: "root", workstreamId: "ws", payload: { a: [1, "é\"'"] }, priority: -3 }),
          coder("b", { parentBriefId: "c", after: ["root", "c"], retryCount: 4 }),
          coder("a", { tier: 7, role: "tester", notBefore, payload: null }),
        ],
        { by: "planner" },
      );
      expect(idsOf(briefs)).toEqual(["c", "b", "a"]);
      for (const brief of briefs) expect(brief).toStrictEqual(await board.getBrief(brief.briefId));
      expect(briefs[0]).toMatchObject({
        parentBriefId: "root",
        workstreamId: "ws",
        payload: { a: [1, "é\"'"] },
        priority: -3,
        status: "pending",
        createdAt: clock.text,
        updatedAt: clock.text,
        result: null,
        waitsFor: 0,
      });
      expect(briefs[1]).toMatchObject({ waitsFor: 2, retryCount: 4 });
      expect(briefs[2]).toMatchObject({ payload: {}, notBefore: notBefore.toISOString(), tier: 7 });
      expect(await eventsOf(board)).toEqual(["c", "b", "a"].map((id) => ["spawned", id, { by: "planner" }]));
    });

    test("stores the same rows as single calls", async () => {
      const list: NewBrief[] = [
        coder("a", { payload: { n: 1 } }),
        coder("b", { after: ["a"], priority: 2 }),
        coder("c", { parentBriefId: "a", after: ["a", "b"] }),
      ];
      const stored: unknown[] = [];
      for (const many of [true, false]) {
        let n = 0;
        const { board, place } = await openRun(engine, { newId: () => `id-${n++}` });
        if (many) await board.spawnBriefs(list);
        else for (const brief of list) await board.spawnBrief(brief);
        stored.push(await everything(place));
      }
      expect(stored[0]).toEqual(stored[1]);
    });

    test("a repeat returns the stored briefs and writes nothing, and an id twice in the list is a repeat", async () => {
      const { board, place, clock } = await openRun(engine);
      const list = [coder("a", { payload: { n: 1 } }), coder("b", { after: ["a"] }), coder("a", { payload: { n: 1 } })];
      const first = await board.spawnBriefs(list);
      expect(idsOf(first)).toEqual(["a", "b", "a"]);
      expect(await eventsOf(board)).toHaveLength(2);
      clock.advance(1000);
      await board.claimBrief(request);
      const before = await everything(place);
      const again = await board.spawnBriefs(list);
      expect(await everything(place)).toEqual(before);
      expect(again[0]).toStrictEqual(await board.getBrief("a"));
      const more = await board.spawnBriefs([...list, coder("c")]);
      expect(idsOf(more)).toEqual(["a", "b", "a", "c"]);
      expect(await eventsOf(board)).toHaveLength(3);
    });

    test("the first entry that fails throws what its single call would throw, and nothing is written", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief(coder("old", { payload: { n: 1 } }));
      const failing: [NewBrief[], abstract new (...parameters: never[]) => ConflictError | NotFoundError, object][] = [
        [[coder("a"), coder("old", { payload: { n: 2 } })], ConflictError, { id: "old", fields: ["payload"] }],
        [[coder("a"), coder("a", { tier: 2 })], ConflictError, { id: "a", fields: ["tier"] }],
        [[coder("a"), coder("b"), coder("b", { after: ["a"] })], ConflictError, { id: "b", fields: ["after"] }],
        [[coder("a", { parentBriefId: "b" }), coder("b")], NotFoundError, { entity: "brief", id: "b" }],
        [[coder("a", { after: ["b"] }), coder("b")], NotFoundError, { entity: "brief", id: "b" }],
        [[coder("a", { after: ["a"] })], NotFoundError, { entity: "brief", id: "a" }],
        [[coder("a", { after: ["old", "x", "y"] })], NotFoundError, { entity: "brief", id: "x" }],
        [[coder("a"), coder("b", { workstreamId: "ws" })], NotFoundError, { entity: "workstream", id: "ws" }],
        [
          [coder("a", { parentBriefId: "p", workstreamId: "ws" }), coder("old", { tier: 5 })],
          NotFoundError,
          { entity: "brief", id: "p" },
        ],
        [
          [coder("old", { tier: 5 }), coder("a", { parentBriefId: "p" })],
          ConflictError,
          { id: "old", fields: ["tier", "payload"] },
        ],
      ];
      for (const [list, kind, fields] of failing) {
        const error = await caughtUnchanged<ConflictError | NotFoundError>(place, kind, () => board.spawnBriefs(list));
        expect(error).toMatchObject(fields);
      }
      const { board: without, place: empty } = await (async () => {
        const other = await engine.place();
        return { place: other, board: await other.open({ runId: "run-1" }) };
      })();
      expect(await caughtUnchanged(empty, NotFoundError, () => without.spawnBriefs([coder("a")]))).toMatchObject({
        entity: "run",
      });
    });

    test("names a faulty entry by its index, and refuses lists of none and of more than 1,000", async () => {
      const { board, place } = await openRun(engine);
      const wrong = [coder("a"), { ...coder("b"), tier: -1, x: 1 }, 5, { role: "coder", tier: 1, payload: [] }];
      await refused(
        place,
        ["briefs[1].tier", "briefs[1].x", "briefs[2]", "briefs[2].role", "briefs[2].tier", "briefs[3].payload"],
        () => board.spawnBriefs(wrong as NewBrief[]),
      );
      await refused(place, ["briefs"], () => board.spawnBriefs([]));
      await refused(place, ["briefs"], () => board.spawnBriefs("a" as unknown as NewBrief[]));
      await refused(place, ["briefs"], () => board.spawnBriefs(Array.from({ length: 1001 }, (_, n) => coder(`b${n}`))));
      await refused(place, ["detail"], () => board.spawnBriefs([coder("a")], [] as object));
      const names = Array.from({ length: 1000 }, (_, n) => `b${n}`);
      await board.spawnBriefs(names.map((name) => coder(name)));
      const many = Array.from({ length: 11 }, (_, n) => coder(`m${n}`, { after: names }));
      await refused(place, ["briefs"], () => board.spawnBriefs(many));
      const [last] = await board.spawnBriefs(many.slice(1));
      expect(last?.waitsFor).toBe(1000);
    });

    test("takes a payload of several megabytes in each of many entries", async () => {
      const { board } = await openRun(engine);
      const text = "x".repeat(4_000_000);
      const list = Array.from({ length: 20 }, (_, n) => coder(`b${n}`, { payload: { n, text } }));
      const briefs = await board.spawnBriefs(list);
      expect(briefs.map(({ payload }) => payload.n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    });
  });
}
