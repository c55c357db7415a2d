/** A pool of worker processes on one run, and the conditions that must hold when they are done. */
import type { Blackboard, BlackboardEvent, Brief, EventKind, Mode } from "run-blackboard";
import { expect } from "vitest";
import { type Running, startProgram } from "./spawn.ts";

/** Spawns `count` briefs in the run of the `work` program. */
export async function fill(board: Blackboard<Mode>, count: number): Promise<void> {
  await board.createRun("work together");
  for (let n = 0; n < count; n++) await board.spawnBrief({ briefId: `b-${n}`, tier: 1, role: "coder" });
}

/** Workers that have loaded and wait to begin. */
export async function startWorkers(count: number, target: string, leaseMs: number): Promise<Running[]> {
  const workers = Array.from({ length: count }, (_, n) => startProgram("work", [target, `w-${n}`, String(leaseMs)]));
  await Promise.all(workers.map((worker) => worker.line("ready")));
  return workers;
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
