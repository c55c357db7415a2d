/**
 * Claiming a brief.
 *
 * Each claim raises the brief's `attempt`, the fencing token: a claim is current while its brief is active with that attempt
 * and `claimedBy` is set. An expired lease allows others to take the brief over; it doesn't end the claim, so a slow worker
 * that was not replaced is still current. Briefs with an expired lease are claimed first, the longest expired first
 * (`takeovers.ts`); then the ready brief with the highest priority, of these the oldest. Briefs that can't be claimed are skipped
 * (`claimable.ts`); those that wait for a time or for their workstream are parked outside of the queue (`parking.ts`).
 */
import { and, eq, lt, lte, or, sql } from "drizzle-orm";
import { Check, maxInteger, type Names } from "../input/check.ts";
import { checkRoleFilter, type Roles } from "../input/roles.ts";
import { briefColumns, isReadable, readBrief } from "./briefs.ts";
import { look, lookAndClaim } from "./claim-at-once.ts";
import {
  canCountUp,
  isDecodable,
  isReady,
  isUnblocked,
  jsonColumns,
  moreCandidates,
  runAllowsClaims,
  type Shape,
  spoiltColumn,
  type Wanted,
} from "./claimable.ts";
import { type Claim, claimOf, leaseFrom } from "./held-claims.ts";
import { askedBy, atMost, filtered, inTurn, parameterOf, queueIndex } from "./index-choice.ts";
import { atomically, type Context, family, type Operation, statement, together } from "./operation.ts";
import { isBehind } from "./pages.ts";
import { parkBlocked, unparkDue } from "./parking.ts";
import type { RoleName } from "./roles.ts";
import { takeFirstExpired } from "./takeover-at-once.ts";
import { claimed, mayTakeOver, type Taking, takeExpired } from "./takeovers.ts";

export interface ClaimRequest<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> {
  agentId: string;
  /** 1 to 2^31 - 1 milliseconds. The lease expires when the clock reaches `leaseExpiresAt`. */
  leaseMs: number;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | undefined;
  /** From 0. A brief whose lease expires when its `retryCount` has reached this becomes failed instead of being claimed again. */
  maxRetries?: number | undefined;
}
export const requestNames: Names<ClaimRequest> = {
  agentId: true,
  leaseMs: true,
  role: true,
  tier: true,
  workstreamId: true,
  maxRetries: true,
};

/** Chooses and claims in one statement, so no other claim comes between. It commits by itself, so it skips rows that can't be read. */
const takeReady = family((shape: Shape) =>
  statement<Wanted & Taking>()((lens, $) => {
    const { db, t, skippingLocked } = lens;
    const firstReady = db
      .select({ briefId: t.briefs.briefId })
      .from(lens.through(lens.t.briefs, queueIndex(shape.roles)))
      .where(isReady(lens, $, shape))
      .orderBy(...inTurn(t.briefs))
      .limit(atMost(1));
    return db
      .update(t.briefs)
      .set(claimed(lens, $))
      .where(
        and(
          eq(t.briefs.runId, $.runId),
          sql`${t.briefs.briefId} = ${skippingLocked(firstReady)}`,
          runAllowsClaims(lens, $.runId),
          isUnblocked(lens),
          isReadable(lens),
        ),
      )
      .returning(briefColumns(lens));
  }),
);

type Place = { priority: number; createdAt: string; briefId: string };
const start: Place = { priority: maxInteger, createdAt: "", briefId: "" };

const nextReady = family((shape: Shape) =>
  statement<Wanted & Place & { now: string | null; limit: number }>()((lens, $) => {
    const { briefId, createdAt, priority } = lens.t.briefs;
    return lens.skippingLocked(
      lens.db
        .select({ briefId, createdAt, priority, ...jsonColumns(lens) })
        .from(lens.through(lens.t.briefs, queueIndex(shape.roles)))
        .where(
          and(
            isReady(lens, $, shape),
            lte(priority, $.priority),
            or(lt(priority, $.priority), isBehind(createdAt, briefId, { createdAt: $.createdAt, id: $.briefId })),
            isUnblocked(lens),
            filtered(isDecodable(lens)),
          ),
        )
        .orderBy(...inTurn(lens.t.briefs))
        .limit(atMost($.limit)),
    );
  }),
);

const takeThis = statement<Taking & { briefId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set(claimed(lens, $))
    .where(
      and(
        eq(briefs.runId, $.runId),
        eq(briefs.briefId, $.briefId),
        sql`${briefs.status} = 'pending'`,
        sql`${briefs.waitsFor} = 0`,
        runAllowsClaims(lens, $.runId),
        isUnblocked(lens),
        filtered(canCountUp(lens)),
      ),
    )
    .returning(briefColumns(lens));
});

/** A claim's request, checked. */
export interface Claiming {
  shape: Shape;
  taking: Wanted & Taking;
  maxRetries: number | undefined;
}

/** `undefined` for a request that no brief matches. */
export function checkRequest(check: Check, context: Context, asked: Partial<ClaimRequest>): () => Claiming | undefined {
  const { runId } = context;
  const agentId = check.id("agentId", asked.agentId);
  const leaseMs = check.integer("leaseMs", asked.leaseMs, 1);
  const roles = checkRoleFilter(check, context.roles, asked.role);
  const tier = asked.tier === undefined ? null : check.integer("tier", asked.tier);
  const workstreamId = asked.workstreamId === undefined ? null : check.id("workstreamId", asked.workstreamId);
  const maxRetries = asked.maxRetries === undefined ? undefined : check.integer("maxRetries", asked.maxRetries);
  return () => {
    if (roles?.length === 0) return undefined;
    const shape = { roles: askedBy(roles), tier: tier !== null, workstream: workstreamId !== null };
    const { now, leaseExpiresAt } = leaseFrom(context, leaseMs);
    const role = parameterOf(roles);
    return { shape, taking: { runId, role, tier, workstreamId, agentId, now, leaseMs, leaseExpiresAt }, maxRetries };
  };
}

export function* claimBrief(context: Context, request: ClaimRequest): Operation<Claim | undefined> {
  const { runId } = context;
  const check = new Check();
  const claimingOf = checkRequest(check, context, check.object("request", request, requestNames));
  check.done();
  const claiming = claimingOf();
  if (!claiming) return undefined;
  const { shape, taking, maxRetries } = claiming;
  const { now } = taking;

  const { claims, found: first } = yield* lookAndClaim(claiming, 1);
  if (claims[0]) return claims[0];
  for (let found = first, inTransaction = false; ; [found] = yield* look(shape)(taking)) {
    if (!found) return undefined;
    if (yield* mayTakeOver(shape, taking, found.expired)) {
      if (!inTransaction) {
        const taken = yield* takeFirstExpired(context, shape, taking, maxRetries);
        if (typeof taken === "object") return taken;
        // Another agent was faster, or a user's trigger ignores the update.
        inTransaction = true;
        if (taken === "nothing") continue;
      }
      const taken = yield* together(() => takeExpired(context, shape, taking, maxRetries));
      if (taken) return taken;
    }
    // Each of these changes which brief is the first, so look again.
    if (found.due !== null && (yield* unparkDue({ runId, now })).length > 0) continue;
    if (found.ready === 0 && (yield* parkBlocked(shape)(taking)).length > 0) continue;
    if (found.ready === null) return undefined;
    if (found.ready > 1) {
      const [row] = yield* takeReady(shape)(taking);
      if (row) return claimOf(readBrief(row));
    }
    return yield* takeDecoded(shape, taking);
  }
}

/**
 * Claims the first ready brief that can be decoded, for queues whose first brief isn't strict JSON. It takes a lock only for
 * a brief that can: otherwise idle agents would block others where only unreadable briefs are left.
 */
export function* takeDecoded(shape: Shape, taking: Wanted & Taking): Operation<Claim | undefined> {
  let place = start;
  for (let limit = 1; ; limit = moreCandidates) {
    const candidates = yield* nextReady(shape)({ ...taking, ...place, limit });
    for (const { briefId, createdAt: _, priority: __, ...row } of candidates) {
      if (spoiltColumn(row)) continue;
      const claim = yield* atomically(function* () {
        const [taken] = yield* takeThis({ ...taking, briefId });
        return taken && claimOf(readBrief(taken));
      });
      if (claim) return claim;
    }
    const last = candidates.at(-1);
    if (!last || candidates.length < limit || last.briefId === place.briefId) return undefined;
    place = last;
  }
}
