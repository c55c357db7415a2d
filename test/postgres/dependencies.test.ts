/** Dependencies, parked briefs and statuses that hold claims back, when several connections change them at once. */
import type { Client } from "pg";
import { BlackboardError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { leftParked, wrongCounts } from "../../chaos/counts.ts";
import { Random } from "../../chaos/random.ts";
import { freshSchema, hasServer, newClient, open, openRun, type Schema, withOption } from "./fresh.ts";

const request = { agentId: "w-1", leaseMs: 600_000 };
const coder = { tier: 1, role: "coder" };

async function openWith(...ids: readonly string[]) {
  const schema = await freshSchema();
  const board = await openRun(schema);
  for (const briefId of ids) await board.createBrief({ ...coder, briefId });
  return { schema, board };
}

/** A session in a transaction that has changed these rows. */
async function holding({ url }: Schema, sql: string) {
  const client = await newClient(url);
  await client.query(`BEGIN; ${sql}`);
  return client;
}

/** Resolves when another session waits for a lock of this one. */
async function blocking(client: Client): Promise<void> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
  // Without this, a transaction sees the sessions as they were at its first look.
  const look = async () => {
    await client.query("SELECT pg_stat_clear_snapshot()");
    return (await client.query(waiting)).rowCount;
  };
  await expect.poll(look, { timeout: 20_000, interval: 5 }).toBe(1);
}

async function expectConsistent({ sql }: Schema): Promise<void> {
  expect(await sql(wrongCounts)).toEqual([]);
  expect(await sql(leftParked)).toEqual([]);
}

describe.skipIf(!hasServer)("a brief that is created while its blocker is being completed", () => {
  const ends: [string, "COMMIT" | "ROLLBACK", number][] = [
    ["committed", "COMMIT", 0],
    ["rolled back", "ROLLBACK", 1],
  ];
  test.each(ends)("waits for it, and counts it right once it is %s", async (_, end, waitsFor) => {
    const { schema, board } = await openWith("a");
    const other = await holding(schema, "UPDATE briefs SET status = 'done' WHERE brief_id = 'a'");
    const created = board.createBrief({ ...coder, briefId: "b", after: ["a"] });
    await blocking(other);
    await other.query(end);
    expect(await created).toMatchObject({ briefId: "b", waitsFor });
    await expectConsistent(schema);
  });

  const levels = ["read\\ committed", "repeatable\\ read", "serializable"];
  test.each(ends.flatMap(([how, end]) => levels.map((level) => [how, level, end] as const)))(
    "is counted down by a completion that waited for its creation, if that is %s, with the default level %s",
    async (_, level, end) => {
      const { schema } = await openWith("a");
      const board = await open({ url: withOption(schema.url, `default_transaction_isolation=${level}`) });
      const other = await holding(
        schema,
        `INSERT INTO briefs (brief_id, run_id, tier, role, created_at, updated_at) VALUES ('b', 'run-1', 1, 'coder', '', '');
       INSERT INTO dependencies VALUES ('run-1', 'b', 'a')`,
      );
      const done = board.updateBriefStatus("a", "done");
      await blocking(other);
      await other.query(end);
      expect(await done).toMatchObject({ status: "done" });
      if (end === "COMMIT") expect(await board.getBrief("b")).toMatchObject({ waitsFor: 0 });
      await expectConsistent(schema);
    },
  );

  test("is a NotFoundError if the blocker is deleted at the same time", async () => {
    const { schema, board } = await openWith("a");
    const other = await holding(schema, "DELETE FROM briefs WHERE brief_id = 'a'");
    const created = board.createBrief({ ...coder, briefId: "b", after: ["a"] });
    const outcome = created.catch((error: unknown) => error);
    await blocking(other);
    await other.query("COMMIT");
    const left = await outcome;
    if (!(left instanceof NotFoundError)) expect(left).toMatchObject({ waitsFor: 1 });
    await expectConsistent(schema);
  });
});

describe.skipIf(!hasServer)("blockers of the same briefs that are completed at once", () => {
  test.each([
    ["x", "y"],
    ["y", "x"],
  ])("%s before %s: each counts once, without a deadlock", async (first, second) => {
    const { schema, board } = await openWith("x", "y");
    const ids = Array.from({ length: 40 }, (_, n) => `d${n}`);
    for (const briefId of ids) await board.createBrief({ ...coder, briefId, after: ["x", "y"] });
    const other = await holding(schema, `UPDATE briefs SET status = 'done' WHERE brief_id = '${first}'`);
    const done = board.updateBriefStatus(second, "done");
    await blocking(other);
    await other.query("COMMIT");
    await done;
    for (const briefId of ids) expect((await board.getBrief(briefId))?.waitsFor).toBe(0);
    await expectConsistent(schema);
  });
});

describe.skipIf(!hasServer)("calls that lock a brief and its dependents in opposite orders", () => {
  /** A blackboard whose sessions can be told from those of other tests. */
  async function openNamed(schema: Schema) {
    const board = await open({ url: `${schema.url}&application_name=${schema.name}` });
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '${schema.name}'`;
    const waits = async (count: number) =>
      await expect.poll(async () => (await schema.sql(waiting)).length, { timeout: 20_000, interval: 5 }).toBe(count);
    return { board, waits };
  }

  const low: [string, (board: Awaited<ReturnType<typeof open>>, id: string) => Promise<unknown>][] = [
    ["updateBriefStatus", (board, id) => board.updateBriefStatus(id, "done")],
    ["updateBriefResult", (board, id) => board.updateBriefResult(id, {})],
  ];

  test.each(low)("%s waits for a transaction that creates a brief after both", async (_, finish) => {
    const { schema } = await openWith("b");
    const { board, waits } = await openNamed(schema);
    await board.createBrief({ ...coder, briefId: "a", after: ["b"] });
    const other = await holding(schema, "SELECT 1 FROM briefs WHERE brief_id = 'a' FOR UPDATE");
    const created = board.transaction((tx) => tx.createBrief({ ...coder, briefId: "c", after: ["a", "b"] }));
    await waits(1);
    const done = finish(board, "b");
    await waits(2);
    await other.query("COMMIT");
    expect(await created).toMatchObject({ waitsFor: 2 });
    await done;
    expect(await board.getBrief("a")).toMatchObject({ waitsFor: 0 });
    expect(await board.getBrief("c")).toMatchObject({ waitsFor: 1 });
    await expectConsistent(schema);
  });

  test.each(low)("%s waits for a transaction that completes a blocker of both", async (_, finish) => {
    const { schema } = await openWith("y");
    const { board, waits } = await openNamed(schema);
    await board.createBrief({ ...coder, briefId: "x", after: ["y"] });
    await board.createBrief({ ...coder, briefId: "d", after: ["x", "y"] });
    const other = await holding(schema, "SELECT 1 FROM briefs WHERE brief_id = 'd' FOR UPDATE");
    const completed = board.transaction((tx) => tx.completeBrief("y", {}));
    await waits(1);
    const done = finish(board, "x");
    await waits(2);
    await other.query("COMMIT");
    await completed;
    await done;
    expect(await board.getBrief("d")).toMatchObject({ waitsFor: 0 });
    await expectConsistent(schema);
  });

  test("updateWorkstreamStatus waits for a transaction that changes briefs of the blocked workstream", async () => {
    const { schema } = await openWith();
    const { board, waits } = await openNamed(schema);
    await board.createWorkstream({ workstreamId: "ws", name: "ws", tier: 1 });
    for (const briefId of ["a", "b"]) await board.createBrief({ ...coder, briefId, workstreamId: "ws" });
    await board.updateWorkstreamStatus("ws", "blocked");
    expect(await board.claimBrief(request)).toBeUndefined();
    const { board: another } = await openNamed(schema);
    let unblocked: Promise<unknown> | undefined;
    await board.transaction(async (tx) => {
      await tx.updateBriefStatus("b", "active");
      unblocked = another.updateWorkstreamStatus("ws", "active");
      await waits(1);
      await tx.updateBriefStatus("a", "active");
    });
    await unblocked;
    await expectConsistent(schema);
  });
});

describe.skipIf(!hasServer)("a workstream that is unblocked while claims park its briefs", () => {
  const ids = ["a", "b", "c"];
  async function openBlocked() {
    const opened = await openWith();
    const { board } = opened;
    await board.createWorkstream({ workstreamId: "ws", name: "ws", tier: 1 });
    for (const briefId of ids) await board.createBrief({ ...coder, briefId, workstreamId: "ws" });
    await board.updateWorkstreamStatus("ws", "blocked");
    return opened;
  }

  test("leaves none parked if it waited for the claim", async () => {
    const { schema, board } = await openBlocked();
    let unblocked: Promise<unknown> | undefined;
    await board.transaction(async (tx) => {
      expect(await tx.claimBrief(request)).toBeUndefined();
      expect(await tx.drizzle.execute("SELECT 1 FROM briefs WHERE parked = 2")).toMatchObject({ rowCount: 3 });
      const other = await newClient(schema.url);
      unblocked = other.query("UPDATE workstreams SET status = 'active' WHERE workstream_id = 'ws'");
      const [{ pid } = {}] = (await tx.drizzle.execute<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows;
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE ${pid} = ANY (pg_blocking_pids(pid))`;
      await expect.poll(async () => (await schema.sql(waiting)).length, { timeout: 20_000, interval: 5 }).toBe(1);
    });
    await unblocked;
    await expectConsistent(schema);
    for (const id of ids) expect((await board.claimBrief(request))?.brief.briefId).toBe(id);
  });

  test("leaves none parked if the claim saw it blocked before", async () => {
    const { schema, board } = await openBlocked();
    const other = await holding(schema, "UPDATE workstreams SET status = 'active' WHERE workstream_id = 'ws'");
    expect(await board.claimBrief(request)).toBeUndefined();
    await other.query("COMMIT");
    await expectConsistent(schema);
    for (const id of ids) expect((await board.claimBrief(request))?.brief.briefId).toBe(id);
  });
});

describe.skipIf(!hasServer)("8 connections that find briefs whose time has come", () => {
  test("claim each of them once and leave none parked", async () => {
    const { schema, board } = await openWith();
    const notBefore = new Date(Date.now() - 1000);
    const count = 400;
    await schema.sql(
      `INSERT INTO briefs (brief_id, run_id, tier, role, priority, not_before, parked, created_at, updated_at)
       SELECT 'b' || n, 'run-1', 1, 'coder', n % 3, $1, 1, '2026', '2026' FROM generate_series(1, $2::int) AS n`,
      [notBefore.toISOString(), count],
    );
    const boards = await Promise.all(Array.from({ length: 8 }, () => open(schema)));
    const claimed = await Promise.all(
      boards.map(async (each) => {
        const ids: string[] = [];
        for (let misses = 0; misses < 20; ) {
          const claim = await each.claimBrief(request);
          if (claim) ids.push(claim.brief.briefId);
          else misses++;
        }
        return ids;
      }),
    );
    const all = claimed.flat();
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(count);
    expect(await board.claimBrief(request)).toBeUndefined();
    await expectConsistent(schema);
  });
});

describe.skipIf(!hasServer)("a status that another session changes right after a call found it wrong", () => {
  const calls: [string, (board: Awaited<ReturnType<typeof open>>) => Promise<unknown>][] = [
    ["completeBrief", (board) => board.completeBrief("a", {})],
    ["updateBriefStatus with from", (board) => board.updateBriefStatus("a", "done", { from: "pending" })],
  ];
  test.each(calls)("lets %s do its work", async (_, call) => {
    const { schema, board } = await openWith("a");
    await board.updateBriefStatus("a", "failed");
    // Fires also if no row is changed, and holds the call up until the other session is ready.
    await schema.sql(`
      CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(hashtext('${schema.name}')); RETURN NULL; END $$;
      CREATE TRIGGER hold_up AFTER UPDATE ON briefs FOR EACH STATEMENT EXECUTE FUNCTION hold_up()`);
    const other = await newClient(schema.url);
    await other.query(`SELECT pg_advisory_lock(hashtext('${schema.name}'))`);
    const done = call(board);
    done.catch(() => undefined);
    await blocking(other);
    await other.query("UPDATE briefs SET status = 'pending' WHERE brief_id = 'a'");
    await other.query(`SELECT pg_advisory_unlock(hashtext('${schema.name}'))`);
    expect(await done).toMatchObject({ status: "done" });
  });
});

describe.skipIf(!hasServer)("6 connections that create, claim, complete, undo, block and unblock at random", () => {
  const ids = Array.from({ length: 12 }, (_, n) => `b${n.toString(16)}`);
  const expected = ["CONFLICT", "LOST_CLAIM", "NOT_FOUND", "TRANSITION"];

  test("lose no count and leave no brief parked, without a deadlock", async () => {
    const { schema, board } = await openWith();
    for (const workstreamId of ["w1", "w2"])
      await board.createWorkstream({ workstreamId, name: workstreamId, tier: 1 });
    const play = async (each: typeof board, seed: number) => {
      const random = new Random(`${seed}`);
      const calls: ((tx: Pick<typeof board, Calls>) => Promise<unknown>)[] = [
        (tx) => {
          const at = random.pick([...ids.keys()]);
          const after = [random.pick(ids), random.pick(ids)].filter((id) => ids.indexOf(id) < at);
          const workstreamId = random.pick(["w1", "w2", null]);
          const notBefore = random.chance(0.5) ? new Date(Date.now() + 20) : undefined;
          return tx.createBrief({ ...coder, briefId: ids[at], after, workstreamId, notBefore });
        },
        (tx) => tx.updateBriefStatus(random.pick(ids), random.pick(["pending", "active", "done", "done", "failed"])),
        (tx) => tx.updateBriefResult(random.pick(ids), {}),
        (tx) => tx.completeBrief(random.pick(ids), {}),
        (tx) => tx.retryBrief(random.pick(ids), {}, { delayMs: random.pick([0, 5]) }),
        (tx) => tx.claimBrief({ agentId: "w-1", leaseMs: 5 }),
        (tx) => tx.claimBrief({ agentId: "w-2", leaseMs: 5 }),
        (tx) => tx.updateWorkstreamStatus(random.pick(["w1", "w2"]), random.pick(["blocked", "active"])),
      ];
      for (let n = 0; n < 80; n++) {
        const two = () => each.transaction(async (tx) => [await random.pick(calls)(tx), await random.pick(calls)(tx)]);
        await (random.pick([true, true, false]) ? random.pick(calls)(each) : two()).catch((error: unknown) => {
          if (!(error instanceof BlackboardError && expected.includes(error.code))) throw error;
        });
      }
    };
    const boards = await Promise.all(Array.from({ length: 6 }, () => open(schema)));
    await Promise.all(boards.map(play));
    await expectConsistent(schema);
    for (const id of ["w1", "w2"]) await board.updateWorkstreamStatus(id, "active");
    await expectConsistent(schema);
  });
});

type Calls =
  | "createBrief"
  | "updateBriefStatus"
  | "updateBriefResult"
  | "completeBrief"
  | "retryBrief"
  | "claimBrief"
  | "updateWorkstreamStatus";
