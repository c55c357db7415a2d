/**
 * Which briefs a claim can take at all. Files of the Python module may hold briefs that cannot be read, counted up, or named
 * by a claim. A claim skips them, so that they hold up no other brief; `unclaimable.ts` reports them.
 *
 * SQL cannot decide all of it: `decodeJson` reads Python's NaN, which strict JSON does not have. So a statement takes what is
 * strict JSON, and what SQL cannot tell is decoded here before it is taken.
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
 * All of these. As a CASE, of which PostgreSQL supposes that half of the rows fit: it would take the conditions one by one for
 * rare, and prefer to sort.
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
 * 2 for a brief that can be read, or is too long to find that out in a look that costs little; 1 for one that has to be decoded
 * first.
 */
export function likelihood(lens: Lens): SQL<number> {
  const { briefs } = lens.t;
  const long = or(lens.isLong(briefs.payload), lens.isLong(briefs.result));
  return sql<number>`case when ${or(long, isReadable(lens))} then 2 else 1 end`;
}

/** What tells whether a brief can be read. The text only where SQL cannot tell. */
export function jsonColumns(lens: Lens) {
  const { briefs } = lens.t;
  const doubtful = (column: typeof briefs.payload | typeof briefs.result) =>
    sql<string | null>`case when ${lens.readable(column)} then null else ${asText(column)} end`;
  return { payload: doubtful(briefs.payload), result: doubtful(briefs.result) };
}

/** How many candidates are read at once after a first one that cannot be read. The first is read alone: on PostgreSQL it is locked. */
export const moreCandidates = 16;

/** What of a brief cannot be read, by its `jsonColumns`. */
export function spoiltColumn(row: { payload: string | null; result: string | null }): "payload" | "result" | undefined {
  return (["payload", "result"] as const).find((column) => !holdsObject(row[column]));
}

/** Which filters a request has: its statements differ in nothing else. */
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
