/** Waiting on a file: the cost while nothing changes, and other activity on its connection. */
import { join } from "node:path";
import { type OpenOptions, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";
import { connectTo, open } from "./sqlite.ts";

const pollMs = 1;
const finish = (id: string) => `UPDATE briefs SET status = 'done' WHERE brief_id = '${id}'`;

function openRun(options: Partial<OpenOptions> = {}) {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = open({ runId: "run-1", file, synchronous: "normal", ...options });
  board.createRun("a goal");
  for (const briefId of ["a", "b", "c"]) board.createBrief({ briefId, tier: 1, role: "coder" });
  return { board, file };
}

/** Lets looks happen at least this often: each turn is a timer like theirs, set later. */
async function looks(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setTimeout(resolve, pollMs));
}

describe("waits on a file", () => {
  test("run no query while nothing is written, and after a write of any connection one for all of them", async () => {
    const queries: string[] = [];
    const { board, file } = openRun({ logger: { logQuery: (query) => void queries.push(query) } });
    const program = connectTo(file);
    const claim = board.claimBrief({ agentId: "w", leaseMs: 60_000 }) ?? expect.fail();
    const abort = new AbortController();
    const options = { pollMs, signal: abort.signal };
    const waiting = Array.from({ length: 1000 }, (_, n) =>
      n % 2 === 0 ? board.waitForBrief("b", options) : board.waitForBriefs({ tier: 1 }, options),
    );
    const held = board.holdClaim(
      claim,
      { leaseMs: 3_600_000, signal: abort.signal },
      () => new Promise(() => undefined),
    );
    // The first look counts the filter's briefs, the second one knows its witness.
    await looks(10);
    const change = "UPDATE runs SET goal = goal || '!'";
    for (const write of [() => board.drizzle.$client.exec(change), () => program.exec(change)]) {
      queries.length = 0;
      await looks(20);
      expect(queries).toEqual([]);
      write();
      await looks(20);
      expect(queries).toHaveLength(1);
    }
    abort.abort();
    await Promise.allSettled([...waiting, held]);
  });

  test("do not see what a transaction wrote that the user began on the driver until it commits", async () => {
    for (const options of [{}, { file: ":memory:" }]) {
      const { board } = openRun(options);
      const client = board.drizzle.$client;
      let status: string | undefined;
      const waiting = board.waitForBrief("a", { pollMs }).then((brief) => {
        status = brief.status;
      });
      for (const end of ["ROLLBACK", "COMMIT"]) {
        client.exec(`BEGIN; ${finish("a")}`);
        await looks(10);
        expect(status).toBeUndefined();
        client.exec(end);
      }
      await waiting;
      expect(status).toBe("done");
    }
  });

  test("go on while another connection has locked the file against reading, without blocking this process", async () => {
    const { board, file } = openRun({ busyTimeoutMs: 2 ** 31 - 1 });
    board.drizzle.$client.pragma("journal_mode = DELETE");
    const waiting = board.waitForBrief("a", { pollMs });
    await looks(3);
    const other = connectTo(file);
    other.exec(`BEGIN EXCLUSIVE; ${finish("a")}`);
    const late = board.waitForBriefs({ briefIds: ["a"] }, { pollMs });
    await looks(10);
    other.exec("COMMIT");
    expect(await waiting).toMatchObject({ status: "done" });
    expect(await late).toMatchObject({ done: 1 });
  });

  test("end when the user closes the driver's connection", async () => {
    const { board } = openRun();
    const waiting = board.waitForBrief("a", { pollMs });
    waiting.catch(() => undefined);
    await looks(3);
    board.drizzle.$client.close();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("reject for a finished brief that cannot be read, and only those that wait for it", async () => {
    const { board, file } = openRun();
    const waiting = [board.waitForBrief("a", { pollMs }), board.waitForBrief("b", { pollMs })];
    const counted = board.waitForBriefs({ briefIds: ["a", "b"] }, { pollMs });
    for (const one of waiting) one.catch(() => undefined);
    connectTo(file).exec(`UPDATE briefs SET result = 'no JSON' WHERE brief_id = 'a'; ${finish("a")}; ${finish("b")}`);
    expect(await caught(UnreadableRowError, () => waiting[0])).toMatchObject({ id: "a", column: "result" });
    expect(await waiting[1]).toMatchObject({ status: "done" });
    expect(await counted).toMatchObject({ done: 2 });
  });

  test("wait for briefs whose id is NULL, which a file of the Python reference may hold", async () => {
    const { board, file } = openRun();
    const program = connectTo(file);
    for (const id of ["a", "b", "c"]) board.completeBrief(id, {});
    program.exec(`INSERT INTO briefs (run_id, tier, role, status, created_at, updated_at)
      VALUES ('run-1', 1, 'coder', 'pending', '2026', '2026')`);
    const waiting = board.waitForBriefs({ tier: 1 }, { pollMs });
    await looks(10);
    program.exec("UPDATE briefs SET status = 'failed' WHERE brief_id IS NULL");
    expect(await waiting).toEqual({ pending: 0, active: 0, done: 3, failed: 1 });
  });
});
