/** Every combination of a list's filters, on one connection: each must have a statement of its own. */
import type { Brief, BriefFilter, BriefStatus } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Engine, openRun } from "./engine.ts";

type Filters = Required<Omit<BriefFilter, "after" | "limit">>;

/** What each filter is tried with: left out, and at least once each of its forms. A filter that is missing doesn't compile. */
const tried: { readonly [Name in keyof Filters]: readonly (Filters[Name] | undefined)[] } = {
  status: [undefined, "done", ["pending", "failed"]],
  role: [undefined, "coder", ["coder", "tester"]],
  tier: [undefined, 1],
  workstreamId: [undefined, null, "w"],
  parentBriefId: [undefined, null, "root"],
  ready: [undefined, true, false],
};

function matches(brief: Brief, filter: Partial<Filters>): boolean {
  const { ready, ...columns } = filter;
  if (ready !== undefined && (brief.status !== "pending" || (brief.waitsFor === 0) !== ready)) return false;
  return Object.entries(columns).every(([name, wanted]) => {
    const value = new Map<string, unknown>(Object.entries(brief)).get(name);
    return wanted === undefined || (Array.isArray(wanted) ? wanted.includes(value) : wanted === value);
  });
}

/** All combinations, so that any two filters differ in one field somewhere. */
function combinations(): Partial<Filters>[] {
  let all: Partial<Filters>[] = [{}];
  for (const [name, values] of Object.entries(tried)) {
    all = all.flatMap((filter) => values.map((value) => ({ ...filter, [name]: value })));
  }
  return all;
}

export function filters(engine: Engine): void {
  describe("filters of briefs", () => {
    test("each combination lists the briefs that match it, whatever was listed before", async () => {
      const { board, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "w", name: "api", tier: 0 });
      await board.createBrief({ briefId: "root", tier: 9, role: "planner" });
      const statuses: BriefStatus[] = ["pending", "done", "failed"];
      let n = 0;
      for (const role of ["coder", "tester", "reader"]) {
        for (const tier of [0, 1]) {
          for (const workstreamId of [null, "w"]) {
            for (const parentBriefId of [null, "root"]) {
              for (const [index, status] of statuses.entries()) {
                clock.advance(1);
                const briefId = `b${n++}`;
                const after = index === 0 && tier === 1 ? ["root"] : [];
                await board.createBrief({ briefId, tier, role, workstreamId, parentBriefId, after });
                if (status !== "pending") await board.updateBriefStatus(briefId, status);
              }
            }
          }
        }
      }
      const { items: all } = await board.listBriefs({ limit: 1000 });
      expect(all).toHaveLength(73);
      for (const filter of combinations()) {
        const { items } = await board.listBriefs({ ...filter, limit: 1000 });
        const expected = all.filter((brief) => matches(brief, filter));
        expect(items.map(({ briefId }) => briefId)).toEqual(expected.map(({ briefId }) => briefId));
      }
    });
  });
}
