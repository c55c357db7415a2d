/** Rejected input: text, ids, counters, enumerated words and names. Nothing is written. */
import { describe, expect, test } from "vitest";
import { newBriefFields } from "../../src/operations/briefs.ts";
import { type Board, type Engine, everything, openRun, refused } from "./engine.ts";

/** Calls with valid arguments, except for the one that a test replaces. */
interface Argument {
  /** The path of the issue. */
  path: string;
  call(board: Board, value: unknown): unknown;
}

const workstream = { workstreamId: "w", name: "api", tier: 0 };
const brief = { briefId: "b", tier: 0, role: "coder" };
const createWorkstream = (board: Board, other: object) => board.createWorkstream({ ...workstream, ...other });
const createBrief = (board: Board, other: object) => board.createBrief({ ...brief, ...other });
const logEvent = (board: Board, event: object) => board.logEvent("spawned", event);

const longTexts: Argument[] = [
  { path: "goal", call: (board, value) => board.createRun(value as string) },
  { path: "name", call: (board, name) => createWorkstream(board, { name }) },
];
const ids: Argument[] = [
  { path: "role", call: (board, role) => createBrief(board, { role }) },
  { path: "workstreamId", call: (board, value) => board.getWorkstream(value as string) },
  { path: "workstreamId", call: (board, value) => board.updateWorkstreamStatus(value as string, "done") },
  { path: "briefId", call: (board, value) => board.getBrief(value as string) },
  { path: "briefId", call: (board, value) => board.updateBriefStatus(value as string, "done") },
  { path: "briefId", call: (board, value) => board.updateBriefResult(value as string, {}) },
  { path: "briefId", call: (board, value) => board.incrementBriefRetry(value as string) },
  { path: "role[1]", call: (board, role) => board.listBriefs({ role: ["x", role as string] }) },
];
const ownIds: Argument[] = [
  { path: "workstreamId", call: (board, workstreamId) => createWorkstream(board, { workstreamId }) },
  { path: "briefId", call: (board, briefId) => createBrief(board, { briefId }) },
  { path: "eventId", call: (board, eventId) => logEvent(board, { eventId }) },
  { path: "briefId", call: (board, value) => board.getBriefTree(value as string) },
  { path: "briefId", call: (board, value) => board.listEvents({ briefId: value as string }) },
];
const nullableIds: Argument[] = [
  { path: "ownerAgentId", call: (board, ownerAgentId) => createWorkstream(board, { ownerAgentId }) },
  { path: "parentBriefId", call: (board, parentBriefId) => createBrief(board, { parentBriefId }) },
  { path: "workstreamId", call: (board, workstreamId) => createBrief(board, { workstreamId }) },
  { path: "briefId", call: (board, briefId) => logEvent(board, { briefId }) },
  { path: "workstreamId", call: (board, value) => board.listBriefs({ workstreamId: value as string }) },
  { path: "parentBriefId", call: (board, value) => board.listBriefs({ parentBriefId: value as string }) },
];
const counters: Argument[] = [
  { path: "tier", call: (board, tier) => createWorkstream(board, { tier }) },
  { path: "tier", call: (board, tier) => createBrief(board, { tier }) },
];
const ownCounters: Argument[] = [
  { path: "retryCount", call: (board, retryCount) => createBrief(board, { retryCount }) },
  { path: "tier", call: (board, tier) => board.listBriefs({ tier: tier as number }) },
];
const limits: Argument[] = [
  { path: "limit", call: (board, limit) => board.listBriefs({ limit: limit as number }) },
  { path: "limit", call: (board, limit) => board.listWorkstreams({ limit: limit as number }) },
  { path: "limit", call: (board, limit) => board.listEvents({ limit: limit as number }) },
];
const words: Argument[] = [
  { path: "status", call: (board, status) => board.updateRunStatus(status as "done") },
  { path: "status", call: (board, status) => board.updateWorkstreamStatus("w", status as "done") },
  { path: "status", call: (board, status) => board.updateBriefStatus("b", status as "done") },
  { path: "kind", call: (board, kind) => board.logEvent(kind as "failed") },
  { path: "from[0]", call: (board, word) => board.updateRunStatus("done", { from: [word as "done"] }) },
  { path: "status[1]", call: (board, word) => board.listBriefs({ status: ["done", word as "done"] }) },
  { path: "kinds[0]", call: (board, kind) => board.listEvents({ kinds: [kind as "failed"] }) },
];
const wordsOrNone: Argument[] = [
  { path: "from", call: (board, from) => board.updateRunStatus("done", { from: from as "done" }) },
  { path: "from", call: (board, from) => board.updateWorkstreamStatus("w", "done", { from: from as "done" }) },
  { path: "from", call: (board, from) => board.updateBriefStatus("b", "done", { from: from as "done" }) },
  { path: "status", call: (board, status) => board.listWorkstreams({ status: status as "done" }) },
  { path: "status", call: (board, status) => board.listBriefs({ status: status as "done" }) },
];

const notStrings: unknown[] = [5, true, {}, [], Symbol("x"), 5n, () => "x", new String("x"), new Date(0)];
const flawedTexts: unknown[] = ["", "\ud800", "x\udc00", "\ude00\ud83d", "\0", "x\0y", ...notStrings];
const flawedIds: unknown[] = ["x".repeat(257), "🪝".repeat(129), ...flawedTexts];
const notCounters: unknown[] = [
  -1,
  1.5,
  2 ** 31,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e300,
  "1",
  1n,
  true,
  [1],
  {},
  null,
];
const notWords: unknown[] = ["", "Done", "done ", "finished", "constructor", "__proto__", 1, null, {}, ["done"]];

export function refusals(engine: Engine): void {
  function each(what: string, places: Argument[], values: unknown[], message: RegExp): void {
    test.each(places.map((place) => [place.path, String(place.call).replace(/^.*?=> /s, ""), place] as const))(
      `${what} for %s in %s`,
      async (path, _, { call }) => {
        const { board, place } = await openRun(engine);
        for (const value of values) {
          const error = await refused(place, [path], () => call(board, value));
          expect(error.message).toMatch(message);
          expect(error.message).not.toContain("\n");
        }
      },
    );
  }

  describe("rejected, with nothing written:", () => {
    each("text that is empty or invalid", [...longTexts, ...ids, ...ownIds, ...nullableIds], flawedTexts, /must/);
    each("an id over 256 characters", [...ids, ...ownIds, ...nullableIds], flawedIds.slice(0, 2), /1 to 256/);
    each("undefined for a required field", [...longTexts, ...ids, ...counters, ...words], [undefined], /must/);
    each(
      "null for a column that is not nullable",
      [...longTexts, ...ids, ...ownIds, ...limits, ...ownCounters],
      [null],
      /must/,
    );
    each("a value that is not a counter", [...counters, ...ownCounters], notCounters, /0 to 2147483647/);
    each("a limit outside 1 to 1000", limits, [0, 1001, ...notCounters], /1 to 1000/);
    each("a word outside its vocabulary", words, notWords, /must be one of .*failed/);
    each(
      "a word outside its vocabulary or an invalid list",
      wordsOrNone,
      notWords.slice(0, -1),
      /must be one of .*failed/,
    );
  });

  describe("a hole in an array argument is rejected, not skipped,", () => {
    const holes: [string, (board: Board, hole: never) => unknown][] = [
      ["from[1]", (board, from) => board.updateRunStatus("done", { from })],
      ["status[1]", (board, status) => board.listBriefs({ status })],
      ["status[1]", (board, status) => board.listWorkstreams({ status })],
      ["kinds[1]", (board, kinds) => board.listEvents({ kinds })],
      ["role[1]", (board, role) => board.listBriefs({ role })],
    ];
    test.each(holes)("for %s", async (path, call) => {
      const { board, place } = await openRun(engine);
      const list: string[] = ["failed"];
      list[2] = "failed";
      await refused(place, [path], () => call(board, list as never));
    });
  });

  const objects: [string, Record<string, unknown>, (board: Board, value: never) => unknown][] = [
    ["a new workstream", workstream, (board, value) => board.createWorkstream(value)],
    ["a new brief", brief, (board, value) => board.createBrief(value)],
    ["a new event", {}, (board, value) => board.logEvent("spawned", value)],
    ["the options of updateRunStatus", {}, (board, value) => board.updateRunStatus("done", value)],
    ["the options of updateWorkstreamStatus", {}, (board, value) => board.updateWorkstreamStatus("w", "done", value)],
    ["the options of updateBriefStatus", {}, (board, value) => board.updateBriefStatus("b", "done", value)],
    ["the filter of listWorkstreams", {}, (board, value) => board.listWorkstreams(value)],
    ["the filter of listBriefs", {}, (board, value) => board.listBriefs(value)],
    ["the filter of listEvents", {}, (board, value) => board.listEvents(value)],
  ];

  describe.each(objects)("%s", (_, sound, call) => {
    test.each(["tiers", "constructor", "toString", "hasOwnProperty", "__proto__", "", "0"])(
      "with the unknown name %j is rejected, and nothing is written",
      async (name) => {
        const { board, place } = await openRun(engine);
        // Parsed, because `__proto__` in an object literal would set the prototype.
        const value = Object.assign(JSON.parse(`{${JSON.stringify(name)}: 1}`), sound);
        await refused(place, [name], () => call(board, value as never));
      },
    );

    test("must be an object, and nothing is written otherwise", async () => {
      const { board, place } = await openRun(engine);
      for (const value of [null, 5, "tier", [], [sound], true, () => sound]) {
        const before = await everything(place);
        await expect(async () => call(board, value as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
        expect(await everything(place)).toEqual(before);
      }
    });

    test("may have no prototype, be frozen or be a proxy", async () => {
      const { board } = await openRun(engine);
      await createWorkstream(board, {});
      await createBrief(board, {});
      const bare = Object.assign(Object.create(null), sound);
      for (const value of [bare, Object.freeze({ ...sound }), new Proxy({ ...sound }, {})]) {
        await call(board, value as never);
      }
    });
  });

  describe("InvalidInputError", () => {
    test("names every invalid field", async () => {
      const { board, place } = await openRun(engine);
      const wrong = {
        briefId: "",
        parentBriefId: 5,
        workstreamId: "\0",
        tier: -1,
        role: "",
        payload: { a: Number.NaN, b: [1n] },
        retryCount: 0.5,
        status: "done",
      };
      const paths = [
        "briefId",
        "parentBriefId",
        "workstreamId",
        "tier",
        "role",
        "payload.a",
        "payload.b[0]",
        "retryCount",
      ];
      const error = await refused(place, [...paths, "status"], () => board.createBrief(wrong as never));
      for (const path of paths) expect(error.message).toContain(path);
    });

    test("lists the valid names when a name is misspelt", async () => {
      const { board, place } = await openRun(engine);
      const error = await refused(place, ["perent"], () => createBrief(board, { perent: "a" }));
      expect(error.message).toContain("parentBriefId");
    });

    test("names the columns that createBrief does not accept when it gets a whole row", async () => {
      const { board, place } = await openRun(engine);
      const row = { ...(await board.createBrief(brief)), notBefore: undefined };
      const unknown = Object.keys(row).filter((name) => !Object.hasOwn(newBriefFields, name));
      expect(unknown).toContain("status");
      await refused(place, unknown, () => board.createBrief(row));
    });

    test("shows the invalid value, truncated", async () => {
      const { board, place } = await openRun(engine);
      const short = await refused(place, ["tier"], () => createBrief(board, { tier: -7 }));
      expect(short.message).toContain("-7");
      const long = await refused(place, ["role"], () => createBrief(board, { role: "x".repeat(1_000_000) }));
      expect(long.message.length).toBeLessThan(500);
    });

    test("has a message on one line for any value", async () => {
      const { board, place } = await openRun(engine);
      for (const role of [
        new Error("mine"),
        "a\nb".repeat(99),
        { a: "x".repeat(99), b: [1, 2, 3] },
        Object,
        Symbol("\n"),
      ]) {
        const error = await refused(place, ["role"], () => createBrief(board, { role }));
        expect(error.message).not.toContain("\n");
      }
    });
  });

  describe("newId that returns", () => {
    test.each([
      ["an empty string", ""],
      ["a number", 5],
      ["undefined", undefined],
      ["257 characters", "x".repeat(257)],
    ])("%s is rejected, and nothing is written", async (_, made) => {
      const { board, place } = await openRun(engine, { newId: () => made as string });
      for (const call of [
        () => board.createBrief({ tier: 0, role: "coder" }),
        () => board.createWorkstream({ name: "api", tier: 0 }),
        () => board.logEvent("spawned"),
      ]) {
        await refused(place, ["newId()"], call);
      }
    });
  });
  describe("a clock that returns", () => {
    test.each([
      ["a string", "2026-11-22T06:40:15.123Z"],
      ["a number", 1795475671541],
      ["undefined", undefined],
      ["an invalid date", new Date(Number.NaN)],
      ["a year of five digits", new Date("+010000-01-01T00:00:00.000Z")],
      ["a year before 0000", new Date("-000001-12-31T23:59:59.999Z")],
    ])("%s is rejected, and nothing is written", async (_, time) => {
      const place = await engine.place();
      let now: unknown = new Date(0);
      const board = await place.open({ runId: "run-1", clock: () => now as Date });
      await board.createRun("a goal");
      await createWorkstream(board, {});
      await createBrief(board, {});
      now = time;
      for (const call of [
        () => board.updateRunStatus("done"),
        () => board.createWorkstream({ name: "api", tier: 0 }),
        () => board.updateWorkstreamStatus("w", "done"),
        () => board.createBrief({ tier: 0, role: "coder" }),
        () => board.updateBriefStatus("b", "done"),
        () => board.updateBriefResult("b", {}),
        () => board.incrementBriefRetry("b"),
        () => board.logEvent("spawned"),
      ]) {
        await refused(place, ["clock()"], call);
      }
    });

    test("the first or the last moment of the years 0000 to 9999 is accepted", async () => {
      const place = await engine.place();
      let now = "0000-01-01T00:00:00.000Z";
      const board = await place.open({ runId: "run-1", clock: () => new Date(now) });
      expect((await board.createRun("a goal")).createdAt).toBe(now);
      now = "9999-12-31T23:59:59.999Z";
      expect((await board.updateRunStatus("active")).updatedAt).toBe(now);
    });

    test("an exception: the call rethrows it unchanged, and nothing is written", async () => {
      const place = await engine.place();
      const broken = new Error("the clock is broken");
      const board = await place.open({
        runId: "run-1",
        clock: () => {
          throw broken;
        },
      });
      await expect(async () => board.createRun("a goal")).rejects.toBe(broken);
      expect(await board.getRun()).toBeUndefined();
    });
  });
}
