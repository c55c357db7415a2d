/**
 * What waits for what: the dependencies of briefs with the statuses on both sides, and which pending briefs wait, directly or
 * through other pending ones, for a brief that failed or is missing. Only retrying or creating that brief lets them be claimed.
 */
import { type AnyColumn, and, asc, count, desc, eq, lte, type SQL, sql } from "drizzle-orm";
import type { BriefStatus } from "../../drizzle/vocabulary.ts";
import { InvalidInputError } from "../errors.ts";
import { Check, type Names } from "../input/check.ts";
import { atMost } from "./index-choice.ts";
import { type Context, family, inSnapshot, type Lens, type Operation, statement } from "./operation.ts";

/** A brief and one of the briefs that it comes after: its blocker. */
export interface Dependency {
  briefId: string;
  /** Null if the brief is missing: another program deleted it. */
  status: BriefStatus | null;
  blockerId: string;
  blockerStatus: BriefStatus | null;
}

/** One of the two. */
export interface DependencyFilter {
  /** What this brief comes after. */
  briefId?: string | undefined;
  /** What comes after this brief. */
  blockerId?: string | undefined;
}
const filterNames: Names<DependencyFilter> = { briefId: true, blockerId: true };

/** A pending brief that waits for others. */
export interface WaitingBrief {
  briefId: string;
  /** How many of the briefs that it comes after are not done. */
  waitsFor: number;
  /** Whether it waits, directly or through other pending briefs, for one that failed or is missing. */
  forFailed: boolean;
  /** Up to three of those that are not done, failed and missing ones first. A missing one has no status. */
  blockers: { briefId: string; status: BriefStatus | null }[];
}

/** A brief that failed or is missing, and that others wait for. */
export interface FailedBlocker {
  briefId: string;
  /** Null if the brief is missing. */
  status: BriefStatus | null;
  /** How many pending briefs come directly after it. */
  holds: number;
}

/** By the key: SQLite would otherwise choose an index that begins with the run, and read the run again for each row. */
function statusOf({ db, t: { briefs }, ofRun }: Lens, id: AnyColumn, runId: SQL<string>): SQL<BriefStatus | null> {
  const found = db
    .select({ status: briefs.status })
    .from(briefs)
    .where(and(eq(briefs.briefId, id), ofRun(briefs.runId, runId)));
  return sql`${found}`;
}

type After = { runId: string; id: string; briefId: string; blockerId: string; limit: number };

const pageOf = family((of: "briefId" | "blockerId") =>
  statement<After>()((lens, $) => {
    const { dependencies } = lens.t;
    const other = of === "briefId" ? "blockerId" : "briefId";
    return lens.db
      .select({
        briefId: dependencies.briefId,
        status: statusOf(lens, dependencies.briefId, $.runId),
        blockerId: dependencies.blockerId,
        blockerStatus: statusOf(lens, dependencies.blockerId, $.runId),
      })
      .from(dependencies)
      .where(
        and(eq(dependencies.runId, $.runId), eq(dependencies[of], $.id), sql`${dependencies[other]} > ${$[other]}`),
      )
      .orderBy(asc(dependencies[other]))
      .limit(atMost($.limit));
  }),
);

/** How many dependencies are read in one query. */
export const dependencyPage = 500;

/** The next dependencies after `last`, in order of the other brief's id: fewer than `dependencyPage` at the end. */
export function* readDependencyPage(
  { runId }: Context,
  filter: DependencyFilter,
  last: Dependency | undefined,
): Operation<Dependency[]> {
  const check = new Check();
  const { briefId, blockerId } = check.object("filter", filter, filterNames);
  if (briefId !== undefined) check.id("briefId", briefId);
  if (blockerId !== undefined) check.id("blockerId", blockerId);
  check.done();
  const id = briefId ?? blockerId;
  if (id === undefined || (briefId !== undefined && blockerId !== undefined)) {
    throw new InvalidInputError([{ path: "filter", message: "must have a briefId or a blockerId, and not both" }]);
  }
  const of = briefId === undefined ? "blockerId" : "briefId";
  const after = { briefId: last?.briefId ?? "", blockerId: last?.blockerId ?? "" };
  return yield* pageOf(of)({ runId, id, ...after, limit: dependencyPage });
}

const maxBlockers = 3;
const isFailed = (status: SQL.Aliased) => sql`(${status} is null or ${status} = 'failed')`;

const firstBlockers = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { db, among } = lens;
  const { dependencies } = lens.t;
  const links = db
    .select({
      briefId: dependencies.briefId,
      own: statusOf(lens, dependencies.briefId, $.runId).as("own"),
      blockerId: dependencies.blockerId,
      status: statusOf(lens, dependencies.blockerId, $.runId).as("status"),
    })
    .from(dependencies)
    .where(and(eq(dependencies.runId, $.runId), among(dependencies.briefId, $.ids)))
    .as("links");
  const { briefId, blockerId, status } = links;
  const worstFirst = sql`case when ${isFailed(status)} then 0 else 1 end, ${blockerId}`;
  // Raw SQL, since the builder has no window functions.
  const unmet = db
    .select({
      briefId,
      blockerId,
      status,
      waitsFor: sql<number>`count(*) over (partition by ${briefId})`.as("waits_for"),
      place: sql<number>`row_number() over (partition by ${briefId} order by ${worstFirst})`.as("place"),
    })
    .from(links)
    .where(and(eq(links.own, sql`'pending'`), sql`coalesce(${status}, '') <> 'done'`))
    .as("unmet");
  return db
    .select({ briefId: unmet.briefId, blockerId: unmet.blockerId, status: unmet.status, waitsFor: unmet.waitsFor })
    .from(unmet)
    .where(lte(unmet.place, maxBlockers))
    .orderBy(asc(unmet.briefId), asc(unmet.place));
});

/** How many briefs are asked for at once. */
const setSize = 500;

/** Those of the briefs that wait, in the order of the ids. */
export function* explainWaiting(context: Context, briefIds: readonly string[]): Operation<WaitingBrief[]> {
  const { runId } = context;
  const check = new Check();
  const ids = check.ids("briefIds", briefIds) ?? [];
  check.done();
  return yield* inSnapshot(function* () {
    const found = new Map<string, WaitingBrief>();
    for (let from = 0; from < ids.length; from += setSize) {
      const rows = yield* firstBlockers({ runId, ids: JSON.stringify(ids.slice(from, from + setSize)) });
      for (const { briefId, blockerId, status, waitsFor } of rows) {
        const forFailed = status === null || status === "failed";
        const one = found.get(briefId) ?? { briefId, waitsFor: Number(waitsFor), forFailed, blockers: [] };
        one.blockers.push({ briefId: blockerId, status });
        found.set(briefId, one);
      }
    }
    const waiting = ids.flatMap((id) => found.get(id) ?? []);
    // What comes directly after a failed brief shows that by itself.
    if (waiting.every(({ forFailed }) => forFailed)) return waiting;
    const held = yield* findWaitingForFailed(runId);
    for (const one of waiting) one.forFailed = held.has(one.briefId);
    return waiting;
  });
}

/**
 * The dependencies of pending briefs on briefs that failed or are missing, as `links`. CROSS JOIN, since SQLite would otherwise
 * begin with all dependencies: it took minutes for 100,000. Raw SQL here and below, since the builder has no recursive query.
 */
function failedLinks(lens: Lens, runId: SQL<string>): SQL {
  const { briefs, dependencies } = lens.t;
  const { blockerId, briefId } = dependencies;
  const ofFailed = sql`select ${blockerId} as blocker_id, ${briefId} as brief_id, 'failed' as status
    from ${briefs} cross join ${dependencies}
    where ${briefs.runId} = ${runId} and ${briefs.status} = 'failed'
      and ${dependencies.runId} = ${runId} and ${blockerId} = ${briefs.briefId}`;
  const ofMissing = sql`select ${blockerId} as blocker_id, ${briefId} as brief_id, null as status
    from (select distinct ${blockerId} as id from ${dependencies} where ${dependencies.runId} = ${runId}) as blockers
      cross join ${dependencies}
    where (select 1 from ${briefs} where ${briefs.briefId} = blockers.id and ${lens.ofRun(briefs.runId, runId)}) is null
      and ${dependencies.runId} = ${runId} and ${blockerId} = blockers.id`;
  return sql`(${ofFailed} union all ${ofMissing}) as links`;
}

const isPending = ({ t: { briefs }, ofRun }: Lens, id: SQL, runId: SQL<string>) =>
  sql`(select ${briefs.status} from ${briefs} where ${briefs.briefId} = ${id} and ${ofRun(briefs.runId, runId)}) = 'pending'`;

/** Each brief once, so a cycle that another program made ends. */
function waitingForFailed(lens: Lens, runId: SQL<string>): SQL {
  const { dependencies } = lens.t;
  const { briefId, blockerId } = dependencies;
  const dependents = lens.foundForEach(
    sql`held`,
    briefId,
    { column: blockerId, value: sql`held.brief_id` },
    sql`${dependencies.runId} = ${runId} and ${isPending(lens, sql`${briefId}`, runId)}`,
  );
  return sql`(with recursive held (brief_id) as (
    select links.brief_id from ${failedLinks(lens, runId)} where ${isPending(lens, sql`links.brief_id`, runId)}
    union ${dependents}
  ) select brief_id from held) as waiting_for_failed`;
}

const countHeld = statement<{ runId: string }>()((lens, $) =>
  lens.db.select({ n: count() }).from(waitingForFailed(lens, $.runId)),
);

const listHeld = statement<{ runId: string }>()((lens, $) =>
  lens.db.select({ briefId: sql<string>`brief_id` }).from(waitingForFailed(lens, $.runId)),
);

const listFailedBlockers = statement<{ runId: string }>()((lens, $) =>
  lens.db
    .select({
      briefId: sql<string>`links.blocker_id`,
      status: sql<BriefStatus | null>`links.status`,
      holds: count().as("holds"),
    })
    .from(failedLinks(lens, $.runId))
    .where(isPending(lens, sql`links.brief_id`, $.runId))
    .groupBy(sql`links.blocker_id`, sql`links.status`)
    .orderBy(desc(sql`holds`), asc(sql`links.blocker_id`))
    .limit(atMost(10)),
);

/** The ids of the pending briefs that wait, directly or through others, for a brief that failed or is missing. */
export function* findWaitingForFailed(runId: string): Operation<Set<string>> {
  return new Set((yield* listHeld({ runId })).map(({ briefId }) => briefId));
}

export function* countWaitingForFailed(runId: string): Operation<number> {
  const [counted] = yield* countHeld({ runId });
  return Number(counted?.n ?? 0);
}

/** The ten that hold the most. */
export function* findFailedBlockers(runId: string): Operation<FailedBlocker[]> {
  return (yield* listFailedBlockers({ runId })).map((row) => ({ ...row, holds: Number(row.holds) }));
}
