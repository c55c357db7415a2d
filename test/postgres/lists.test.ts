/** Lists beside transactions, beside each other, at another isolation level, and with other programs' triggers. */
import {
  type Blackboard,
  BlackboardError,
  type Claim,
  ConflictError,
  DatabaseError,
  NotFoundError,
  UnreadableRowError,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, caughtUnchanged } from "../behaviour/engine.ts";
import { logOf, two } from "./beside.ts";
import { freshSchema, hasServer, newPool, open, openRun, withOption } from "./fresh.ts";

const brief = { tier: 1, role: "coder" };
const request = { agentId: "w", leaseMs: 60_000 };
const briefs = (ids: readonly string[]) => ids.map((briefId) => ({ briefId, ...brief }));
const idsOf = (claims: readonly Claim[]) => claims.map((claim) => claim.brief.briefId);
const completions = (refs: readonly (string | Claim)[]) => refs.map((ref) => ({ ref, result: {} }));
const outcomes = (completed: Awaited<ReturnType<Blackboard<"async">["completeBriefs"]>>) =>
  completed.map(({ brief, error }) => brief?.status ?? error?.code);

async function claimed(board: Blackboard<"async">, ids: readonly string[]): Promise<Claim[]> {
  await board.spawnBriefs(briefs(ids));
  return await board.claimBriefs({ ...request, limit: ids.length });
}

describe.skipIf(!hasServer)("a list that waits for a transaction of its run", () => {
  test("finds the parent, the workstream and the briefs that the transaction created", async () => {
    const { board, other, during } = await two();
    const below = { parentBriefId: "a", workstreamId: "ws" };
    const spawned = await during(
      async (tx) => {
        await tx.createWorkstream({ workstreamId: "ws", name: "api", tier: 0 });
        await tx.createBrief({ briefId: "a", ...brief });
      },
      () => other.spawnBriefs(briefs(["b", "c"]).map((one) => ({ ...one, ...below }))),
    );
    expect(spawned).toMatchObject([below, below]);
    const completed = await during(
      (tx) => tx.createBrief({ briefId: "d", ...brief }),
      () => other.completeBriefs(completions(["d", "b", "x"])),
    );
    expect(outcomes(completed)).toEqual(["done", "done", "NOT_FOUND"]);
    expect(await logOf(board)).toEqual(["spawned b", "spawned c", "completed d", "completed b"]);
  });

  test("is decided by what the transaction committed", async () => {
    const { board, other, during } = await two();
    const [a, b, c] = await claimed(board, ["a", "b", "c"]);
    if (!a || !b || !c) throw new Error("not claimed");
    const { renewed, lost } = await during(
      (tx) => tx.failBrief(b),
      () => other.renewClaims([a, b, c], { leaseMs: 5 }),
    );
    expect([idsOf(renewed), lost.map(({ code }) => code)]).toEqual([["a", "c"], ["LOST_CLAIM"]]);
    const completed = await during(
      (tx) => tx.retryBrief(a),
      () => other.completeBriefs(completions([c, a])),
    );
    expect(outcomes(completed)).toEqual(["done", "LOST_CLAIM"]);
    const again = await during(
      (tx) => tx.spawnBrief({ briefId: "d", ...brief }),
      () => other.spawnBriefs(briefs(["e", "d"])),
    );
    expect(again.map(({ briefId }) => briefId)).toEqual(["e", "d"]);
    expect((await logOf(board)).slice(3)).toEqual(["failed b", "retried a", "completed c", "spawned d", "spawned e"]);
  });

  test.each(["read\\ committed", "repeatable\\ read", "serializable"])(
    "releases the dependents that the transaction created, in a database whose default is %s",
    async (level) => {
      const schema = await freshSchema();
      const url = withOption(schema.url, `default_transaction_isolation=${level}`);
      const connection = newPool(withOption(url, `application_name=${schema.name}`));
      const board = await openRun(schema, { connection });
      const other = await open(schema, { connection });
      await board.spawnBriefs(briefs(["a", "b", "c"]));
      const waits = `SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = '${schema.name}'`;
      for (const [blocker, complete] of [
        ["a", () => other.completeBriefs(completions(["a"]))],
        ["b", () => other.completeBrief("b", {})],
        ["c", () => other.transaction((tx) => tx.completeBrief("c", {}))],
      ] as const) {
        let called: Promise<unknown> | undefined;
        await board.transaction(async (tx) => {
          await tx.createBrief({ briefId: `after ${blocker}`, ...brief, after: [blocker] });
          called = complete();
          await expect.poll(() => schema.sql(waits), { timeout: 30_000 }).not.toEqual([]);
        });
        await called;
        expect(await board.getBrief(`after ${blocker}`)).toMatchObject({ waitsFor: 0 });
      }
    },
  );
});

describe.skipIf(!hasServer)("lists of several agents at once", () => {
  test("claim and complete each brief once, with its event, also when they are taken over", async () => {
    const { board, place } = await two();
    const ids = Array.from({ length: 320 }, (_, n) => `b-${n}`);
    await board.spawnBriefs(briefs(ids));
    await board.claimBriefs({ ...request, limit: 64 });
    await place.sql("UPDATE briefs SET lease_expires_at = '2000' WHERE lease_expires_at IS NOT NULL");
    const claims: Claim[] = [];
    const agent = async (agentId: string) => {
      for (;;) {
        const own = await board.claimBriefs({ agentId, leaseMs: 60_000, limit: 8 });
        if (own.length === 0) return;
        claims.push(...own);
        const completed = await board.completeBriefs(completions(own));
        expect(outcomes(completed)).toEqual(own.map(() => "done"));
      }
    };
    const agents = Array.from({ length: 16 }, (_, n) => agent(`agent ${n}`));
    await Promise.all(agents);
    await agent("last");
    expect(idsOf(claims).toSorted()).toEqual(ids.toSorted());
    const { briefs: counts, events, lastSeq } = await board.getRunSummary();
    expect([counts.done, events.completed, events.retried, lastSeq]).toEqual([320, 320, 64, 320 + 64 + 320]);
  });

  test("of the same briefs in opposite orders don't deadlock, nor with transactions and single calls", async () => {
    const { board, schema } = await two();
    const claims = await claimed(
      board,
      Array.from({ length: 32 }, (_, n) => `b-${n}`),
    );
    const deadlocks = async () =>
      (await schema.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))[0]?.deadlocks;
    const before = await deadlocks();
    const calls = Array.from({ length: 24 }, (_, n) => {
      const list = n % 2 ? claims : claims.toReversed();
      if (n % 3 < 2) return board.renewClaims(list, { leaseMs: 60_000 });
      return board.transaction(async (tx) => {
        for (const claim of list.slice(0, 8)) await tx.renewClaim(claim, { leaseMs: 60_000 });
        await tx.logEvent("spawned");
      });
    });
    await Promise.all(calls);
    const completed = await Promise.all([
      board.completeBriefs(completions(claims)),
      board.completeBriefs(completions(claims.toReversed())),
    ]);
    expect(completed.flatMap(outcomes)).toEqual(Array.from({ length: 64 }, () => "done"));
    expect((await board.getRunSummary()).events.completed).toBe(32);
    expect(await deadlocks()).toBe(before);
  });

  test("leave no gap in seq, and events are in the order of each list", async () => {
    const { board } = await two();
    const lists = Array.from({ length: 8 }, (_, list) => Array.from({ length: 20 }, (_, n) => `${list} ${n}`));
    await Promise.all(lists.map((ids) => board.spawnBriefs(briefs(ids))));
    await Promise.all([
      ...lists.map((ids) => board.completeBriefs(completions(ids.toReversed()))),
      ...lists.map((ids) => board.completeBriefs(completions([...ids, "missing"])).catch(() => undefined)),
      ...lists.map(() => board.logEvent("spawned")),
    ]);
    const { items } = await board.listEvents({ limit: 1000 });
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, n) => n + 1));
    expect(items).toHaveLength(8 * 20 * 2 + 8);
    for (const [n, ids] of lists.entries()) {
      const of = (kind: string) =>
        items
          .filter((event) => event.kind === kind && event.briefId?.startsWith(`${n} `))
          .map(({ briefId }) => briefId);
      expect(of("spawned")).toEqual(ids);
      expect([ids.join(), ids.toReversed().join()]).toContain(of("completed").join());
    }
    // An event of logEvent has the time of its call, and may wait for its number.
    const times = items.filter(({ briefId }) => briefId !== null).map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted());
  });
});

describe.skipIf(!hasServer)("no entry of a list is stored without the others and their events", () => {
  const ignoring = (table: string) =>
    `CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER ignored BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW WHEN (NEW.brief_id IN ('b', 'e')) EXECUTE FUNCTION ignore()`;
  const highest = `UPDATE event_counters SET seq = ${Number.MAX_SAFE_INTEGER - 1}`;
  let n = 0;
  const newId = () => `id ${n++ % 2}`;

  test.each([
    ["another program's trigger ignores an event", ignoring("events"), ConflictError, {}],
    ["another program's trigger ignores a brief", ignoring("briefs"), DatabaseError, {}],
    ["the counter of events is at its end", highest, DatabaseError, {}],
    ["newId returns an id twice", "SELECT 1", ConflictError, { newId }],
  ] as const)("when %s: the list is undone, and a transaction goes on", async (_, obstacle, kind, options) => {
    const { schema, board: setup, place } = await two();
    const claims = await claimed(setup, ["a", "b", "c"]);
    const board = await open(schema, options);
    await place.sql(obstacle);
    for (const call of [
      () => board.completeBriefs(completions(claims)),
      () => board.spawnBriefs(briefs(["d", "e", "f"])),
    ]) {
      for (const whole of [call, () => board.transaction(async () => void (await call()))]) {
        expect(await caughtUnchanged(place, BlackboardError, whole)).toBeInstanceOf(kind);
      }
    }
    await board.transaction(async (tx) => {
      expect(await caught(BlackboardError, () => tx.completeBriefs(completions(claims)))).toBeInstanceOf(kind);
      await tx.createBrief({ briefId: "beside", ...brief });
    });
    expect(await board.getBrief("beside")).toMatchObject({ status: "pending" });
  });

  test("an entry that is not found, or cannot be read, undoes the list", async () => {
    const { board, place } = await two();
    const claims = await claimed(board, ["a", "b", "c"]);
    const below = briefs(["x", "y"]).map((one) => ({ ...one, parentBriefId: one.briefId === "y" ? "nobody" : null }));
    await caughtUnchanged(place, NotFoundError, () => board.spawnBriefs(below));
    await place.sql("UPDATE briefs SET progress = '[]' WHERE brief_id = 'b'");
    await caughtUnchanged(place, UnreadableRowError, () => board.completeBriefs(completions(claims)));
    await caughtUnchanged(place, UnreadableRowError, () => board.renewClaims(claims, { leaseMs: 1 }));
  });
});

describe.skipIf(!hasServer)("a list of claims", () => {
  test("passes over a brief that cannot be read and one whose update is ignored, wherever they are", async () => {
    const { board, place } = await two();
    await board.spawnBriefs(briefs(["a", "b", "c", "d"]));
    await place.sql("UPDATE briefs SET payload = '[]' WHERE brief_id = 'b'");
    expect(idsOf(await board.claimBriefs({ ...request, limit: 10 }))).toEqual(["a", "c", "d"]);
    await board.retryBrief("a");
    await board.retryBrief("c");
    await place.sql(`CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER ignored BEFORE UPDATE ON briefs FOR EACH ROW WHEN (NEW.brief_id = 'a') EXECUTE FUNCTION ignore()`);
    expect(idsOf(await board.claimBriefs({ ...request, limit: 10 }))).toEqual(["c"]);
  });

  test("returns nothing, at once, while another agent holds what there is", async () => {
    const { board, schema, other } = await two();
    await board.spawnBriefs(briefs(["a"]));
    await board.transaction(async (tx) => {
      expect(await tx.claimBriefs({ ...request, limit: 5 })).toHaveLength(1);
      expect(await other.claimBriefs({ ...request, limit: 5 })).toEqual([]);
      await schema.sql("SELECT 1 FROM runs FOR UPDATE SKIP LOCKED");
    });
  });
});
