/** Dependencies, parked briefs and statuses that hold claims back, when several connections change them at once. */
import type { Client } from "pg";
import { NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { leftParked, wrongCounts } from "../processes/pool.ts";
import { freshSchema, hasServer, newClient, open, openRun, type Schema } from "./fresh.ts";

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
  await expect.poll(async () => (await client.query(waiting)).rowCount, { timeout: 20_000, interval: 5 }).toBe(1);
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

  test.each(ends)("is counted down by a completion that waited for its creation, if that is %s", async (_, end) => {
    const { schema, board } = await openWith("a");
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
  });

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
      const waiting = "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
      await expect.poll(async () => (await tx.drizzle.execute(waiting)).rowCount, { timeout: 20_000 }).toBe(1);
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
