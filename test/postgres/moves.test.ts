/** Moves and takeovers beside transactions, at another isolation level, and with other programs' triggers. */
import {
  type Blackboard,
  BlackboardError,
  type Claim,
  ConflictError,
  DatabaseError,
  LostClaimError,
} from "run-blackboard";
import { tablesIn } from "run-blackboard/postgres/schema";
import { describe, expect, test } from "vitest";
import { caught, caughtUnchanged } from "../behaviour/engine.ts";
import { logOf, two } from "./beside.ts";
import { freshSchema, hasServer, newPool, open, openRun, withOption } from "./fresh.ts";

const brief = { tier: 1, role: "coder" };
const request = { agentId: "w", leaseMs: 60_000 };

async function claimed(board: Blackboard<"async">, briefId = "b", leaseMs = 60_000): Promise<Claim> {
  await board.createBrief({ briefId, ...brief });
  return (await board.claimBrief({ ...request, leaseMs })) ?? expect.fail("nothing to claim");
}

describe.skipIf(!hasServer)("a move that waits for a transaction of its run", () => {
  test("finds the parent and the brief that the transaction created", async () => {
    const { board, other, during } = await two();
    const create = (briefId: string) => (tx: Pick<typeof board, "createBrief">) =>
      tx.createBrief({ briefId, ...brief });
    const child = await during(create("a"), () => other.spawnBrief({ briefId: "child", parentBriefId: "a", ...brief }));
    expect(child).toMatchObject({ briefId: "child", parentBriefId: "a" });
    expect(await during(create("b"), () => other.failBrief("b"))).toMatchObject({ briefId: "b", status: "failed" });
    expect(await logOf(board)).toEqual(["spawned child", "failed b"]);
  });

  test("throws LostClaimError if the transaction ended the claim", async () => {
    const { board, other, during } = await two();
    const claim = await claimed(board);
    await caught(LostClaimError, () =>
      during(
        (tx) => tx.failBrief(claim),
        () => other.completeBrief(claim, {}),
      ),
    );
    expect(await board.getBrief("b")).toMatchObject({ status: "failed", result: null });
    expect(await logOf(board)).toEqual(["failed b"]);
  });

  test("applies to the row that the transaction wrote", async () => {
    const { board, other, during } = await two();
    const claim = await claimed(board);
    const moved = await during(
      (tx) => tx.renewClaim(claim, { leaseMs: 5, progress: { step: 1 } }),
      () => other.retryBrief(claim),
    );
    expect(moved).toMatchObject({ status: "pending", retryCount: 1, progress: { step: 1 } });
  });

  test("has the time after it has waited, so times are in the order of seq", async () => {
    const { board, other, someoneWaits } = await two();
    await board.createBrief({ briefId: "b", ...brief });
    let moved: Promise<unknown> | undefined;
    await board.transaction(async (tx) => {
      await tx.logEvent("spawned");
      moved = other.failBrief("b");
      await someoneWaits();
      await tx.logEvent("spawned", { detail: { last: true } });
    });
    expect(await moved).toBeDefined();
    const times = (await board.listEvents()).items.map(({ createdAt }) => createdAt);
    expect(times).toHaveLength(3);
    expect(times).toEqual(times.toSorted());
  });

  test("holds no row of its brief meanwhile, so the transaction can change it", async () => {
    const { schema, connection, board, someoneWaits } = await two();
    // Not even to read the time.
    const other = await open(schema, { connection, clock: () => new Date() });
    await board.createBrief({ briefId: "b", ...brief });
    let moved: Promise<unknown> | undefined;
    await board.transaction(async (tx) => {
      await tx.logEvent("spawned");
      moved = other.failBrief("b");
      await someoneWaits();
      await tx.drizzle.execute("SELECT 1 FROM briefs WHERE brief_id = 'b' FOR UPDATE NOWAIT");
    });
    expect(await moved).toMatchObject({ status: "failed" });
  });

  test("holds no row of the run either, if the transaction began before the run existed", async () => {
    const schema = await freshSchema();
    const [board, other] = [await open(schema), await open(schema)];
    let spawned: Promise<unknown> | undefined;
    await board.transaction(async (tx) => {
      await other.drizzle
        .insert(tablesIn(schema.name).runs)
        .values({ runId: "run-1", goal: "outside", createdAt: "", updatedAt: "" });
      await tx.createBrief({ briefId: "a", ...brief });
      await tx.logEvent("spawned");
      spawned = other.spawnBrief({ briefId: "b", ...brief });
      await expect
        .poll(() => schema.sql("SELECT 1 FROM pg_locks WHERE NOT granted"), { timeout: 30_000 })
        .not.toEqual([]);
      // A row lock that the waiting move would be holding.
      await tx.drizzle.execute("SELECT 1 FROM runs FOR NO KEY UPDATE NOWAIT");
    });
    expect(await spawned).toMatchObject({ briefId: "b" });
  });
});

describe.skipIf(!hasServer)("a takeover", () => {
  test("that waits for a transaction takes nothing over if the run's status then allows no claims", async () => {
    const { board, other, during, place } = await two();
    await claimed(board, "b", 1);
    await place.sql("UPDATE briefs SET lease_expires_at = '2000'");
    const taken = await during(
      (tx) => tx.updateRunStatus("review"),
      () => other.claimBrief(request),
    );
    expect(taken).toBeUndefined();
    expect(await board.getBrief("b")).toMatchObject({ attempt: 1, retryCount: 0 });
    expect(await logOf(board)).toEqual([]);
  });

  test("by 16 agents at once takes each of 32 expired briefs over once, with its event", async () => {
    const { board, place } = await two();
    await board.transaction(async (tx) => {
      for (let n = 0; n < 32; n++)
        await tx.createBrief({ briefId: `b-${n}`, ...brief, retryCount: n % 4 === 0 ? 2 : 0 });
      for (let n = 0; n < 32; n++) await tx.claimBrief(request);
    });
    await place.sql("UPDATE briefs SET lease_expires_at = '2000'");
    const claims: Claim[] = [];
    const agent = async (agentId: string) => {
      for (;;) {
        const claim = await board.claimBrief({ agentId, leaseMs: 60_000, maxRetries: 2 });
        if (!claim) return;
        claims.push(claim);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, n) => agent(`agent ${n}`)));
    expect(new Set(claims.map(({ brief }) => brief.briefId)).size).toBe(24);
    expect(claims).toHaveLength(24);
    expect(claims.every(({ attempt, brief }) => attempt === 2 && brief.retryCount === 1)).toBe(true);
    const { items } = await board.listEvents();
    expect(items.every(({ detail }) => detail.previousAgent === "w" && detail.attempt === 1)).toBe(true);
    expect(items.filter(({ kind }) => kind === "retried")).toHaveLength(24);
    expect(items.filter(({ kind }) => kind === "failed")).toHaveLength(8);
    expect(await board.getRunSummary()).toMatchObject({ briefs: { active: 24, failed: 8 } });
  });
});

describe.skipIf(!hasServer)("no move is stored without its event", () => {
  const ignored = `CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER ignored BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION ignore()`;
  const highest = `INSERT INTO event_counters VALUES ('run-1', ${Number.MAX_SAFE_INTEGER})
    ON CONFLICT (run_id) DO UPDATE SET seq = excluded.seq`;
  const taken = `INSERT INTO events (run_id, event_id, kind, created_at) VALUES ('run-1', 'same', 'spawned', '')`;
  const newId = () => "same";

  test.each([
    ["another program's trigger ignores events", ignored, ConflictError, {}],
    ["the counter of events is at its end", highest, DatabaseError, {}],
    ["newId returns the id of an event", taken, ConflictError, { newId }],
  ] as const)(
    "when %s: moves and takeovers are undone, and a transaction goes on",
    async (_, obstacle, kind, options) => {
      const { schema, board: setup, place } = await two();
      const claim = await claimed(setup, "claimed");
      await claimed(setup, "expired", 60_000);
      await place.sql("UPDATE briefs SET lease_expires_at = '2000' WHERE brief_id = 'expired'");
      const board = await open(schema, options);
      await place.sql(obstacle);
      for (const call of [
        () => board.spawnBrief({ briefId: "new", ...brief }),
        () => board.completeBrief(claim, {}),
        () => board.retryBrief("claimed"),
        () => board.claimBrief(request),
      ]) {
        for (const whole of [call, () => board.transaction(async () => void (await call()))]) {
          expect(await caughtUnchanged(place, BlackboardError, whole)).toBeInstanceOf(kind);
        }
      }
      await board.transaction(async (tx) => {
        expect(await caught(BlackboardError, () => tx.failBrief(claim))).toBeInstanceOf(kind);
        await tx.createBrief({ briefId: "beside", ...brief });
      });
      expect(await board.getBrief("beside")).toMatchObject({ status: "pending" });
      expect(await board.getBrief("claimed")).toMatchObject({ status: "active" });
    },
  );
});

describe.skipIf(!hasServer)("moves in a database whose default isolation level is serializable", () => {
  test("by 16 agents at once are all made", async () => {
    const schema = await freshSchema();
    const url = withOption(schema.url, "default_transaction_isolation=serializable");
    const board = await openRun(schema, { connection: newPool(url, { max: 16 }) });
    const all = Array.from({ length: 64 }, (_, n) => `b-${n}`);
    await Promise.all(all.map((briefId) => board.spawnBrief({ briefId, ...brief })));
    await Promise.all(all.map((briefId) => board.failBrief(briefId)));
    const { briefs, events, lastSeq } = await board.getRunSummary();
    expect([briefs.failed, events.spawned, events.failed, lastSeq]).toEqual([64, 64, 64, 128]);
  });

  test("succeed however often the server cannot serialize them", async () => {
    const schema = await freshSchema();
    const board = await openRun({ url: withOption(schema.url, "default_transaction_isolation=serializable") });
    await board.createBrief({ briefId: "b", ...brief });
    await schema.sql(`CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF current_setting('transaction_isolation') = 'serializable' THEN RAISE serialization_failure; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER conflicting BEFORE UPDATE ON briefs FOR EACH ROW EXECUTE FUNCTION conflict()`);
    expect(await board.failBrief("b")).toMatchObject({ status: "failed" });
    expect(await logOf(board)).toEqual(["failed b"]);
  });
});
