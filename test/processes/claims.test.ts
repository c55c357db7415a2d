/** Several processes that claim briefs in one file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { type BlackboardEvent, type Brief, type BriefStatus, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "./folder.ts";
import {
  all,
  expectComplete,
  expectInOrder,
  fill,
  fillGraph,
  kindsByBrief,
  startWorkers,
  workKilling,
} from "./pool.ts";
import { type Running, startProgram } from "./spawn.ts";

async function openPool(count: number) {
  const board = open({ runId: "pool", file: join(temporaryFolder(), "blackboard.db"), synchronous: "normal" });
  await fill(board, count);
  return board;
}

test("8 processes claim each of 5,000 briefs once, complete them all, and the log is complete", async () => {
  const board = await openPool(5000);
  const workers = await startWorkers(8, board.location, 600_000);
  for (const worker of workers) worker.say("begin");
  await Promise.all(workers.map((worker) => worker.finish()));
  const { lines, takeovers } = await expectComplete(board, workers, 5000);
  expect(lines).toHaveLength(5000);
  expect(takeovers).toBe(0);
});

test("other workers finish the briefs of workers killed with SIGKILL", async () => {
  const board = await openPool(600);
  const workers = await startWorkers(6, board.location, 300);
  for (const worker of workers) worker.say("begin");
  const victims = workers.slice(0, 3);
  await Promise.all(
    victims.map(async (victim, n) => {
      await victim.until((lines) => lines.length > 10 + n * 7 || undefined);
      victim.kill();
    }),
  );
  const survivors = workers.slice(3);
  await Promise.all(survivors.map((worker) => worker.finish()));
  await expectComplete(board, workers, 600);
});

test("workers killed with SIGKILL between a blocker's completion and the next claim leave every brief in order", async () => {
  const board = open({ runId: "pool", file: join(temporaryFolder(), "blackboard.db"), synchronous: "normal" });
  const [workers] = await Promise.all([workKilling(10, board.location, 300), fillGraph(board, 480, 12)]);
  await expectComplete(board, workers, 480);
  await expectInOrder(workers, (text) => board.drizzle.all(sql.raw(text)));
});

test("a worker that paused past its lease gets LostClaimError and changes nothing", async () => {
  const board = open({ runId: "zombie", file: join(temporaryFolder(), "blackboard.db") });
  board.createRun("outlive");
  board.spawnBrief({ briefId: "b", tier: 1, role: "coder" });
  const zombie = startProgram("stand-still", [board.location]);
  const pid = Number((await zombie.line("claimed")) && zombie.lines[0]);
  process.kill(pid, "SIGSTOP");
  // The lease expires by the wall clock, so the claim is repeated until then.
  await expect
    .poll(() => board.claimBrief({ agentId: "second", leaseMs: 60_000 })?.attempt, { timeout: 30_000 })
    .toBe(2);
  board.completeBrief("b", { by: "second" });
  const contents = () => [board.location, `${board.location}-wal`].map((path) => readFileSync(path).toString("base64"));
  const before = contents();
  process.kill(pid, "SIGCONT");
  expect(await zombie.ask("complete")).toBe('LOST_CLAIM {"status":"done","attempt":2,"claimedBy":"second"}');
  for (const use of ["renew", "release", "fail", "retry", "escalate"]) {
    expect(await zombie.ask(use)).toMatch(/^LOST_CLAIM /);
  }
  expect(contents()).toEqual(before);
  await zombie.finish();
});

const kills = 200;
const atOnce = 5;

test(`a process killed with SIGKILL during a move, ${kills} times, leaves both the new state and its event or neither`, async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "killed", file });
  board.createRun("survive");
  let started = 0;
  const movers: Running[] = [];
  const load = () => {
    if (started < kills) movers.push(startProgram("move-until-killed", [file, `w${started++}`]));
  };
  for (let n = 0; n < atOnce; n++) load();
  for (let kill = 0; kill < kills; kill++) {
    const mover = movers[kill];
    if (!mover) throw new Error("there is one for each kill");
    load();
    await mover.line("loaded");
    mover.say("begin");
    const enough = 2 + ((kill * 37) % 23);
    await mover.until((lines) => lines.length >= enough || undefined);
    mover.kill();
    expect(await mover.ended).toMatchObject({ signal: "SIGKILL" });
  }
  const after: Record<string, BriefStatus> = {
    spawned: "pending",
    completed: "done",
    failed: "failed",
    escalated: "failed",
    retried: "pending",
  };
  const events = await all<BlackboardEvent, number>(async (from) => board.listEvents({ limit: 1000, after: from }));
  const log = kindsByBrief(events);
  const briefs = await all<Brief, string>(async (from) => board.listBriefs({ limit: 1000, after: from }));
  expect(new Set(log.keys())).toEqual(new Set(briefs.map(({ briefId }) => briefId)));
  for (const { briefId, status, retryCount } of briefs) {
    const kinds = log.get(briefId) ?? [];
    // A claim logs no event.
    expect([briefId, status === "active" ? "pending" : status]).toEqual([briefId, after[kinds.at(-1) ?? ""]]);
    expect([briefId, retryCount]).toEqual([briefId, kinds.filter((kind) => kind === "retried").length]);
  }
  expect(briefs.length).toBeGreaterThan(kills / 4);
});
