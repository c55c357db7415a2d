/**
 * The pending briefs of a run by what keeps them from being claimed.
 */
import { and, asc, eq, gt, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import type { Timestamp, WorkstreamStatus } from "../../drizzle/vocabulary.ts";
import { countWaitingForFailed } from "./blockers.ts";
import { hasUsableId, hasUsableRole, isUnblocked } from "./claimable.ts";
import { atMost, filtered } from "./index-choice.ts";
import { type Context, family, type Lens, type Operation, statement } from "./operation.ts";

/** Each pending brief counts once, for the first of the reasons `waiting`, `delayed` and `blocked` that applies. */
export interface Backlog {
  /** Nothing in the brief or its workstream keeps it from being claimed. */
  ready: number;
  /** Come after briefs that are not done. */
  waiting: number;
  /** How many of the waiting ones wait, directly or through others, for a brief that failed or is missing. */
  waitingForFailed: number;
  /** Before their `notBefore`. */
  delayed: number;
  /** When the first of the delayed ones can be claimed. */
  nextDueAt: Timestamp | null;
  /** In a blocked workstream. */
  blocked: number;
}

/** The pending brief that could be claimed and has waited longest. */
export interface OldestReady {
  briefId: string;
  role: string;
  tier: number;
  createdAt: Timestamp;
}

/** What a group of briefs contributes. `waiting` and `delayed` count pending briefs, and none twice. */
interface Group {
  workstreamId: string | null;
  status: string;
  n: number;
  waiting: number;
  delayed: number;
}

/** Computed once: PostgreSQL would format its clock for each row. */
const once = ({ time }: Lens, now: SQL<string | null>) => sql<string>`(select ${time(now)})`;

/** Aggregates over briefs. The rare condition comes first, so the others are not evaluated for most rows. */
export function backlogColumns(lens: Lens, now: SQL<string | null>) {
  const { notBefore, status, waitsFor } = lens.t.briefs;
  const pending = sql`${status} = 'pending'`;
  return {
    waiting: sql<number>`count(case when ${waitsFor} > 0 and ${pending} then 1 end)`,
    delayed: sql<number>`count(case when ${notBefore} > ${once(lens, now)} and ${waitsFor} <= 0 and ${pending} then 1 end)`,
  };
}

type Asked = { runId: string; now: string | null };

const nextDue = statement<Asked>()((lens, $) => {
  const { notBefore, parked, runId, status, waitsFor } = lens.t.briefs;
  return lens.db
    .select({ notBefore })
    .from(lens.t.briefs)
    .where(
      and(
        lens.ofRunThrough(runId, "briefs_delayed", $.runId),
        gt(notBefore, once(lens, $.now)),
        sql`${parked} = 1`,
        filtered(and(eq(status, sql`'pending'`), lte(waitsFor, 0))),
      ),
    )
    .orderBy(asc(notBefore))
    .limit(atMost(1));
});

const firstReady = family((someBlocked: boolean) =>
  statement<Asked>()((lens, $) => {
    const { briefId, role, tier, createdAt, runId, status, waitsFor, notBefore } = lens.t.briefs;
    const hasCome = or(isNull(notBefore), lte(notBefore, once(lens, $.now)));
    return lens.db
      .select({ briefId, role, tier, createdAt })
      .from(lens.t.briefs)
      .where(
        and(
          lens.ofRunThrough(runId, "briefs_by_status", $.runId),
          eq(status, "pending"),
          filtered(and(lte(waitsFor, 0), hasCome, hasUsableId(lens), hasUsableRole(lens))),
          someBlocked ? isUnblocked(lens) : undefined,
        ),
      )
      .orderBy(asc(createdAt), asc(briefId))
      .limit(atMost(1));
  }),
);

export function* getBacklog(
  { runId, now }: Context,
  groups: readonly Group[],
  workstreams: readonly { workstreamId: string; status: WorkstreamStatus }[],
): Operation<{ backlog: Backlog; oldestReady: OldestReady | null }> {
  const blockedIds = new Set(
    workstreams.filter(({ status }) => status === "blocked").map(({ workstreamId }) => workstreamId),
  );
  const counts = { ready: 0, waiting: 0, delayed: 0, blocked: 0 };
  for (const { workstreamId, status, n, waiting, delayed } of groups) {
    if (status !== "pending") continue;
    counts.waiting += Number(waiting);
    counts.delayed += Number(delayed);
    const others = Number(n) - Number(waiting) - Number(delayed);
    const isBlocked = workstreamId !== null && blockedIds.has(workstreamId);
    counts[isBlocked ? "blocked" : "ready"] += others;
  }
  const asked = { runId, now: now() };
  const [next] = counts.delayed === 0 ? [] : yield* nextDue(asked);
  const [oldest] = counts.ready === 0 ? [] : yield* firstReady(counts.blocked > 0)(asked);
  const waitingForFailed = counts.waiting === 0 ? 0 : yield* countWaitingForFailed(runId);
  return {
    backlog: { ...counts, waitingForFailed, nextDueAt: next?.notBefore ?? null },
    oldestReady: oldest ?? null,
  };
}
