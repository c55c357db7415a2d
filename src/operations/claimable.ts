/**
 * Which briefs can be claimed at all. Files of the Python module may hold briefs with unreadable JSON, an attempt that can't be
 * incremented, or an unusable id. Claims skip them, so they don't block other briefs; `unclaimable.ts` reports them.
 *
 * SQL can't decide everything: `decodeJson` reads Python's NaN, which strict JSON doesn't have. So a statement claims briefs with
 * strict JSON; others are decoded here before they are claimed.
 */
import { and, eq, exists, gte, isNull, lt, lte, not, notInArray, or, type SQL, sql } from "drizzle-orm";
import type { RunStatus } from "../../drizzle/vocabulary.ts";
import { maxInteger } from "../input/check.ts";
import { isReadable } from "./briefs.ts";
import { type Asked, askedFor, filtered, literal, queueIndex } from "./index-choice.ts";
import type { Lens } from "./operation.ts";
import { asText, holdsObject } from "./stored-json.ts";

/** Whether a claim can name the brief: by an id that a caller may pass. */
export const hasUsableId = ({ t: { briefs }, ofItsType }: Lens) =>
  and(ofItsType(briefs.briefId), sql`length(${briefs.briefId}) between 1 and 256`);

export const hasUsableRole = ({ t: { briefs }, ofItsType }: Lens) => ofItsType(briefs.role);

/** Whether a claim can raise the attempt. */
export const canCountUp = ({ t: { briefs }, ofItsType }: Lens) =>
  and(ofItsType(briefs.attempt), gte(briefs.attempt, literal(0)), lt(briefs.attempt, literal(maxInteger)));

/**
 * All of these conditions. As a CASE, which PostgreSQL estimates to match half of the rows: it would estimate the separate
 * conditions to match few, and choose to sort.
 */
export function isUsable(lens: Lens): SQL {
  const all = and(hasUsableId(lens), hasUsableRole(lens), canCountUp(lens));
  return sql`case when ${all} then true else false end`;
}

/** False only for a brief that cannot be read. */
export function isDecodable({ t: { briefs }, decodable }: Lens): SQL {
  const all = and(decodable(briefs.payload), decodable(briefs.result), decodable(briefs.progress));
  return sql`case when ${all} then true else false end`;
}

/**
 * 2 for a brief with readable JSON, or JSON too long to check cheaply; 1 for a brief that must be decoded first.
 */
export function likelihood(lens: Lens): SQL<number> {
  const { briefs } = lens.t;
  const long = or(lens.isLong(briefs.payload), lens.isLong(briefs.result), lens.isLong(briefs.progress));
  return sql<number>`case when ${or(long, isReadable(lens))} then 2 else 1 end`;
}

/** The JSON to decode to know whether a brief can be read: NULL if SQL knows. */
export function jsonColumns(lens: Lens) {
  const { briefs } = lens.t;
  const doubtful = (column: typeof briefs.payload | typeof briefs.result | typeof briefs.progress) =>
    sql<string | null>`case when ${lens.readable(column)} then null else ${asText(column)} end`;
  return { payload: doubtful(briefs.payload), result: doubtful(briefs.result), progress: doubtful(briefs.progress) };
}

/** How many candidates are read in one query after an unreadable first one. The first is read alone, since PostgreSQL locks it. */
export const moreCandidates = 16;

/** The column that can't be read, by a brief's `jsonColumns`. */
export function spoiltColumn(row: { readonly [Column in JsonColumn]: string | null }): JsonColumn | undefined {
  return jsonColumnNames.find((column) => !holdsObject(row[column]));
}
const jsonColumnNames = ["payload", "result", "progress"] as const;
export type JsonColumn = (typeof jsonColumnNames)[number];

/** While a run has one of these statuses, none of its briefs can be claimed. */
const holdingStatuses: readonly RunStatus[] = ["review", "done", "failed"];

/** True for a status of a run that keeps its briefs from being claimed. */
export function holdsClaims(status: RunStatus): boolean {
  return holdingStatuses.includes(status);
}

/** Whether the run's status allows claims. */
export function runAllowsClaims({ db, t: { runs } }: Lens, runId: SQL<string>): SQL {
  return exists(
    db
      .select({ found: sql`1` })
      .from(runs)
      .where(and(eq(runs.runId, runId), allowsClaims(runs.status))),
  );
}

export const allowsClaims = (status: Lens["t"]["runs"]["status"]) =>
  notInArray(status, sql`(${sql.raw(holdingStatuses.map((word) => `'${word}'`).join(", "))})`);

/**
 * Whether the brief is in a workstream that is blocked, whose briefs can't be claimed. `lock` keeps the workstream from changing.
 * Not EXISTS, which PostgreSQL would turn into a join with all workstreams.
 */
export function isBlocked({ db, t: { briefs, workstreams }, skippingLocked }: Lens, lock = false): SQL {
  const status = db
    .select({ status: workstreams.status })
    .from(workstreams)
    .where(
      and(
        eq(workstreams.runId, briefs.runId),
        eq(workstreams.workstreamId, briefs.workstreamId),
        sql`${workstreams.status} = 'blocked'`,
      ),
    );
  return sql`(${lock ? skippingLocked(status) : status}) is not null`;
}

export const isUnblocked = (lens: Lens) => not(isBlocked(lens));

/** Which filters a request has. Its statements differ only in this. */
export interface Shape {
  roles: Asked;
  tier: boolean;
  workstream: boolean;
}
export type Wanted = { runId: string; role: string | null; tier: number | null; workstreamId: string | null };

export const ofTierAndWorkstream = (
  { t: { briefs } }: Lens,
  $: { readonly [Name in "tier" | "workstreamId"]: SQL },
  shape: Shape,
) =>
  filtered(
    and(
      shape.tier ? eq(briefs.tier, $.tier) : undefined,
      shape.workstream ? eq(briefs.workstreamId, $.workstreamId) : undefined,
    ),
  );

/**
 * What can be claimed now, by the index `briefs_ready` or for one role `briefs_ready_by_role`, whose condition must appear in the
 * query's text. `parked` is 0 for a brief without a `notBefore`, and once a claim has found that the time has come.
 */
export const isReady = (
  lens: Lens,
  $: { readonly [Name in keyof Wanted]: SQL } & { now: SQL<string | null> },
  shape: Shape,
) => {
  const { briefs } = lens.t;
  return and(
    lens.ofRunThrough(briefs.runId, queueIndex(shape.roles), $.runId),
    sql`${briefs.status} = 'pending'`,
    sql`${briefs.waitsFor} = 0`,
    sql`${briefs.parked} = 0`,
    askedFor(lens, briefs.role, shape.roles, $.role),
    ofTierAndWorkstream(lens, $, shape),
    filtered(isUsable(lens)),
    filtered(or(isNull(briefs.notBefore), lte(briefs.notBefore, lens.time($.now)))),
  );
};
