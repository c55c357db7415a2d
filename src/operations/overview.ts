/**
 * How a run is doing: its summary, and what an operator asks next. How far each part and each role is, how fast it goes, what
 * waits for what. One snapshot; one pass over the briefs, the rest by index.
 */
import { and, asc, desc, eq, isNotNull, lte, type SQL, sql } from "drizzle-orm";
import { type BriefStatus, briefStatuses, type Timestamp, type WorkstreamStatus } from "../../drizzle/vocabulary.ts";
import { type Backlog, backlogColumns, getBacklog, type OldestReady } from "./backlog.ts";
import { type FailedBlocker, findFailedBlockers } from "./blockers.ts";
import { hasUsableId, hasUsableRole, holdsClaims } from "./claimable.ts";
import { type Durations, estimateEnd, readDurations } from "./durations.ts";
import { atMost, filtered, literal } from "./index-choice.ts";
import { type Context, inSnapshot, type Lens, type Operation, statement } from "./operation.ts";
import type { Run } from "./runs.ts";
import { getRunSummary, type RunSummary, zeros } from "./summary.ts";
import { getThroughput, type Throughput } from "./throughput.ts";
import { countUnclaimable } from "./unclaimable.ts";

/** The summary of a run in a list of runs. */
export interface ListedSummary extends RunSummary {
  /** The latest time that a row of the run was written. */
  lastChangeAt: Timestamp;
  /** How many active briefs are held by a claim whose lease has expired: stuck, unless their workers still live. */
  expiredLeases: number;
}

export interface RunOverview extends ListedSummary {
  /** The briefs of each workstream by status, oldest workstream first; those of none last, with a null id. */
  byWorkstream: {
    workstreamId: string | null;
    name: string | null;
    status: WorkstreamStatus | null;
    briefs: Record<BriefStatus, number>;
  }[];
  /** The briefs of each role by status, in order of the role's name. */
  byRole: { role: string; briefs: Record<BriefStatus, number> }[];
  throughput: Throughput;
  /** How long the briefs that ended last took, from claim to end; null if no agent has ended one. */
  durations: Durations | null;
  /** When the run will have finished if it goes on like in the throughput's window and no brief is added; null if unknown. */
  estimatedEndAt: Timestamp | null;
  /** False while the run's status keeps all of its briefs from being claimed: `review`, `done` or `failed`. */
  allowsClaims: boolean;
  /** The pending briefs by what keeps them from being claimed. */
  backlog: Backlog;
  /** The brief of `backlog.ready` that has waited longest. */
  oldestReady: OldestReady | null;
  /** The ten failed or missing briefs that the most pending ones come directly after. */
  failedBlockers: FailedBlocker[];
  /** How many of the pending briefs and expired claims no claim can take: `verify` names them. */
  unclaimable: number;
  /** The ten longest expired claims. */
  longestExpired: { briefId: string; role: string; claimedBy: string | null; leaseExpiresAt: Timestamp | null }[];
}

const n = sql<number>`count(*)`;

/** Every run of the database, in order of the ids. */
export const allRuns = statement<Record<string, never>>()(({ db, t }) =>
  db.select().from(t.runs).orderBy(asc(t.runs.runId)),
);

/** The ids of all runs, in order. */
export function* listRunIds(): Operation<string[]> {
  return (yield* allRuns({})).map(({ runId }) => runId);
}

/** Along the table: by an index on the run it took three times as long, each row being looked up by itself. */
const groups = statement<{ runId: string; now: string | null }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select({
      // Other programs may store bytes in any column.
      workstreamId: sql<string | null>`cast(${briefs.workstreamId} as text)`,
      role: sql<string>`cast(${briefs.role} as text)`,
      status: briefs.status,
      n,
      newest: sql<Timestamp>`max(${briefs.updatedAt})`,
      ...backlogColumns(lens, $.now),
    })
    .from(briefs)
    .where(lens.ofRun(briefs.runId, $.runId))
    .groupBy(briefs.workstreamId, briefs.role, briefs.status);
});

const allWorkstreams = statement<{ runId: string }>()(({ db, t: { workstreams }, through, ofRunThrough }, $) =>
  db
    .select({
      workstreamId: workstreams.workstreamId,
      name: workstreams.name,
      status: workstreams.status,
      updatedAt: workstreams.updatedAt,
    })
    .from(through(workstreams, "workstreams_by_age"))
    .where(ofRunThrough(workstreams.runId, "workstreams_by_age", $.runId))
    .orderBy(asc(workstreams.createdAt), asc(workstreams.workstreamId)),
);

const newestEvent = statement<{ runId: string }>()(({ db, t: { events }, through }, $) =>
  db
    .select({ createdAt: events.createdAt })
    .from(through(events, "key"))
    .where(eq(events.runId, $.runId))
    .orderBy(desc(events.seq))
    .limit(atMost(1)),
);

/** What can be shown. */
const isNamed = (lens: Lens) => filtered(and(hasUsableId(lens), hasUsableRole(lens)));

/** The Python module leaves the lease of a brief that it finishes, so the index of leases has more than what is held. */
const isExpired = ({ t: { briefs }, time, ofRunThrough }: Lens, runId: SQL<string>, now: SQL<string | null>) =>
  and(
    ofRunThrough(briefs.runId, "briefs_leased", runId),
    lte(briefs.leaseExpiresAt, time(now)),
    filtered(and(eq(briefs.status, literal("active")), isNotNull(briefs.claimedBy))),
  );

const countExpired = statement<{ runId: string; now: string | null }>()((lens, $) =>
  lens.db
    .select({ n })
    .from(lens.through(lens.t.briefs, "briefs_leased"))
    .where(isExpired(lens, $.runId, $.now)),
);

const firstExpired = statement<{ runId: string; now: string | null }>()((lens, $) => {
  const { briefId, role, leaseExpiresAt } = lens.t.briefs;
  const claimedBy = sql<string | null>`cast(${lens.t.briefs.claimedBy} as text)`;
  return lens.db
    .select({ briefId, role, claimedBy, leaseExpiresAt })
    .from(lens.through(lens.t.briefs, "briefs_leased"))
    .where(and(isExpired(lens, $.runId, $.now), isNamed(lens)))
    .orderBy(asc(leaseExpiresAt), asc(briefId))
    .limit(atMost(10));
});

type Group = {
  workstreamId: string | null;
  role: string;
  status: BriefStatus;
  n: number;
  newest: Timestamp;
  waiting: number;
  delayed: number;
};

/** The summary of one run. */
export function* summarizeListed(run: Run, context: Omit<Context, "runId">): Operation<ListedSummary> {
  const { runId } = run;
  const summary = yield* getRunSummary({ ...context, runId });
  const briefs = yield* groups({ runId, now: context.now() });
  const workstreams = yield* allWorkstreams({ runId });
  const lastChangeAt = yield* lastChange(run, briefs, workstreams);
  const expiredLeases = yield* countLeases(runId, context);
  return { ...summary, lastChangeAt, expiredLeases };
}

export function* getRunOverview(context: Context): Operation<RunOverview> {
  return yield* inSnapshot(function* () {
    const { runId } = context;
    const summary = yield* getRunSummary(context);
    const briefs = yield* groups({ runId, now: context.now() });
    const workstreams = yield* allWorkstreams({ runId });
    const { backlog, oldestReady } = yield* getBacklog(context, briefs, workstreams);
    const now = new Date(context.now() ?? Date.now());
    const throughput = yield* getThroughput(runId, now);
    const allowsClaims = !holdsClaims(summary.status);
    return {
      ...summary,
      lastChangeAt: yield* lastChange(summary, briefs, workstreams),
      expiredLeases: yield* countLeases(runId, context),
      byWorkstream: progressOfWorkstreams(workstreams, briefs),
      byRole: [...grouped(briefs, ({ role }) => role)].map(([role, counts]) => ({ role, briefs: counts })),
      throughput,
      durations: yield* readDurations(runId),
      estimatedEndAt: estimateEnd({ ...summary, throughput, backlog, allowsClaims }, now),
      allowsClaims,
      backlog,
      oldestReady,
      failedBlockers: backlog.waitingForFailed === 0 ? [] : yield* findFailedBlockers(runId),
      unclaimable: yield* countUnclaimable(runId, context.now()),
      longestExpired: yield* firstExpired({ runId, now: context.now() }),
    };
  });
}

function* countLeases(runId: string, { now }: Pick<Context, "now">): Operation<number> {
  const [counted] = yield* countExpired({ runId, now: now() });
  return Number(counted?.n ?? 0);
}

function* lastChange(
  run: Run,
  briefs: readonly { newest: Timestamp }[],
  workstreams: readonly { updatedAt: Timestamp }[],
): Operation<Timestamp> {
  const events = yield* newestEvent({ runId: run.runId });
  const times = [
    run.updatedAt,
    ...events.map(({ createdAt }) => createdAt),
    ...briefs.map(({ newest }) => newest),
    ...workstreams.map(({ updatedAt }) => updatedAt),
  ];
  return times.sort().at(-1) ?? run.updatedAt;
}

function grouped<Key extends string | null>(
  groups: readonly Group[],
  keyOf: (group: Group) => Key,
): Map<Key, Record<BriefStatus, number>> {
  const found = new Map<Key, Record<BriefStatus, number>>();
  const sorted = groups.map((group) => ({ group, key: keyOf(group) }));
  sorted.sort((a, b) => Number(a.key === null) - Number(b.key === null) || (String(a.key) < String(b.key) ? -1 : 1));
  for (const { group, key } of sorted) {
    const counts = found.get(key) ?? zeros(briefStatuses);
    // Another program may have written a status that is none of ours, such as "constructor".
    counts[group.status] = (Object.hasOwn(counts, group.status) ? counts[group.status] : 0) + Number(group.n);
    found.set(key, counts);
  }
  return found;
}

/** Also those that only briefs name, as a file of the reference may: without a name or a status. */
function progressOfWorkstreams(
  workstreams: readonly { workstreamId: string; name: string; status: WorkstreamStatus }[],
  groups: readonly Group[],
): RunOverview["byWorkstream"] {
  const counts = grouped(groups, ({ workstreamId }) => workstreamId);
  const known = workstreams.map(({ workstreamId, name, status }) => {
    const briefs = counts.get(workstreamId) ?? zeros(briefStatuses);
    counts.delete(workstreamId);
    return { workstreamId, name, status, briefs };
  });
  const others = [...counts].map(([workstreamId, briefs]) => ({ workstreamId, name: null, status: null, briefs }));
  return [...known, ...others];
}
