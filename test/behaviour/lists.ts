/** Operations on lists: each entry is treated as by the operation on a single one, in one commit and a few statements. */
import {
  type Brief,
  type Claim,
  ConflictError,
  LostClaimError,
  type NewBrief,
  NotFoundError,
  TransitionError,
  UnreadableRowError,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type Board,
  caught,
  caughtUnchanged,
  type Engine,
  everything,
  inTransaction,
  openRun,
  outcome,
  refused,
} from "./engine.ts";

const request = { agentId: "w-1", leaseMs: 1000 };
const coder = (briefId: string, more: Partial<NewBrief> = {}): NewBrief => ({
  briefId,
  tier: 1,
  role: "coder",
  ...more,
});
const idsOf = (briefs: readonly Brief[]) => briefs.map(({ briefId }) => briefId);
const claimedIds = (claims: readonly Claim[]) => claims.map(({ brief }) => brief.briefId);

async function eventsOf(board: Board) {
  const { items } = await board.listEvents({ limit: 1000 });
  return items.map(({ kind, briefId, detail }) => [kind, briefId, detail]);
}

export function lists(engine: Engine): void {
  /** A blackboard that counts its statements. */
  async function openCounting() {
    const place = await engine.place();
    const statements = { n: 0 };
    const logger = { logQuery: () => void statements.n++ };
    const board = await place.open({ runId: "run-1", logger });
    await board.createRun("a goal");
    const counted = async (call: () => unknown) => {
      statements.n = 0;
      await call();
      return statements.n;
    };
    return { board, counted };
  }

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

  describe("claimBriefs", () => {
    test("returns the briefs that as many single claims return, in the same order", async () => {
      const list = [
        coder("a"),
        coder("b", { priority: 5 }),
        coder("c", { role: "tester" }),
        coder("d", { after: ["a"] }),
        coder("😀"),
        coder("\uffee"),
        coder("e", { priority: -1 }),
      ];
      for (const limit of [1, 2, 4, 1000]) {
        const single = await openRun(engine);
        const many = await openRun(engine);
        for (const { board } of [single, many]) await board.spawnBriefs(list);
        const expected: Claim[] = [];
        while (expected.length < limit) {
          const claim = await single.board.claimBrief(request);
          if (!claim) break;
          expected.push(claim);
        }
        expect(await many.board.claimBriefs({ ...request, limit })).toStrictEqual(expected);
        expect(await everything(many.place)).toMatchObject({ briefs: (await everything(single.place)).briefs });
      }
    });

    test("takes expired claims over first, and fails those that are out of retries, with their events", async () => {
      const opened = [];
      for (const many of [true, false]) {
        let n = 0;
        const { board, clock, place } = await openRun(engine, { newId: () => `id-${n++}` });
        await board.spawnBriefs(["a", "b", "c", "d", "e"].map((id) => coder(id, { retryCount: id === "b" ? 3 : 0 })));
        for (let k = 0; k < 4; k++) await board.claimBrief({ ...request, leaseMs: 1000 + k });
        clock.advance(1100);
        const wanted = { agentId: "w-2", leaseMs: 500, maxRetries: 3 };
        const claims = many ? await board.claimBriefs({ ...wanted, limit: 4 }) : [];
        for (let k = 0; k < 4 && !many; k++) {
          const claim = await board.claimBrief(wanted);
          if (claim) claims.push(claim);
        }
        expect(claimedIds(claims)).toEqual(["a", "c", "d", "e"]);
        opened.push({ claims, rows: await everything(place) });
      }
      const [one, other] = opened;
      expect(one?.claims).toStrictEqual(other?.claims);
      expect(one?.rows.briefs).toEqual(other?.rows.briefs);
      const details = (rows = one?.rows) => rows?.events?.map(({ kind, brief_id, detail }) => [kind, brief_id, detail]);
      expect(details()).toEqual(details(other?.rows));
    });

    test("returns [] without a brief to claim, a run, or while the run holds claims back", async () => {
      const { board, place } = await openRun(engine);
      expect(await board.claimBriefs({ ...request, limit: 5 })).toEqual([]);
      await board.createBrief(coder("a"));
      expect(await board.claimBriefs({ ...request, limit: 5, role: [] })).toEqual([]);
      await board.updateRunStatus("done");
      expect(await board.claimBriefs({ ...request, limit: 5 })).toEqual([]);
      const other = await place.open({ runId: "run-2" });
      expect(await other.claimBriefs({ ...request, limit: 5 })).toEqual([]);
    });

    test("passes over blocked workstreams and briefs before their time, and includes those whose time has come", async () => {
      const { board, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 0 });
      const soon = new Date(clock.read().getTime() + 100);
      const late = new Date(clock.read().getTime() + 101);
      await board.spawnBriefs([
        coder("a", { workstreamId: "ws" }),
        coder("b"),
        coder("c", { notBefore: soon, priority: 1 }),
        coder("d", { notBefore: late }),
        coder("e", { workstreamId: "ws", priority: 2 }),
        coder("f"),
      ]);
      await board.updateWorkstreamStatus("ws", "blocked");
      clock.advance(100);
      expect(claimedIds(await board.claimBriefs({ ...request, limit: 10 }))).toEqual(["c", "b", "f"]);
      await board.updateWorkstreamStatus("ws", "active");
      expect(claimedIds(await board.claimBriefs({ ...request, limit: 10 }))).toEqual(["e", "a"]);
    });

    test("refuses a limit that is not an integer from 1 to 1,000, and every option that claimBrief refuses", async () => {
      const { board, place } = await openRun(engine);
      for (const limit of [0, 1001, 1.5, "5", undefined]) {
        await refused(place, ["limit"], () => board.claimBriefs({ ...request, limit: limit as number }));
      }
      await refused(place, ["agentId", "leaseMs", "x"], () =>
        board.claimBriefs({ agentId: "", leaseMs: 0, limit: 1, x: 1 } as typeof request & { limit: number }),
      );
    });
  });

  describe("renewClaims", () => {
    async function openClaimed(count: number) {
      const opened = await openRun(engine);
      await opened.board.spawnBriefs(Array.from({ length: count }, (_, n) => coder(`b${n}`)));
      return { ...opened, claims: await opened.board.claimBriefs({ ...request, limit: count }) };
    }

    test("extends each lease and returns the claims in the order of the list", async () => {
      const { board, clock, claims } = await openClaimed(3);
      clock.advance(400);
      const list = [...claims].reverse();
      const { renewed, lost } = await board.renewClaims(list, { leaseMs: 5000 });
      const end = new Date(clock.read().getTime() + 5000).toISOString();
      expect(lost).toEqual([]);
      expect(renewed).toStrictEqual(
        await Promise.all(
          list.map(async (claim) => ({
            ...claim,
            leaseExpiresAt: end,
            brief: await board.getBrief(claim.brief.briefId),
          })),
        ),
      );
    });

    test("those that are lost don't keep the others from being renewed", async () => {
      const { board, place, clock, claims } = await openClaimed(4);
      const [a, b, c, d] = claims;
      if (!a || !b || !c || !d) throw new Error("not claimed");
      await board.completeBrief(a, {});
      await board.retryBrief(b);
      await place.sql("DELETE FROM briefs WHERE brief_id = 'b2'");
      clock.advance(10);
      const { renewed, lost } = await board.renewClaims([a, d, c, b, d], { leaseMs: 1000 });
      expect(claimedIds(renewed)).toEqual(["b3", "b3"]);
      expect(lost.map(({ code }) => code)).toEqual(["LOST_CLAIM", "NOT_FOUND", "LOST_CLAIM"]);
      expect(lost[0]).toBeInstanceOf(LostClaimError);
      expect(lost[0]).toMatchObject({ briefId: "b0", attempt: 1, current: { status: "done", claimedBy: "w-1" } });
      expect((await board.getBrief("b3"))?.updatedAt).toBe(clock.text);
    });

    test("names a faulty claim by its index", async () => {
      const { board, place, claims } = await openClaimed(1);
      const wrong = [claims[0], { brief: {}, attempt: -1 }, 5] as Claim[];
      await refused(
        place,
        ["claims[1].attempt", "claims[1].brief.briefId", "claims[2]", "claims[2].attempt", "claims[2].brief.briefId"],
        () => board.renewClaims(wrong, { leaseMs: 1000 }),
      );
      await refused(place, ["claims", "leaseMs"], () => board.renewClaims([], { leaseMs: 0 }));
      await refused(place, ["progress"], () =>
        board.renewClaims(claims, { leaseMs: 1000, progress: {} } as { leaseMs: number }),
      );
    });
  });

  describe("completeBriefs", () => {
    async function openClaimed(count: number) {
      const opened = await openRun(engine);
      await opened.board.spawnBriefs(Array.from({ length: count }, (_, n) => coder(`b${n}`)));
      const claims = await opened.board.claimBriefs({ ...request, limit: count });
      opened.clock.advance(10);
      return { ...opened, claims };
    }

    test("stores each result and logs completed with its detail, in the order of the list", async () => {
      const { board, clock, claims } = await openClaimed(3);
      const [a, b, c] = claims;
      if (!a || !b || !c) throw new Error("not claimed");
      const completed = await board.completeBriefs([
        { ref: c, result: { n: 3 }, detail: { ms: 5 } },
        { ref: "b0", result: { text: "é\"'\\" } },
        { ref: { brief: { briefId: "b1" }, attempt: 1 }, result: {} },
      ]);
      expect(completed).toStrictEqual(
        await Promise.all(["b2", "b0", "b1"].map(async (id) => ({ brief: await board.getBrief(id) }))),
      );
      expect(completed[1]?.brief).toMatchObject({
        status: "done",
        result: { text: "é\"'\\" },
        claimedBy: "w-1",
        leaseExpiresAt: null,
        updatedAt: clock.text,
      });
      expect((await eventsOf(board)).slice(3)).toEqual([
        ["completed", "b2", { ms: 5 }],
        ["completed", "b0", {}],
        ["completed", "b1", {}],
      ]);
    });

    test("those that are refused don't keep the others from being completed", async () => {
      const { board, claims } = await openClaimed(4);
      const [a, b, c, d] = claims;
      if (!a || !b || !c || !d) throw new Error("not claimed");
      await board.completeBrief(a, { n: 1 });
      await board.retryBrief(b);
      await board.failBrief(c);
      const completed = await board.completeBriefs([
        { ref: a, result: { n: 1 } },
        { ref: a, result: { n: 2 } },
        { ref: b, result: {} },
        { ref: "b2", result: {} },
        { ref: d, result: { n: 4 } },
        { ref: "nobody", result: {} },
        { ref: "b1", result: {} },
      ]);
      expect(completed.map(({ brief, error }) => brief?.briefId ?? error?.code)).toEqual([
        "b0",
        "LOST_CLAIM",
        "LOST_CLAIM",
        "TRANSITION",
        "b3",
        "NOT_FOUND",
        "b1",
      ]);
      expect(completed[0]).toEqual({ brief: await board.getBrief("b0") });
      expect(completed[3]?.error).toBeInstanceOf(TransitionError);
      expect((await eventsOf(board)).filter(([kind]) => kind === "completed").map(([, id]) => id)).toEqual([
        "b0",
        "b3",
        "b1",
      ]);
    });

    test("several completions of one brief are decided one after another", async () => {
      const { board, claims } = await openClaimed(2);
      const [a, b] = claims;
      if (!a || !b) throw new Error("not claimed");
      const stale = { brief: { briefId: "b0" }, attempt: 7 };
      const completed = await board.completeBriefs([
        { ref: stale, result: { n: 0 } },
        { ref: a, result: { n: 1 } },
        { ref: a, result: { n: 1 } },
        { ref: a, result: { n: 2 } },
        { ref: "b0", result: { n: 1 } },
        ...Array.from({ length: 200 }, () => ({ ref: stale, result: {} })),
      ]);
      expect(completed.slice(0, 5).map(({ brief, error }) => brief?.result ?? error?.code)).toEqual([
        "LOST_CLAIM",
        { n: 1 },
        { n: 1 },
        "LOST_CLAIM",
        "TRANSITION",
      ]);
      expect((await eventsOf(board)).filter(([kind]) => kind === "completed")).toHaveLength(1);
    });

    test("releases what comes after the completed briefs, also when that is completed in the same list", async () => {
      const { board } = await openRun(engine);
      await board.spawnBriefs([
        coder("a"),
        coder("b"),
        coder("last", { after: ["a", "b"] }),
        coder("end", { after: ["last"] }),
      ]);
      const completed = await board.completeBriefs([
        { ref: "last", result: {} },
        { ref: "a", result: {} },
        { ref: "b", result: {} },
      ]);
      expect(completed[0]?.brief).toStrictEqual(await board.getBrief("last"));
      expect(completed[0]?.brief?.waitsFor).toBe(0);
      expect(claimedIds(await board.claimBriefs({ ...request, limit: 5 }))).toEqual(["end"]);
    });

    test("names a faulty completion by its index", async () => {
      const { board, place, claims } = await openClaimed(1);
      const wrong = [
        { ref: claims[0], result: [] },
        { ref: { attempt: 1, brief: { briefId: "" } }, result: {} },
        { ref: 5, result: {}, detail: 1 },
        { ref: "a", result: {}, x: 1 },
        5,
      ] as unknown as Parameters<typeof board.completeBriefs>[0];
      await refused(
        place,
        [
          "completions[0].result",
          "completions[1].ref.brief.briefId",
          "completions[2].ref",
          "completions[2].detail",
          "completions[3].x",
          "completions[4]",
          "completions[4].ref",
          "completions[4].result",
        ],
        () => board.completeBriefs(wrong),
      );
      await refused(place, ["completions"], () => board.completeBriefs([]));
    });

    test("validates results by the roles' schemas before anything is written, but for briefs that don't exist", async () => {
      const place = await engine.place();
      const roles = { coder: { result: z.object({ n: z.number() }) } };
      const board = await place.open({ runId: "run-1", roles });
      await board.createRun("a goal");
      await board.spawnBriefs([coder("a"), coder("b")]);
      await refused(place, ["completions[1].result.n"], () =>
        board.completeBriefs([
          { ref: "a", result: { n: 1 } },
          { ref: "b", result: { n: "x" } },
        ]),
      );
      const completed = await board.completeBriefs([
        { ref: "nobody", result: { n: "x" } },
        { ref: "a", result: { n: 1, more: 2 } },
      ]);
      expect(completed[0]?.error?.code).toBe("NOT_FOUND");
      expect(completed[1]?.brief?.result).toEqual({ n: 1 });
    });
  });

  describe("lists", () => {
    test("take a number of statements that does not grow with their length", async () => {
      const { board, counted } = await openCounting();
      await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 0 });
      await board.createBrief(coder("root"));
      for (const count of [1, 200, 1000]) {
        const list = Array.from({ length: count }, (_, n) =>
          coder(`${count}-${n}`, {
            parentBriefId: "root",
            workstreamId: "ws",
            after: n > 9 ? [`${count}-${n % 10}`] : [],
          }),
        );
        const bound = count <= 200 ? 24 : 44;
        expect(await counted(() => board.spawnBriefs(list))).toBeLessThanOrEqual(bound);
        expect(await counted(() => board.spawnBriefs(list))).toBeLessThanOrEqual(bound);
        let claims: Claim[] = [];
        expect(
          await counted(async () => {
            claims = await board.claimBriefs({ ...request, leaseMs: 1, limit: count });
          }),
        ).toBeLessThanOrEqual(bound);
        expect(await counted(() => board.renewClaims(claims, { leaseMs: 60_000 }))).toBeLessThanOrEqual(bound);
        const completions = claims.map((claim) => ({ ref: claim, result: { ok: true } }));
        expect(await counted(() => board.completeBriefs(completions))).toBeLessThanOrEqual(bound);
        expect(await counted(() => board.completeBriefs(completions))).toBeLessThanOrEqual(bound);
        expect(claims.length).toBeGreaterThan(0);
      }
    });

    test("belong to the transaction that they are called in", async () => {
      const { board, place } = await openRun(engine);
      const before = await everything(place);
      const failing = async () =>
        await inTransaction(board, function* (tx) {
          yield* outcome(tx.spawnBriefs([coder("a"), coder("b", { after: ["a"] })]));
          const claims = yield* outcome(tx.claimBriefs({ ...request, limit: 5 }));
          expect(claimedIds(claims)).toEqual(["a"]);
          const { renewed } = yield* outcome(tx.renewClaims(claims, { leaseMs: 1000 }));
          const completed = yield* outcome(tx.completeBriefs(renewed.map((claim) => ({ ref: claim, result: {} }))));
          expect(completed[0]?.brief?.status).toBe("done");
          expect(claimedIds(yield* outcome(tx.claimBriefs({ ...request, limit: 5 })))).toEqual(["b"]);
          yield* outcome(tx.updateBriefStatus("nobody", "done"));
        });
      await caught(NotFoundError, failing);
      expect(await everything(place)).toEqual(before);
    });

    test("an event id that newId returns twice is a ConflictError, and nothing is written", async () => {
      const { board, place } = await openRun(engine, { newId: () => "same" });
      await caughtUnchanged(place, ConflictError, () => board.spawnBriefs([coder("a"), coder("b")]));
      await board.createBrief(coder("a"));
      await board.createBrief(coder("b"));
      const error = await caughtUnchanged(place, ConflictError, () =>
        board.completeBriefs([
          { ref: "a", result: {} },
          { ref: "b", result: {} },
        ]),
      );
      expect(error).toMatchObject({ entity: "event", id: "same" });
    });

    test("a brief that cannot be read is an UnreadableRowError, and nothing is written", async () => {
      const { board, place } = await openRun(engine);
      await board.spawnBriefs([coder("a"), coder("b")]);
      const claims = await board.claimBriefs({ ...request, limit: 2 });
      await place.sql("UPDATE briefs SET payload = '[1]' WHERE brief_id = 'b'");
      await caughtUnchanged(place, UnreadableRowError, () => board.renewClaims(claims, { leaseMs: 1000 }));
      await caughtUnchanged(place, UnreadableRowError, () =>
        board.completeBriefs(claims.map((claim) => ({ ref: claim, result: {} }))),
      );
    });
  });
}
