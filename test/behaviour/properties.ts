/** Properties that hold for any input, tested with fast-check. */
import { deepStrictEqual } from "node:assert";
import fc from "fast-check";
import { briefStatuses, eventKinds, NotFoundError, workstreamStatuses } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, type Engine, openRun, type Place } from "./engine.ts";
import { anyCalls, Model, performAll, tally } from "./model.ts";

/** Any well-formed Unicode text without NUL. */
const text = (maxLength: number) =>
  fc.string({ unit: "binary", minLength: 1, maxLength }).map((value) => value.replaceAll("\0", "0"));
const key = fc.oneof(text(8), fc.constantFrom("", "__proto__", "constructor", "toString", "0", "-1", "a.b", "\u2028"));
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(0, -0, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 2 ** 53 + 2, 0.1, 1e21, 1e-7),
);
const { object } = fc.letrec<{ json: unknown; object: object }>((tie) => ({
  json: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.constantFrom(null, true, false, undefined, "", []),
    number,
    text(20),
    fc.array(tie("json"), { maxLength: 4 }).map((items) => items.map((item) => (item === undefined ? null : item))),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(key, tie("json")), { maxLength: 6 })
    .map((entries) => Object.fromEntries(entries)) as fc.Arbitrary<object>,
}));

export function properties(engine: Engine): void {
  describe("any input", () => {
    test("JSON reads back as JSON represents it, from each of the three columns", async () => {
      const { board } = await openRun(engine);
      await fc.assert(
        fc.asyncProperty(object, async (value) => {
          const expected = JSON.parse(JSON.stringify(value));
          const { briefId, payload } = await board.createBrief({ tier: 0, role: "coder", payload: value });
          const { result } = await board.updateBriefResult(briefId, value);
          const { seq, detail } = await board.logEvent("completed", { briefId, detail: value });
          for (const given of [payload, result, detail]) deepStrictEqual(given, expected);
          const stored = await board.getBrief(briefId);
          const { items } = await board.listEvents({ after: seq - 1, limit: 1 });
          for (const read of [stored?.payload, stored?.result, items[0]?.detail]) deepStrictEqual(read, expected);
        }),
        { numRuns: 200 },
      );
    });

    test("text reads back unchanged and finds its row", async () => {
      const { board } = await openRun(engine);
      let made = 0;
      await fc.assert(
        fc.asyncProperty(text(100), text(100), text(300), async (id, role, name) => {
          const briefId = `${id} ${++made}`;
          const tier = 0;
          await board.createBrief({ briefId, tier, role });
          const stored = await board.getBrief(briefId);
          expect(stored?.briefId).toBe(briefId);
          const { workstreamId } = await board.createWorkstream({ name, tier, ownerAgentId: role });
          expect(await board.getWorkstream(workstreamId)).toMatchObject({ name, ownerAgentId: role });
          const { items } = await board.listBriefs({ role, limit: 1000 });
          expect(items.filter((brief) => brief.briefId === briefId)).toHaveLength(1);
        }),
        { numRuns: 150 },
      );
    });

    test("getRunSummary matches plain SQL and a model after any sequence of calls", async () => {
      const place = await engine.place();
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(anyCalls, async (calls) => {
          const runId = `run-${++runs}`;
          const board = await place.open({ runId });
          const model = new Model();
          await performAll(board, model, calls);
          if (!model.hasRun) await caught(NotFoundError, () => board.getRunSummary());
          else {
            const { runId: _, goal, createdAt, updatedAt, lastSeq, ...counts } = await board.getRunSummary();
            expect(counts).toStrictEqual(model.summary());
            const { lastSeq: newest, ...found } = await countedBySql(place, runId);
            expect(counts).toMatchObject(found);
            expect(lastSeq).toBe(newest);
          }
          await board.close();
        }),
        { numRuns: 60 },
      );
    });

    test("pages of any size together contain all rows in order", async () => {
      let now = 0;
      const place = await engine.place();
      const board = await place.open({ runId: "run-1", clock: () => new Date(now) });
      await board.createRun("a goal");
      let made = 0;
      const row = fc.record({ time: fc.integer({ min: 0, max: 4 }), id: text(3), role: fc.constantFrom("a", "b") });
      await fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), async (rows, limit) => {
          for (const { time, id, role } of rows) {
            now = time;
            await board.createBrief({ briefId: `${id}${++made}`, tier: 0, role });
          }
          const all = await place.sql("SELECT brief_id, created_at, role FROM briefs");
          for (const role of ["a", "b", undefined]) {
            const ids: string[] = [];
            for (let page = await board.listBriefs({ role, limit }); ; ) {
              ids.push(...page.items.map(({ briefId }) => briefId));
              if (page.next === null) break;
              expect(page.items).toHaveLength(limit);
              page = await board.listBriefs({ role, limit, after: page.next });
            }
            const wanted = all.filter((found) => role === undefined || found.role === role);
            expect(ids).toEqual(wanted.toSorted(oldestFirst).map(({ brief_id }) => brief_id));
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}

function oldestFirst(a: Record<string, unknown>, b: Record<string, unknown>): number {
  const [keyOfA, keyOfB] = [a, b].map((row) => Buffer.from(`${row.created_at} ${row.brief_id}`));
  // UTF-8 bytes sort in code point order.
  return Buffer.compare(keyOfA ?? Buffer.of(), keyOfB ?? Buffer.of());
}

async function countedBySql({ sql }: Place, runId: string) {
  const column = async (table: string, name: string) =>
    (await sql(`SELECT ${name} AS label FROM ${table} WHERE run_id = '${runId}'`)).map(({ label }) => String(label));
  const seqs = (await column("events", "seq")).map(Number);
  return {
    workstreams: tally(workstreamStatuses, await column("workstreams", "status")),
    briefs: tally(briefStatuses, await column("briefs", "status")),
    events: tally(eventKinds, await column("events", "kind")),
    lastSeq: Math.max(0, ...seqs),
  };
}
