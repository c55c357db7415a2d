/** Lists: filters and keyset pagination. */
import type { Page } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, type Engine, openRun, refused } from "./engine.ts";

const brief = { tier: 0, role: "coder" };

/** Reads all pages up to the one whose `next` is null. */
async function pagesOf<T, Cursor>(
  list: (after?: Cursor) => Page<T, Cursor> | Promise<Page<T, Cursor>>,
): Promise<T[][]> {
  const pages: T[][] = [];
  for (let page = await list(); ; page = await list(page.next)) {
    pages.push(page.items);
    if (page.next === null) return pages;
  }
}

const idsOf = (page: { items: readonly { briefId: string | null }[] }) => page.items.map(({ briefId }) => briefId);

export function pages(engine: Engine): void {
  describe("list order", () => {
    // UTF-16 would sort the emoji before U+FFFD; a locale would sort "b" before "C" and "é" next to "e".
    const byCodePoint = [" ", "-", "10", "9", "B", "a", "b", "z", "é", "中", "\ufffd", "🪝"];

    test("briefs and workstreams are sorted oldest first, then by id in code point order", async () => {
      const { board, clock } = await openRun(engine);
      for (const id of [...byCodePoint].reverse()) {
        await board.createBrief({ briefId: id, ...brief });
        await board.createWorkstream({ workstreamId: id, name: "api", tier: 0 });
      }
      clock.advance(-1);
      await board.createBrief({ briefId: "~ oldest", ...brief });
      clock.advance(2);
      await board.createBrief({ briefId: "! newest", ...brief });
      expect(idsOf(await board.listBriefs())).toEqual(["~ oldest", ...byCodePoint, "! newest"]);
      const { items } = await board.listWorkstreams();
      expect(items.map(({ workstreamId }) => workstreamId)).toEqual(byCodePoint);
    });

    test.each([1, 2, 3, 5, 7, 12, 13, 1000])("pages of %i contain every row exactly once", async (limit) => {
      const { board, clock } = await openRun(engine);
      for (const [index, id] of byCodePoint.entries()) {
        if (index % 5 === 0) clock.advance(1);
        await board.createBrief({ briefId: id, ...brief });
        await board.createWorkstream({ workstreamId: id, name: "api", tier: 0 });
        await board.logEvent("spawned", { briefId: id });
      }
      const briefs = await pagesOf<unknown, string>((after) => board.listBriefs({ after, limit }));
      expect(briefs.flat()).toEqual((await board.listBriefs()).items);
      const workstreams = await pagesOf<unknown, string>((after) => board.listWorkstreams({ after, limit }));
      expect(workstreams.flat()).toEqual((await board.listWorkstreams()).items);
      const events = await pagesOf<unknown, number>((after) => board.listEvents({ after, limit }));
      expect(events.flat()).toEqual((await board.listEvents()).items);
      for (const pages of [briefs, workstreams, events]) {
        expect(pages.map((page) => page.length)).toEqual(sizes(12, limit));
      }
    });

    function sizes(total: number, limit: number): number[] {
      return Array.from({ length: Math.ceil(total / limit) }, (_, page) => Math.min(limit, total - page * limit));
    }
  });

  describe("a page", () => {
    async function openWith(count: number) {
      const opened = await openRun(engine);
      for (let index = 0; index < count; index++) {
        opened.clock.advance(1);
        await opened.board.createBrief({ briefId: `b${index}`, ...brief });
      }
      return opened;
    }

    test("is the last one when next is null, even if it is full", async () => {
      const { board } = await openWith(4);
      const first = await board.listBriefs({ limit: 2 });
      expect(first.next).not.toBeNull();
      expect(await board.listBriefs({ limit: 2, after: first.next ?? undefined })).toMatchObject({ next: null });
      expect((await board.listBriefs({ limit: 4 })).next).toBeNull();
      expect((await board.listBriefs({ limit: 5 })).next).toBeNull();
    });

    test("has 100 items by default and up to 1000", async () => {
      const { board } = await openWith(101);
      for (let index = 0; index < 101; index++) await board.logEvent("spawned");
      expect(idsOf(await board.listBriefs())).toHaveLength(100);
      expect((await board.listEvents({ limit: undefined })).items).toHaveLength(100);
      expect((await board.listBriefs({ limit: 1000 })).items).toHaveLength(101);
    });

    test("starts after its cursor even when rows were inserted before and after it", async () => {
      const { board, clock } = await openWith(4);
      const first = await board.listBriefs({ limit: 2 });
      clock.advance(-3600_000);
      await board.createBrief({ briefId: "before", ...brief });
      clock.advance(7200_000);
      await board.createBrief({ briefId: "behind", ...brief });
      const rest = await board.listBriefs({ after: first.next ?? undefined });
      expect(idsOf(rest)).toEqual(["b2", "b3", "behind"]);
      expect(idsOf(await board.listBriefs())).toEqual(["before", "b0", "b1", "b2", "b3", "behind"]);
    });

    test("of events after the newest one is empty, and later events follow its cursor", async () => {
      const { board } = await openRun(engine);
      const { seq } = await board.logEvent("spawned");
      expect(await board.listEvents({ after: seq })).toStrictEqual({ items: [], next: null });
      expect(await board.listEvents({ after: Number.MAX_SAFE_INTEGER })).toStrictEqual({ items: [], next: null });
      const later = await board.logEvent("failed");
      expect((await board.listEvents({ after: seq })).items).toStrictEqual([later]);
      expect((await board.listEvents({ after: 0 })).items).toHaveLength(2);
    });

    test("keeps its filter across cursors", async () => {
      const { board } = await openWith(9);
      for (const id of ["b1", "b4", "b8"]) await board.updateBriefStatus(id, "failed");
      const pages = await pagesOf<{ briefId: string }, string>((after) =>
        board.listBriefs({ status: "failed", limit: 1, after }),
      );
      expect(pages.map((items) => items.map(({ briefId }) => briefId))).toEqual([["b1"], ["b4"], ["b8"]]);
    });
  });

  describe("a filter", () => {
    async function openTree() {
      const opened = await openRun(engine);
      const { board } = opened;
      for (const workstreamId of ["w1", "w2"]) await board.createWorkstream({ workstreamId, name: "api", tier: 0 });
      await board.updateWorkstreamStatus("w2", "blocked");
      await board.createBrief({ briefId: "a", tier: 0, role: "planner" });
      await board.createBrief({ briefId: "b", tier: 1, role: "coder", parentBriefId: "a", workstreamId: "w1" });
      await board.createBrief({ briefId: "c", tier: 1, role: "reviewer", parentBriefId: "a", workstreamId: "w2" });
      await board.createBrief({ briefId: "d", tier: 2, role: "coder", parentBriefId: "b", workstreamId: "w1" });
      await board.updateBriefStatus("b", "active");
      await board.updateBriefStatus("c", "failed");
      await board.logEvent("spawned", { briefId: "a" });
      await board.logEvent("failed", { briefId: "c" });
      await board.logEvent("escalated");
      return opened;
    }

    test.each([
      [{}, "abcd"],
      [undefined, "abcd"],
      [{ status: "pending" }, "ad"],
      [{ status: ["active", "failed"] }, "bc"],
      [{ status: ["done"] }, ""],
      [{ status: [] }, ""],
      [{ status: ["failed", "failed"] }, "c"],
      [{ role: "coder" }, "bd"],
      [{ role: ["planner", "reviewer"] }, "ac"],
      [{ role: [] }, ""],
      [{ role: "nobody's" }, ""],
      [{ tier: 1 }, "bc"],
      [{ tier: 2 ** 31 - 1 }, ""],
      [{ workstreamId: "w1" }, "bd"],
      [{ workstreamId: null }, "a"],
      [{ workstreamId: "none" }, ""],
      [{ parentBriefId: "a" }, "bc"],
      [{ parentBriefId: null }, "a"],
      [{ parentBriefId: "d" }, ""],
      [{ role: "coder", tier: 1, status: "active", workstreamId: "w1", parentBriefId: "a" }, "b"],
      [{ role: "coder", tier: 1, status: "pending" }, ""],
      [
        { status: undefined, role: undefined, tier: undefined, workstreamId: undefined, parentBriefId: undefined },
        "abcd",
      ],
    ] as const)("of briefs %j returns %j", async (filter, ids) => {
      const { board } = await openTree();
      expect(idsOf(await board.listBriefs(filter)).join("")).toBe(ids);
    });

    test.each([
      [{ status: "pending" }, ["w1"]],
      [{ status: ["blocked", "pending"] }, ["w1", "w2"]],
      [{ status: [] }, []],
      [{ status: "done" }, []],
    ] as const)("of workstreams %j returns %j", async (filter, ids) => {
      const { board } = await openTree();
      const { items } = await board.listWorkstreams(filter);
      expect(items.map(({ workstreamId }) => workstreamId)).toEqual(ids);
    });

    test.each([
      [{ kinds: ["spawned"] }, ["spawned"]],
      [{ kinds: ["escalated", "failed"] }, ["failed", "escalated"]],
      [{ kinds: [] }, []],
      [{ briefId: "c" }, ["failed"]],
      [{ briefId: "c", kinds: ["spawned"] }, []],
      [{ briefId: "nobody" }, []],
    ] as const)("of events %j returns %j", async (filter, kinds) => {
      const { board } = await openTree();
      const { items } = await board.listEvents(filter);
      expect(items.map(({ kind }) => kind)).toEqual(kinds);
    });
  });

  describe("a cursor", () => {
    async function openCursors() {
      const { board, place } = await openRun(engine);
      for (const id of ["1", "2"]) {
        await board.createBrief({ briefId: id, ...brief });
        await board.createWorkstream({ workstreamId: id, name: "api", tier: 0 });
      }
      const ofBriefs = (await board.listBriefs({ limit: 1 })).next ?? "";
      const ofWorkstreams = (await board.listWorkstreams({ limit: 1 })).next ?? "";
      return { board, place, ofBriefs, ofWorkstreams };
    }
    const lists = (board: Board) => [
      (after: unknown) => board.listBriefs({ after: after as string }),
      (after: unknown) => board.listWorkstreams({ after: after as string }),
    ];

    test("from the other list is rejected", async () => {
      const { board, place, ofBriefs, ofWorkstreams } = await openCursors();
      await refused(place, ["after"], () => board.listBriefs({ after: ofWorkstreams }));
      await refused(place, ["after"], () => board.listWorkstreams({ after: ofBriefs }));
      await refused(place, ["after"], () => board.listEvents({ after: ofBriefs as never }));
    });

    test("that is forged or modified is rejected", async () => {
      const { board, place, ofBriefs } = await openCursors();
      const foreign = [
        "",
        "x",
        null,
        5,
        {},
        "2026-11-22T06:40:15.123Z",
        ofBriefs.slice(1),
        ofBriefs.slice(0, -1),
        `${ofBriefs}=`,
        `${ofBriefs} `,
        Buffer.from("{}").toString("base64url"),
        Buffer.from('["briefs",1,2]').toString("base64url"),
        Buffer.from('["briefs","2026"]').toString("base64url"),
        Buffer.from('["briefs", "2026", "x"]').toString("base64url"),
      ];
      for (const after of foreign) for (const list of lists(board)) await refused(place, ["after"], () => list(after));
    });

    test("of events that is not a seq is rejected", async () => {
      const { board, place } = await openCursors();
      for (const after of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null, 2 ** 53]) {
        await refused(place, ["after"], () => board.listEvents({ after: after as number }));
      }
    });
  });
}
