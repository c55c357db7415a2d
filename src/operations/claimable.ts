/**
 * Which briefs can be claimed at all. Files of the Python module may hold briefs with unreadable JSON, an attempt that can't be
 * incremented, or an unusable id. Claims skip them, so they don't block other briefs; `unclaimable.ts` reports them.
 *
 * SQL can't decide everything: `decodeJson` reads Python's NaN, which strict JSON doesn't have. So a statement claims briefs with
 * strict JSON; others are decoded here before they are claimed.
 */
import { and, eq, gte, lt, or, type SQL, sql } from "drizzle-orm";
import { maxInteger } from "../input/check.ts";
import { isReadable } from "./briefs.ts";
import { type Asked, filtered } from "./index-choice.ts";
import type { Lens } from "./operation.ts";
import { asText, holdsObject } from "./stored-json.ts";

/** Whether a claim can name the brief: by an id that a caller may pass. */
export const hasUsableId = ({ t: { briefs }, ofItsType }: Lens) =>
  and(ofItsType(briefs.briefId), sql`length(${briefs.briefId}) between 1 and 256`);

export const hasUsableRole = ({ t: { briefs }, ofItsType }: Lens) => ofItsType(briefs.role);

/** Whether a claim can raise the attempt. */
export const canCountUp = ({ t: { briefs }, ofItsType }: Lens) =>
  and(ofItsType(briefs.attempt), gte(briefs.attempt, 0), lt(briefs.attempt, maxInteger));

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
  return sql`case when ${and(decodable(briefs.payload), decodable(briefs.result))} then true else false end`;
}

/**
 * 2 for a brief with readable JSON, or JSON too long to check cheaply; 1 for a brief that must be decoded first.
 */
export function likelihood(lens: Lens): SQL<number> {
  const { briefs } = lens.t;
  const long = or(lens.isLong(briefs.payload), lens.isLong(briefs.result));
  return sql<number>`case when ${or(long, isReadable(lens))} then 2 else 1 end`;
}

/** The JSON to decode to know whether a brief can be read: NULL if SQL knows. */
export function jsonColumns(lens: Lens) {
  const { briefs } = lens.t;
  const doubtful = (column: typeof briefs.payload | typeof briefs.result) =>
    sql<string | null>`case when ${lens.readable(column)} then null else ${asText(column)} end`;
  return { payload: doubtful(briefs.payload), result: doubtful(briefs.result) };
}

/** How many candidates are read in one query after an unreadable first one. The first is read alone, since PostgreSQL locks it. */
export const moreCandidates = 16;

/** The column that can't be read, by a brief's `jsonColumns`. */
export function spoiltColumn(row: { payload: string | null; result: string | null }): "payload" | "result" | undefined {
  return (["payload", "result"] as const).find((column) => !holdsObject(row[column]));
}

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
