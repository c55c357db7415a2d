/** The tree of briefs, including dangling parents and cycles left by other programs. */
import fc from "fast-check";
import { type BriefNode, type BriefStatus, type BriefTree, briefStatuses, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, type Engine, openEmpty, openRun, type Place } from "./engine.ts";
import { tally } from "./model.ts";

interface Row {
  readonly id: string;
  readonly parent: string | null;
  readonly status?: BriefStatus;
  /** Part of the time; briefs of the same time are ordered by id. */
  readonly time?: number;
}

/** Inserts briefs as another program does, with any parents. */
async function insert({ sql }: Place, rows: readonly Row[], runId = "run-1"): Promise<void> {
  for (let start = 0; start < rows.length; start += 5000) {
    const values = rows.slice(start, start + 5000).map(({ id, parent, status = "pending", time = 0 }) => {
      const at = `'2026-11-22T06:40:${String(time).padStart(9, "0")}Z'`;
      return `('${id}', '${runId}', ${parent === null ? "NULL" : `'${parent}'`}, 1, 'coder', '${status}', 0, ${at}, ${at})`;
    });
    await sql(
      `INSERT INTO briefs (brief_id, run_id, parent_brief_id, tier, role, status, retry_count, created_at, updated_at)
       VALUES ${values.join(", ")}`,
    );
  }
}

/** A tree as nested lists of ids. */
type Ids = [string, ...Ids[]];
const idsOf = ({ brief, children }: BriefNode): Ids => [brief.briefId, ...children.map(idsOf)];
const shapeOf = ({ roots, cycles }: BriefTree) => ({ roots: roots.map(idsOf), cycles });

const counts = (some: Partial<Record<BriefStatus, number>>) => ({ pending: 0, active: 0, done: 0, failed: 0, ...some });

export function tree(engine: Engine, { long }: { long: boolean }): void {
  describe("getBriefTree", () => {
    test("nests briefs, oldest first, and counts the statuses of each brief with its descendants", async () => {
      const { board, clock } = await openRun(engine);
      const make = (briefId: string, parentBriefId?: string) =>
        board.createBrief({ briefId, parentBriefId, tier: 0, role: "coder" });
      await make("plan");
      await make("write/b", "plan");
      await make("write/a", "plan");
      clock.advance(1);
      await make("write/0", "plan");
      await make("check", "write/a");
      await make("alone");
      await board.updateBriefResult("check", { ok: true });
      await board.updateBriefStatus("write/a", "active");
      await board.updateBriefStatus("write/0", "failed");
      const brief = async (briefId: string) => await board.getBrief(briefId);
      const writeA = {
        brief: await brief("write/a"),
        children: [{ brief: await brief("check"), children: [], totals: counts({ done: 1 }) }],
        totals: counts({ active: 1, done: 1 }),
      };
      const plan = {
        brief: await brief("plan"),
        children: [
          writeA,
          { brief: await brief("write/b"), children: [], totals: counts({ pending: 1 }) },
          { brief: await brief("write/0"), children: [], totals: counts({ failed: 1 }) },
        ],
        totals: counts({ pending: 2, active: 1, done: 1, failed: 1 }),
      };
      const alone = { brief: await brief("alone"), children: [], totals: counts({ pending: 1 }) };
      const totals = counts({ pending: 3, active: 1, done: 1, failed: 1 });
      expect(await board.getBriefTree()).toStrictEqual({ roots: [plan, alone], totals, cycles: [] });
      expect(await board.getBriefTree("plan")).toStrictEqual({ roots: [plan], totals: plan.totals, cycles: [] });
      expect(await board.getBriefTree("write/a")).toStrictEqual({ roots: [writeA], totals: writeA.totals, cycles: [] });
    });

    test("returns an empty tree for a run without briefs and for a missing run", async () => {
      const empty = { roots: [], totals: counts({}), cycles: [] };
      expect(await (await openRun(engine)).board.getBriefTree()).toStrictEqual(empty);
      expect(await (await openEmpty(engine)).board.getBriefTree()).toStrictEqual(empty);
    });

    test("throws NotFoundError for an unknown brief", async () => {
      for (const { board } of [await openRun(engine), await openEmpty(engine)]) {
        const error = await caught(NotFoundError, () => board.getBriefTree("none"));
        expect(error).toMatchObject({ entity: "brief", id: "none" });
      }
    });

    test("sorts by code point", async () => {
      const { board, place } = await openRun(engine);
      const ids = ["B", "a", "z", "\u{ff5e}", "\u{1f9e9}"];
      await insert(
        place,
        ids.toReversed().map((id) => ({ id, parent: null })),
      );
      expect(shapeOf(await board.getBriefTree()).roots.flat()).toEqual(ids);
    });

    test("treats a brief whose parent is missing as a root", async () => {
      const { board, place } = await openRun(engine);
      await insert(place, [
        { id: "child", parent: "orphan" },
        { id: "orphan", parent: "gone", status: "done" },
        { id: "root", parent: null },
      ]);
      const found = await board.getBriefTree();
      expect(shapeOf(found)).toEqual({ roots: [["orphan", ["child"]], ["root"]], cycles: [] });
      expect(found.roots[0]?.totals).toEqual(counts({ pending: 1, done: 1 }));
    });

    test("lists briefs in cycles and their descendants separately: they are under no root but are counted", async () => {
      const { board, place } = await openRun(engine);
      await insert(place, [
        { id: "self", parent: "self", status: "done", time: 9 },
        { id: "two-a", parent: "two-b", status: "failed" },
        { id: "two-b", parent: "two-a" },
        { id: "long-1", parent: "long-3" },
        { id: "long-2", parent: "long-1" },
        { id: "long-3", parent: "long-2", status: "active" },
        { id: "branch", parent: "long-2" },
        { id: "twig", parent: "branch" },
        { id: "root", parent: null },
        { id: "leaf", parent: "root" },
      ]);
      const found = await board.getBriefTree();
      expect(shapeOf(found)).toEqual({
        roots: [["root", ["leaf"]]],
        cycles: ["branch", "long-1", "long-2", "long-3", "twig", "two-a", "two-b", "self"],
      });
      expect(found.totals).toEqual(counts({ pending: 7, active: 1, done: 1, failed: 1 }));
    });

    test("returns a brief in a cycle as the root of its descendants, each once", async () => {
      const { board, place } = await openRun(engine);
      await insert(place, [
        { id: "self", parent: "self", status: "done" },
        { id: "below-self", parent: "self" },
        { id: "1", parent: "3" },
        { id: "2", parent: "1", status: "failed" },
        { id: "3", parent: "2" },
        { id: "4", parent: "2" },
      ]);
      const self = await board.getBriefTree("self");
      expect(shapeOf(self)).toEqual({ roots: [["self", ["below-self"]]], cycles: [] });
      expect(self.totals).toEqual(counts({ pending: 1, done: 1 }));
      const second = await board.getBriefTree("2");
      expect(shapeOf(second)).toEqual({ roots: [["2", ["3", ["1"]], ["4"]]], cycles: [] });
      expect(second.totals).toEqual(counts({ pending: 3, failed: 1 }));
      expect(second.roots[0]?.totals).toEqual(second.totals);
    });

    test("follows a chain of 20,000 from its top or middle, or lists all of it if it is a cycle", async () => {
      const { board, place } = await openRun(engine);
      const depth = 20_000;
      await insert(
        place,
        Array.from({ length: depth }, (_, n) => ({
          id: `b${n}`,
          parent: n === 0 ? null : `b${n - 1}`,
          time: depth - n,
        })),
      );
      for (const [found, levels] of [
        [await board.getBriefTree(), depth],
        [await board.getBriefTree(`b${depth / 2}`), depth / 2],
      ] as const) {
        expect(found.totals).toEqual(counts({ pending: levels }));
        let deepest = 0;
        for (let node = found.roots[0]; node; node = node.children[0]) {
          if (node.totals.pending !== levels - deepest)
            expect.fail(`${node.brief.briefId} counts ${node.totals.pending}`);
          deepest++;
        }
        expect(deepest).toBe(levels);
      }
      await place.sql(`UPDATE briefs SET parent_brief_id = 'b${depth - 1}' WHERE brief_id = 'b0'`);
      const round = await board.getBriefTree();
      expect([round.roots.length, round.cycles.length, round.totals.pending]).toEqual([0, depth, depth]);
    });

    test.runIf(long)("returns 100,000 children of one brief", async () => {
      const many = 100_000;
      const { board, place } = await openRun(engine);
      await insert(place, [
        { id: "root", parent: null },
        ...Array.from({ length: many }, (_, n) => ({ id: `b${n}`, parent: "root" })),
      ]);
      const { roots, totals } = await board.getBriefTree();
      expect([roots.length, roots[0]?.children.length, totals.pending]).toEqual([1, many, many + 1]);
    });

    test("matches a plain model for any parents", async () => {
      const place = await engine.place();
      let runs = 0;
      const anyRow = fc.record({
        parent: fc.option(fc.nat({ max: 14 }), { nil: null }),
        status: fc.constantFrom(...briefStatuses),
        time: fc.nat({ max: 2 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(anyRow, { maxLength: 12 }), fc.nat(), async (given, pick) => {
          // The ids are unique, because several runs may share a file.
          const runId = `run-${++runs}`;
          const id = (n: number) => `${runId}/${String(n).padStart(2, "0")}`;
          const rows = given.map((row, n) => ({
            ...row,
            id: id(n),
            parent: row.parent === null ? null : id(row.parent),
          }));
          const board = await place.open({ runId });
          await board.createRun("a goal");
          if (rows.length > 0) await insert(place, rows, runId);
          const whole = await board.getBriefTree();
          expect(shapeOf(whole)).toEqual(modelOf(rows));
          expectTotals(whole, rows);
          const asked = rows[pick % rows.length];
          if (asked) {
            const part = await board.getBriefTree(asked.id);
            expect(shapeOf(part)).toEqual({ roots: [nested(oldestFirst(rows), asked, new Set())], cycles: [] });
            expect(part.totals).toEqual(part.roots[0]?.totals);
            expectTotals(
              part,
              rows.filter((row) => flatten(part.roots).some(({ brief }) => brief.briefId === row.id)),
            );
          }
          await board.close();
        }),
        { numRuns: 60 },
      );
    });
  });
}

function oldestFirst(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => (a.time ?? 0) - (b.time ?? 0) || (a.id < b.id ? -1 : 1));
}

function modelOf(given: readonly Row[]): { roots: Ids[]; cycles: string[] } {
  const rows = oldestFirst(given);
  const isRoot = ({ parent }: Row) => !rows.some(({ id }) => id === parent);
  const reachesRoot = (row: Row): boolean => {
    let at: Row | undefined = row;
    for (let steps = 0; steps <= rows.length && at; steps++) {
      if (isRoot(at)) return true;
      at = rows.find(({ id }) => id === at?.parent);
    }
    return false;
  };
  return {
    roots: rows.filter(isRoot).map((row) => nested(rows, row, new Set())),
    cycles: rows.filter((row) => !reachesRoot(row)).map(({ id }) => id),
  };
}

/** A part of the tree; `above` are the briefs between its root and this one. */
function nested(rows: readonly Row[], { id }: Row, above: ReadonlySet<string>): Ids {
  const path = new Set([...above, id]);
  return [id, ...rows.filter((row) => row.parent === id && !path.has(row.id)).map((row) => nested(rows, row, path))];
}

function flatten(nodes: readonly BriefNode[]): BriefNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children)]);
}

function expectTotals(found: BriefTree, rows: readonly Row[]): void {
  expect(found.totals).toEqual(
    tally(
      briefStatuses,
      rows.map(({ status = "pending" }) => status),
    ),
  );
  for (const node of flatten(found.roots)) {
    expect(node.totals).toEqual(
      tally(
        briefStatuses,
        flatten([node]).map(({ brief }) => brief.status),
      ),
    );
  }
}
