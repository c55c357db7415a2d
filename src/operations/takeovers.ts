/**
 * Takeovers: claims of briefs whose lease has expired, the longest expired first. A takeover counts a retry and logs `retried`.
 * It needs a transaction, or a statement that selects the row first, since the event names the previous agent, and RETURNING
 * returns new values only.
 */
import { and, asc, eq, isNotNull, lte, type SQL, sql } from "drizzle-orm";
import type { EventKind } from "../../drizzle/vocabulary.ts";
import { maxInteger } from "../input/check.ts";
import { briefColumns, readBrief } from "./briefs.ts";
import {
  isDecodable,
  isUnblocked,
  isUsable,
  jsonColumns,
  likelihood,
  moreCandidates,
  ofTierAndWorkstream,
  runAllowsClaims,
  type Shape,
  spoiltColumn,
  type Wanted,
} from "./claimable.ts";
import { appendEvent, appendEvents, newEntry } from "./entries.ts";
import { type Claim, claimOf, type Lease } from "./held-claims.ts";
import { askedFor, atMost, filtered, literal } from "./index-choice.ts";
import { type Context, family, type Lens, type Operation, statement } from "./operation.ts";
import { isBehind } from "./pages.ts";

export type Taking = Lease & { runId: string; agentId: string };

export const claimed = (
  { t: { briefs }, time, timeIn }: Lens,
  $: { readonly [Name in keyof Taking]: SQL<Taking[Name]> },
) => ({
  status: sql`'active'`,
  attempt: sql`${briefs.attempt} + 1`,
  claimedBy: $.agentId,
  claimedAt: time($.now),
  leaseExpiresAt: timeIn($.leaseMs, $.leaseExpiresAt),
  notBefore: null,
  parked: sql`0`,
  updatedAt: time($.now),
});

type Asking = { readonly [Name in keyof Wanted]: SQL } & { readonly now: SQL<string | null> };

/**
 * Active with an expired lease, by the index `briefs_leased`. A brief without a lease was not claimed here and is not taken over.
 */
export const isExpired = (lens: Lens, $: Asking, shape: Shape) => {
  const { briefs } = lens.t;
  return and(
    lens.ofRunThrough(briefs.runId, "briefs_leased", $.runId),
    lte(briefs.leaseExpiresAt, lens.time($.now)),
    filtered(and(eq(briefs.status, literal("active")), isNotNull(briefs.claimedBy))),
    filtered(askedFor(lens, briefs.role, shape.roles, $.role)),
    ofTierAndWorkstream(lens, $, shape),
    filtered(isUsable(lens)),
  );
};

export const expiredFirst = ({ t: { briefs } }: Lens) => [asc(briefs.leaseExpiresAt), asc(briefs.briefId)] as const;

/** The `likelihood` of the longest expired brief. */
export const firstExpired = (lens: Lens, $: Asking, shape: Shape) =>
  lens.db
    .select({ likelihood: likelihood(lens) })
    .from(lens.through(lens.t.briefs, "briefs_leased"))
    .where(and(isExpired(lens, $, shape), isUnblocked(lens)))
    .orderBy(...expiredFirst(lens))
    .limit(atMost(1));

type Place = { lease: string; briefId: string };
const start: Place = { lease: "", briefId: "" };

const nextExpired = family((shape: Shape) =>
  statement<Wanted & Place & { now: string | null; limit: number }>()((lens, $) => {
    const { briefId, attempt, claimedBy, retryCount, leaseExpiresAt } = lens.t.briefs;
    return lens.skippingLocked(
      lens.db
        .select({ briefId, attempt, claimedBy, retryCount, leaseExpiresAt, ...jsonColumns(lens) })
        .from(lens.through(lens.t.briefs, "briefs_leased"))
        .where(
          and(
            runAllowsClaims(lens, $.runId),
            isExpired(lens, $, shape),
            isUnblocked(lens),
            isBehind(leaseExpiresAt, briefId, { createdAt: $.lease, id: $.briefId }),
            filtered(isDecodable(lens)),
          ),
        )
        .orderBy(...expiredFirst(lens))
        .limit(atMost($.limit)),
    );
  }),
);

/** The next expired brief that can be read. */
function* nextSound(shape: Shape, taking: Wanted & Taking, after: Place) {
  let place = after;
  for (let limit = 1; ; limit = moreCandidates) {
    const candidates = yield* nextExpired(shape)({ ...taking, ...place, limit });
    const sound = candidates.find((row) => !spoiltColumn(row));
    if (sound) return { ...sound, place: placeOf(sound) };
    const last = candidates.at(-1);
    if (!last || candidates.length < limit || last.briefId === place.briefId) return undefined;
    place = placeOf(last);
  }
}

const placeOf = ({ leaseExpiresAt, briefId }: { leaseExpiresAt: string | null; briefId: string }): Place => ({
  lease: leaseExpiresAt ?? "",
  briefId,
});

/** A retry count at its maximum stays there. */
export const retryCounted = ({ t: { briefs } }: Lens) =>
  sql`case when ${briefs.retryCount} < ${sql.raw(String(maxInteger))} then ${briefs.retryCount} + 1 else ${briefs.retryCount} end`;

const takeOver = statement<Taking & { briefId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({ ...claimed(lens, $), retryCount: retryCounted(lens) })
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId), isUnblocked(lens)))
    .returning(briefColumns(lens));
});

const giveUp = statement<{ runId: string; briefId: string; now: string | null }>()(({ db, t: { briefs }, time }, $) =>
  db
    .update(briefs)
    .set({ status: "failed", leaseExpiresAt: null, updatedAt: time($.now) })
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId)))
    .returning({ briefId: briefs.briefId }),
);

/**
 * Whether to call `takeExpired`, which takes a lock, by the `likelihood` of the first expired brief. If that brief must be decoded
 * to know, it is, or every agent would take the lock again and again for an unreadable brief.
 */
export function* mayTakeOver(shape: Shape, taking: Wanted & Taking, seen: number | null): Operation<boolean> {
  if (seen === null || seen > 1) return seen !== null;
  return (yield* nextSound(shape, taking, start)) !== undefined;
}

/** Takes over the longest-expired brief. Briefs before it that are out of retries become failed. */
export function* takeExpired(
  context: Context,
  shape: Shape,
  taking: Wanted & Taking,
  maxRetries: number | undefined,
): Operation<Claim | undefined> {
  const { runId, now } = taking;
  for (let place = start; ; ) {
    const expired = yield* nextSound(shape, taking, place);
    if (!expired) return undefined;
    const { briefId, attempt, claimedBy: previousAgent, retryCount } = expired;
    place = expired.place;
    const exhausted = maxRetries !== undefined && retryCount >= maxRetries;
    const reason = exhausted ? "retries exhausted" : "lease expired";
    const { eventId, detail } = newEntry(context, { reason, previousAgent, attempt });
    // A user's trigger may ignore the update of one brief; the others are still claimed.
    if (exhausted) {
      const [failed] = yield* giveUp({ runId, briefId, now });
      if (failed) yield* appendEvent({ eventId, runId, briefId, kind: "failed", detail, now });
      continue;
    }
    const [row] = yield* takeOver({ ...taking, briefId });
    if (!row) continue;
    yield* appendEvent({ eventId, runId, briefId, kind: "retried", detail, now });
    return claimOf(readBrief(row));
  }
}

const takeSeveralOver = statement<Taking & { ids: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({ ...claimed(lens, $), retryCount: retryCounted(lens) })
    .where(and(lens.ofRun(briefs.runId, $.runId), lens.among(briefs.briefId, $.ids), isUnblocked(lens)))
    .returning(briefColumns(lens));
});

const giveSeveralUp = statement<{ runId: string; ids: string; now: string | null }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({ status: "failed", leaseExpiresAt: null, updatedAt: lens.time($.now) })
    .where(and(lens.ofRun(briefs.runId, $.runId), lens.among(briefs.briefId, $.ids)))
    .returning({ briefId: briefs.briefId });
});

/** Takes over up to `limit` briefs, the longest expired first. Briefs before the last that are out of retries become failed. */
export function* takeSeveralExpired(
  context: Context,
  shape: Shape,
  taking: Wanted & Taking,
  maxRetries: number | undefined,
  limit: number,
): Operation<Claim[]> {
  const { runId, now } = taking;
  const claims: Claim[] = [];
  for (let place = start; claims.length < limit; ) {
    const size = limit - claims.length + moreCandidates;
    const candidates = yield* nextExpired(shape)({ ...taking, ...place, limit: size });
    const exhausted = new Set<string>();
    const chosen = new Set<string>();
    const processed: (typeof candidates)[number][] = [];
    for (const row of candidates) {
      if (chosen.size === limit - claims.length) break;
      place = placeOf(row);
      if (spoiltColumn(row)) continue;
      processed.push(row);
      (maxRetries !== undefined && row.retryCount >= maxRetries ? exhausted : chosen).add(row.briefId);
    }
    // A user's trigger may ignore the update of some briefs; the others are still claimed.
    const failed = yield* changed(exhausted, (ids) => giveSeveralUp({ runId, now, ids }));
    const taken = yield* changed(chosen, (ids) => takeSeveralOver({ ...taking, ids }));
    const entries = processed.flatMap(({ briefId, attempt, claimedBy: previousAgent }) => {
      const isFailed = failed.has(briefId);
      if (!isFailed && !taken.has(briefId)) return [];
      const reason = isFailed ? "retries exhausted" : "lease expired";
      const kind: EventKind = isFailed ? "failed" : "retried";
      return [{ briefId, kind, ...newEntry(context, { reason, previousAgent, attempt }) }];
    });
    yield* appendEvents(runId, now, entries);
    for (const { briefId } of processed) {
      const row = taken.get(briefId);
      if (row) claims.push(claimOf(readBrief(row)));
    }
    if (candidates.length < size) break;
  }
  return claims;
}

/** The rows that a statement has changed, by id. */
function* changed<Row extends { briefId: string }>(
  ids: ReadonlySet<string>,
  change: (ids: string) => Operation<Row[]>,
): Operation<Map<string, Row>> {
  const rows = ids.size > 0 ? yield* change(JSON.stringify([...ids])) : [];
  return new Map(rows.map((row) => [row.briefId, row]));
}
