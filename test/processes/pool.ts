/** A pool of worker processes on one run, and the conditions that must hold when they are done. */
import { setTimeout } from "node:timers/promises";
import type { Blackboard, BlackboardEvent, Brief, EventKind, Mode } from "run-blackboard";
import { expect } from "vitest";
import { leftParked, wrongCounts } from "../../chaos/counts.ts";
import { type Running, startProgram } from "./spawn.ts";

/** Spawns `count` briefs in the run of the `work` program. */
export async function fill(board: Blackboard<Mode>, count: number): Promise<void> {
  await board.createRun("work together");
  for (let n = 0; n < count; n++) await board.spawnBrief({ briefId: `b-${n}`, tier: 1, role: "coder" });
}

/**
 * Spawns `count` briefs in layers of `width`, each after three of the layer before, while others work: it is never more than two
 * layers ahead of them. The payload has the ids of the blockers, for the `work` program.
 */
export async function fillGraph(board: Blackboard<Mode>, count: number, width: number): Promise<void> {
  await board.createRun("work in order");
  const layerOf = (n: number) => Math.floor(n / width);
  const spawn = async (n: number, after: string[]) =>
    await board.spawnBrief({ briefId: `b-${n}`, tier: 1, role: "coder", after, payload: { after } });
  // As long as this one is held, the workers don't end.
  await spawn(count - 1, []);
  const held = await board.claimBrief({ agentId: "filler", leaseMs: 600_000 });
  if (!held) throw new Error("another worker has claimed the first brief");
  for (let n = 0; n < count - 1; n++) {
    const before = layerOf(n) * width - width;
    await spawn(n, before < 0 ? [] : [0, 1, 4].map((step) => `b-${before + ((n + step) % width)}`));
    while (n % width === 0 && (await board.getRunSummary()).briefs.pending > 2 * width) await setTimeout(2);
  }
  await board.completeBrief(held, { by: held.agentId });
}

/** Workers that have loaded and wait to begin. */
export async function startWorkers(count: number, target: string, leaseMs: number): Promise<Running[]> {
  const workers = Array.from({ length: count }, (_, n) => startProgram("work", [target, `w-${n}`, String(leaseMs)]));
  await Promise.all(workers.map((worker) => worker.line("ready")));
  return workers;
}

/**
 * Works through a graph while it is being created. Workers are killed with SIGKILL right after they have printed a claim, which
 * is between the completion of a blocker and the next claim, and others take their place. Returns all workers.
 */
export async function workKilling(kills: number, target: string, leaseMs: number): Promise<Running[]> {
  const [atOnce, all] = [4, kills + 4];
  const workers: Running[] = [];
  for (let n = 0; n < all; n++) {
    const worker = startProgram("work", [target, `w-${n}`, String(leaseMs)]);
    workers.push(worker);
    // The next ones load in the meantime.
    const victim = workers[n - atOnce];
    if (!victim) continue;
    victim.say("begin");
    for (const next of workers.slice(n - atOnce + 1)) next.say("begin");
    const enough = 2 + ((n * 37) % 11);
    // It ends by itself if the others have finished everything.
    await victim.until((lines) => lines.length > enough || undefined).catch(() => undefined);
    victim.kill();
    await victim.ended;
  }
  for (const worker of workers.slice(-atOnce)) worker.say("begin");
  await Promise.all(workers.slice(-atOnce).map((worker) => worker.finish()));
  return workers;
}

/**
 * No brief was claimed before its blockers were done, every count equals its links, and nothing is parked. `sql` reads from the
 * run's database.
 */
export async function expectInOrder(workers: readonly Running[], sql: (text: string) => unknown): Promise<void> {
  expect(workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith("early")))).toEqual([]);
  expect(await sql(wrongCounts), "counts of blockers that differ from the links").toEqual([]);
  expect(await sql(leftParked), "parked for no reason").toEqual([]);
}

export async function all<T, C>(list: (after: C | undefined) => Promise<{ items: T[]; next: C | null }>): Promise<T[]> {
  const items: T[] = [];
  for (let after: C | undefined; ; ) {
    const page = await list(after);
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}

/** The logged events of each brief, in order. */
export function kindsByBrief(events: readonly BlackboardEvent[]): Map<string | null, EventKind[]> {
  const kinds = new Map<string | null, EventKind[]>();
  for (const { briefId, kind } of events) kinds.set(briefId, [...(kinds.get(briefId) ?? []), kind]);
  return kinds;
}

/** Every claim went to one worker, every brief was completed once, and every takeover is logged. */
export async function expectComplete(board: Blackboard<Mode>, workers: readonly Running[], count: number) {
  const lines = workers.flatMap((worker) => worker.lines.filter((line) => /^b-\d+ \d+$/.test(line)));
  expect(new Set(lines).size, "a claim is handed out once").toBe(lines.length);
  const briefs = await all<Brief, string>(async (after) => board.listBriefs({ limit: 1000, after }));
  const events = await all<BlackboardEvent, number>(async (after) => board.listEvents({ limit: 1000, after }));
  expect(briefs).toHaveLength(count);
  const kindsOf = kindsByBrief(events);
  for (const brief of briefs) {
    const takeovers = brief.attempt - 1;
    expect(brief).toMatchObject({ status: "done", retryCount: takeovers, result: { by: brief.claimedBy } });
    expect(kindsOf.get(brief.briefId)).toEqual([
      "spawned",
      ...Array.from({ length: takeovers }, () => "retried"),
      "completed",
    ]);
  }
  expect((await board.getRunSummary()).briefs).toEqual({ pending: 0, active: 0, done: count, failed: 0 });
  return { lines, takeovers: briefs.reduce((sum, { attempt }) => sum + attempt - 1, 0) };
}
