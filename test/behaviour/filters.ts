/** Every combination of a list's filters, on one connection: each must have a statement of its own. */
import type { Brief, BriefFilter, BriefStatus, EventFilter, WorkstreamFilter } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, type Engine, openRun, refused } from "./engine.ts";

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

type Filtering<Filter> = Readonly<Record<Exclude<keyof Filter, "after" | "limit">, true>>;
const workstreamFilters: Filtering<WorkstreamFilter> = { status: true };
const eventFilters: Filtering<EventFilter> = { kinds: true, briefId: true };

/** The filters of each list. */
export const filterNames = {
  listBriefs: Object.keys(tried),
  listWorkstreams: Object.keys(workstreamFilters),
  listEvents: Object.keys(eventFilters),
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

/** Values that no filter takes. */
const invalid: unknown[] = [5n, Symbol("x"), () => "x", {}, "\0", "\ud800", ""];

export function filters(engine: Engine): void {
  describe("a filter is rejected if it is not valid:", () => {
    const lists: [string, readonly string[], (board: Board, filter: object) => unknown][] = [
      ["listBriefs", filterNames.listBriefs, (board, filter) => board.listBriefs(filter)],
      ["listWorkstreams", filterNames.listWorkstreams, (board, filter) => board.listWorkstreams(filter)],
      ["listEvents", filterNames.listEvents, (board, filter) => board.listEvents(filter)],
    ];
    test.each(lists.flatMap(([list, names, call]) => names.map((name) => [list, name, call] as const)))(
      "%s, %s",
      async (_, name, call) => {
        const { board, place } = await openRun(engine);
        for (const value of invalid) await refused(place, [name], () => call(board, { [name]: value }));
      },
    );
  });

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
        if (Object.values(filter).filter((value) => value !== undefined).length === 1) {
          // Otherwise a filter of a different column could pass.
          expect(expected.length, JSON.stringify(filter)).toBeGreaterThan(0);
          expect(expected.length, JSON.stringify(filter)).toBeLessThan(all.length);
        }
        expect(items.map(({ briefId }) => briefId)).toEqual(expected.map(({ briefId }) => briefId));
      }
    });
  });
}
