/** Reads with bounded memory: pages of about 1 MB, and lists and trees without payloads, results and progress. */
import {
  type Brief,
  type BriefNode,
  type BriefTree,
  getTreeOutline,
  listBriefOutlines,
  NotFoundError,
  type OutlineNode,
  readBriefs,
  readEvents,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, type Engine, openRun, refused } from "./engine.ts";

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[][]> {
  const found: T[][] = [];
  for await (const page of pages) found.push([...page]);
  return found;
}

const outlineOf = ({ payload: _, result: __, progress: ___, ...outline }: Brief) => outline;
const outlined = ({ brief, children, totals }: BriefNode): OutlineNode => ({
  brief: outlineOf(brief),
  children: children.map(outlined),
  totals,
});

/** Payloads of 0, 400 kB and 3 MB in turn. */
const textOf = (n: number) => "x".repeat([0, 400_000, 3_000_000][n % 3] ?? 0);

async function fill(board: Board, count: number): Promise<void> {
  await board.createWorkstream({ workstreamId: "w", name: "part", tier: 0 });
  for (let n = 0; n < count; n++) {
    const parentBriefId = n === 0 ? null : `b${Math.floor((n - 1) / 3)}`;
    const workstreamId = n % 2 ? "w" : null;
    await board.createBrief({
      briefId: `b${n}`,
      parentBriefId,
      workstreamId,
      tier: n % 4,
      role: "coder",
      payload: { text: textOf(n) },
    });
    await board.logEvent(n % 2 ? "failed" : "spawned", { briefId: `b${n % 5}`, detail: { text: textOf(n) } });
  }
  await board.updateBriefResult("b1", { done: true });
}

const sizesOf = (pages: readonly (readonly object[])[]) =>
  pages.map((page) => page.map((row) => JSON.stringify(row).length).reduce((sum, length) => sum + length, 0));

export function bounded(engine: Engine): void {
  describe("readEvents and readBriefs", () => {
    test("readEvents returns every matching event in pages of about 1 MB, or of one larger event", async () => {
      const { board, place } = await openRun(engine);
      await fill(board, 12);
      for (const filter of [
        {},
        { kinds: ["failed"] },
        { briefId: "b1" },
        { briefId: "b1", kinds: ["failed"] },
        { after: 4 },
        { kinds: ["failed", "spawned"], after: 3 },
        { kinds: [] },
      ] as const) {
        const pages = await all(readEvents(board, filter));
        expect(pages.flat()).toEqual((await board.listEvents(filter)).items);
        for (const [n, size] of sizesOf(pages).entries()) {
          expect(size).toBeLessThan(4_500_000);
          // Only the last row of a page may exceed the limit.
          for (const event of (pages[n] ?? []).slice(0, -1)) expect(JSON.stringify(event).length).toBeLessThan(2 ** 20);
        }
      }
      const unknown = { after: 0, limit: 3 };
      await refused(place, ["limit"], () => readEvents(board, unknown).next());
    });

    test("readBriefs returns the given briefs in the given order in pages of about 1 MB and skips unknown ids", async () => {
      const { board } = await openRun(engine);
      await fill(board, 12);
      const ids = ["b9", "b1", "nobody", "b0", "b2", "b8", "b5", "b11"];
      const pages = await all(readBriefs(board, ids));
      const stored = new Map((await board.listBriefs()).items.map((brief) => [brief.briefId, brief]));
      expect(pages.flat()).toEqual(ids.flatMap((id) => stored.get(id) ?? []));
      expect(pages.map((page) => page.map(({ briefId }) => briefId))).toEqual([
        ["b9", "b1", "b0", "b2"],
        ["b8"],
        ["b5"],
        ["b11"],
      ]);
      expect(await all(readBriefs(board, []))).toEqual([]);
      const many = Array.from({ length: 300 }, (_, n) => `b${n % 2 ? 0 : 3}`);
      expect((await all(readBriefs(board, many))).flat().map(({ briefId }) => briefId)).toEqual(many);
    });
  });

  describe("outlines", () => {
    test("listBriefOutlines returns the pages of listBriefs without payload, result and progress, for every filter", async () => {
      const { board } = await openRun(engine);
      await fill(board, 12);
      for (const filter of [
        {},
        { status: "done" },
        { workstreamId: null },
        { parentBriefId: "b0", tier: 1 },
        { role: [] },
        { limit: 5 },
      ] as const) {
        const { items, next } = await board.listBriefs(filter);
        expect(await listBriefOutlines(board, filter)).toEqual({ items: items.map(outlineOf), next });
        if (next === null) continue;
        const second = await board.listBriefs({ ...filter, after: next });
        expect((await listBriefOutlines(board, { ...filter, after: next })).items).toEqual(second.items.map(outlineOf));
      }
    });

    test("getTreeOutline returns the tree or a subtree without payloads, results and progress", async () => {
      const { board } = await openRun(engine);
      await fill(board, 12);
      for (const id of [undefined, "b0", "b2", "b11"]) {
        const tree: BriefTree = await board.getBriefTree(id);
        expect(await getTreeOutline(board, id)).toEqual({ ...tree, roots: tree.roots.map(outlined) });
      }
      await caught(NotFoundError, () => getTreeOutline(board, "nobody"));
    });

    test("outlines select no payload, no result and no progress", async () => {
      const place = await engine.place();
      const asked: string[] = [];
      const board = await place.open({ runId: "run-1", logger: { logQuery: (query) => void asked.push(query) } });
      await board.createRun("a goal");
      await fill(board, 3);
      asked.length = 0;
      await getTreeOutline(board);
      await listBriefOutlines(board);
      for (const query of asked) expect(query).not.toMatch(/payload|result"|progress"/);
      expect(asked).toHaveLength(2);
    });
  });
}
