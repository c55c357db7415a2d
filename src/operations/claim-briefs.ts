/**
 * Claiming many briefs in one commit: those that as many single claims would return, in that order.
 */
import { and } from "drizzle-orm";
import { Check, maxEntries, type Names } from "../input/check.ts";
import type { Roles } from "../input/roles.ts";
import { briefColumns, isReadable, readBrief } from "./briefs.ts";
import { look, lookAndClaim } from "./claim-at-once.ts";
import { isReady, isUnblocked, runAllowsClaims, type Shape, type Wanted } from "./claimable.ts";
import { type Claiming, type ClaimRequest, checkRequest, requestNames, takeDecoded } from "./claims.ts";
import { type Claim, claimOf } from "./held-claims.ts";
import { atMost, inTurn, queueIndex } from "./index-choice.ts";
import { atomically, type Context, family, type Operation, statement, together } from "./operation.ts";
import { parkBlocked, unparkDue } from "./parking.ts";
import type { RoleName } from "./roles.ts";
import { claimed, mayTakeOver, type Taking, takeSeveralExpired } from "./takeovers.ts";

export type ClaimsRequest<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> = ClaimRequest<R, K> & {
  /** How many briefs to claim at most, 1 to 1,000. */
  limit: number;
};
const names: Names<ClaimsRequest> = { ...requestNames, limit: true };

/** Chooses and claims the first briefs of the queue in one statement. */
const takeSeveralReady = family((shape: Shape) =>
  statement<Wanted & Taking & { limit: number }>()((lens, $) => {
    const { db, t, ofRun, amongRows, skippingLocked } = lens;
    const first = db
      .select({ briefId: t.briefs.briefId })
      .from(lens.through(lens.t.briefs, queueIndex(shape.roles)))
      .where(isReady(lens, $, shape))
      .orderBy(...inTurn(t.briefs))
      .limit(atMost($.limit));
    const update = db
      .update(t.briefs)
      .set(claimed(lens, $))
      .where(
        and(
          ofRun(t.briefs.runId, $.runId),
          amongRows(t.briefs.briefId, skippingLocked(first)),
          runAllowsClaims(lens, $.runId),
          isUnblocked(lens),
          isReadable(lens),
        ),
      )
      .returning(briefColumns(lens));
    return lens.byKey(t.briefs, update);
  }),
);

export function* claimBriefs(context: Context, request: ClaimsRequest): Operation<Claim[]> {
  const check = new Check();
  const asked = check.object("request", request, names);
  const limit = check.integer("limit", asked.limit, 1, maxEntries);
  const claimingOf = checkRequest(check, context, asked);
  check.done();
  const claiming = claimingOf();
  if (!claiming) return [];
  const { claims, found } = yield* lookAndClaim(claiming, limit);
  if (claims.length > 0) return claims.sort(compareClaims);
  if (!found || (found.expired === null && found.due === null && found.ready === null)) return [];
  if (yield* mayTakeOver(claiming.shape, claiming.taking, found.expired)) {
    return yield* together(function* () {
      const { shape, taking, maxRetries } = claiming;
      const taken = yield* takeSeveralExpired(context, shape, taking, maxRetries, limit);
      return [...taken, ...(yield* claimFromQueue(claiming, limit - taken.length))];
    });
  }
  // Not looked at again in the transaction, unless a time has come: the statement that claims decides by itself.
  const seen = found.due === null ? found : undefined;
  return yield* atomically(() => claimFromQueue(claiming, limit, seen));
}

type Head = { due: number | null; ready: number | null };

function* claimFromQueue({ shape, taking }: Claiming, limit: number, seen?: Head): Operation<Claim[]> {
  const { runId, now } = taking;
  const claims: Claim[] = [];
  for (let head = seen; claims.length < limit; head = undefined) {
    if (!head) [head] = yield* look(shape)(taking);
    if (!head) break;
    // Each of these changes which briefs are the first, so look again.
    if (head.due !== null && (yield* unparkDue({ runId, now })).length > 0) continue;
    if (head.ready === 0 && (yield* parkBlocked(shape)(taking)).length > 0) continue;
    if (head.ready === null) break;
    const rows = head.ready > 1 ? yield* takeSeveralReady(shape)({ ...taking, limit: limit - claims.length }) : [];
    for (const row of rows) claims.push(claimOf(readBrief(row)));
    if (rows.length > 0) continue;
    const claim = yield* takeDecoded(shape, taking);
    if (!claim) break;
    claims.push(claim);
  }
  return claims.sort(compareClaims);
}

/** The order of the queue: RETURNING has none. */
function compareClaims({ brief: one }: Claim, { brief: other }: Claim): number {
  return (
    other.priority - one.priority ||
    compareTexts(one.createdAt, other.createdAt) ||
    compareTexts(one.briefId, other.briefId)
  );
}

/** By code point, as the database compares, which UTF-8 preserves; UTF-16 does not from the surrogates on. */
function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  if (afterSurrogates.test(one) || afterSurrogates.test(other))
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return one < other ? -1 : 1;
}
const afterSurrogates = /[\ud800-\uffff]/;
