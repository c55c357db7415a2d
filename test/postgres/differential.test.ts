/**
 * Both engines return the same, throw the same errors with the same messages, and store the same for any sequence of
 * calls.
 */
import fc from "fast-check";
import { BlackboardError, briefStatuses, eventKinds, openBlackboard } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { type Board, follow, inTransaction, type Operations, StandingClock, type Steps } from "../behaviour/engine.ts";
import { anyCalls, type Call, callOn } from "../behaviour/model.ts";
import { freshSchema, hasServer, newPool } from "./fresh.ts";

/** Reads, and calls with one argument of any value. */
type Other = { call: "other"; name: string; on(board: Operations): unknown };

const anything = fc.oneof(
  fc.constantFrom<unknown>(
    "",
    "b1",
    "w1",
    "done",
    "\ud800",
    "a\0b",
    null,
    undefined,
    0,
    -1,
    1.5,
    2 ** 31,
    Number.NaN,
    1n,
  ),
  fc.constantFrom<unknown>([], ["done"], ["done", "nothing"], {}, { a: [1, { b: null }] }, { a: new Date(0) }, [
    undefined,
  ]),
  fc.string({ unit: "binary", maxLength: 300 }),
);
/** Names as in `callOn`. */
const id = fc.constantFrom("b1", "b2", "b3");
const own = (board: Operations, id: unknown) =>
  (typeof id === "string" && /^b\d$/.test(id) ? `${board.runId}/${id}` : id) as never;
const limit = fc.constantFrom(1, 2, 100);
const strange = <T>(name: string, value: fc.Arbitrary<T>, on: (board: Operations, value: never) => unknown) =>
  value.map((given): Other => ({ call: "other", name, on: (board) => on(board, given as never) }));

const others: fc.Arbitrary<Other> = fc.oneof(
  strange("getRun", fc.constant(0), (board) => board.getRun()),
  strange("getRunSummary", fc.constant(0), (board) => board.getRunSummary()),
  strange("getBrief", fc.oneof(id, anything), (board, value) => board.getBrief(own(board, value))),
  strange("getWorkstream", anything, (board, value) => board.getWorkstream(value)),
  strange("incrementBriefRetry", fc.oneof(id, anything), (board, value) =>
    board.incrementBriefRetry(own(board, value)),
  ),
  strange("createRun", anything, (board, value) => board.createRun(value)),
  strange("updateRunStatus", anything, (board, value) => board.updateRunStatus(value)),
  strange("updateBriefResult", fc.tuple(id, anything), (board, [briefId, value]: [string, never]) =>
    board.updateBriefResult(own(board, briefId), value),
  ),
  strange("updateBriefStatus", fc.tuple(id, anything, anything), (board, [briefId, status, from]: never[]) =>
    board.updateBriefStatus(own(board, briefId), status as never, { from } as never),
  ),
  strange(
    "createBrief",
    fc.record(
      {
        briefId: fc.oneof(id, anything),
        tier: fc.constantFrom(0, 1),
        role: fc.constantFrom("a", "b"),
        payload: anything,
      },
      { requiredKeys: ["tier", "role"] },
    ),
    (board, value) => board.createBrief(value),
  ),
  strange(
    "createBrief with",
    fc.dictionary(fc.constantFrom("tier", "role", "retryCount", "colour"), anything),
    (board, value) => board.createBrief(value),
  ),
  strange(
    "createWorkstream",
    fc.dictionary(fc.constantFrom("name", "tier", "ownerAgentId"), anything),
    (board, value) => board.createWorkstream(value),
  ),
  strange(
    "logEvent",
    fc.tuple(
      fc.oneof(fc.constantFrom(...eventKinds), anything),
      fc.record({ eventId: anything, briefId: anything, detail: anything }, { requiredKeys: [] }),
    ),
    (board, [kind, event]: never[]) => board.logEvent(kind as never, event as never),
  ),
  strange(
    "listBriefs",
    fc.record(
      { status: fc.subarray([...briefStatuses]), role: fc.subarray(["a", "coder"]), limit },
      { requiredKeys: [] },
    ),
    (board, value) => board.listBriefs(value),
  ),
  strange("listBriefs by", fc.dictionary(fc.constantFrom("tier", "parentBriefId", "after"), anything), (board, value) =>
    board.listBriefs(value),
  ),
  strange("listWorkstreams", fc.record({ limit: fc.oneof(limit, anything) }), (board, value) =>
    board.listWorkstreams(value),
  ),
);

/** The start of most sequences: without a run nearly every call is rejected for that. */
const something: Call[] = [
  { call: "createRun", goal: "one" },
  { call: "createWorkstream", id: "w1", tier: 1 },
  { call: "createBrief", id: "b1", tier: 1, parent: null, workstream: "w1" },
  { call: "createBrief", id: "b2", tier: 1, parent: "b1", workstream: null },
];
const sequences: fc.Arbitrary<(Call | Other)[]> = fc
  .tuple(anyCalls, fc.array(others, { maxLength: 30 }))
  .chain(([calls, more]) => fc.shuffledSubarray([...calls, ...more], { minLength: calls.length + more.length }))
  .chain((calls) => fc.constantFrom([...something, ...calls], [...something, ...calls], calls));

/** The outcomes of all calls as data, including all fields of errors. */
function* outcomesOf(board: Operations, calls: readonly (Call | Other)[]): Steps<unknown[]> {
  const all: unknown[] = [];
  for (const call of calls) {
    try {
      all.push([call.call, yield outcomeOf(board, call)]);
    } catch (error) {
      if (error instanceof BlackboardError) all.push({ ...error, message: error.message });
      else if (error !== thrown) throw error;
    }
  }
  return all;
}

const thrown = new Error("thrown by a callback");

function outcomeOf(board: Operations, call: Call | Other): unknown {
  if (call.call === "other") return call.on(board);
  if (call.call !== "transaction") return callOn(board, call);
  return inTransaction(board, function* (tx) {
    const inside = yield* outcomesOf(tx, call.calls);
    if (call.thrown) throw thrown;
    return inside;
  });
}

/** Both engines allow gaps in seq at different places: replaces each seq by its position. */
function* placed(board: Board, outcomes: unknown): Steps<unknown> {
  const { items } = (yield board.listEvents({ limit: 1000 })) as Awaited<ReturnType<Board["listEvents"]>>;
  const places = new Map(items.map(({ seq }, n) => [seq, n + 1]));
  const text = JSON.stringify([outcomes, items], (key, value) => {
    if (value === undefined) return "undefined";
    return key === "seq" || key === "lastSeq" ? (places.get(value) ?? "undone") : value;
  });
  return JSON.parse(text);
}

describe.skipIf(!hasServer)("SQLite and PostgreSQL", () => {
  test("return, throw and store the same for any calls", async () => {
    const schema = await freshSchema();
    const connection = newPool(schema.url);
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(sequences, async (calls) => {
        const clock = new StandingClock();
        const options = () => {
          let ids = 0;
          return { runId: `run-${runs}`, clock: clock.read, newId: () => `made-${++ids}` };
        };
        runs++;
        const boards: Board[] = [
          openBlackboard({ ...options(), file: ":memory:" }),
          await openPostgresBlackboard({ ...options(), connection }),
        ];
        const [sqlite, postgres] = await Promise.all(
          boards.map(async (board) => {
            const outcomes = await follow(outcomesOf(board, calls));
            const stored = [
              await board.getRun(),
              await board.listBriefs({ limit: 1000 }),
              await board.listWorkstreams(),
            ];
            const all = await follow(placed(board, [outcomes, stored]));
            await board.close();
            return all;
          }),
        );
        expect(postgres).toStrictEqual(sqlite);
      }),
      { numRuns: 50 },
    );
  });
});
