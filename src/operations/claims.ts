/**
 * Claiming a brief.
 *
 * Each claim raises the brief's `attempt`, the fencing token: a claim is current while its brief is active with that attempt
 * and `claimedBy` is set. An expired lease allows others to take the brief over; it doesn't end the claim, so a slow worker
 * that was not replaced is still current. Briefs with an expired lease are claimed first, the longest expired first
 * (`takeovers.ts`); then the oldest pending brief. Briefs that can't be claimed are skipped (`claimable.ts`).
 */
import { and, eq, type SQL, sql } from "drizzle-orm";
import { Check, type Names } from "../input/check.ts";
import { checkRoleFilter, type Roles } from "../input/roles.ts";
import { briefColumns, isReadable, readBrief } from "./briefs.ts";
import {
  canCountUp,
  isDecodable,
  isUsable,
  jsonColumns,
  likelihood,
  moreCandidates,
  ofTierAndWorkstream,
  type Shape,
  spoiltColumn,
  type Wanted,
} from "./claimable.ts";
import { type Claim, claimOf, leaseFrom } from "./held-claims.ts";
import { askedBy, askedFor, filtered, longestWaitingFirst, oldestFirst, parameterOf } from "./index-choice.ts";
import { atomically, type Context, family, type Lens, type Operation, statement, together } from "./operation.ts";
import { isBehind } from "./pages.ts";
import type { RoleName } from "./roles.ts";
import { claimed, firstExpired, mayTakeOver, type Taking, takeExpired } from "./takeovers.ts";

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
const requestNames: Names<ClaimRequest> = {
  agentId: true,
  leaseMs: true,
  role: true,
  tier: true,
  workstreamId: true,
  maxRetries: true,
};

/**
 * Uses the index `briefs_by_status`, or for one role `briefs_waiting_by_role`, whose condition must appear in the query's text.
 * Both return the oldest first.
 */
const isPending = (lens: Lens, $: { readonly [Name in keyof Wanted]: SQL }, shape: Shape) => {
  const { briefs } = lens.t;
  return and(
    eq(briefs.runId, $.runId),
    sql`${briefs.status} = 'pending'`,
    askedFor(lens, briefs.role, shape.roles, $.role),
    ofTierAndWorkstream(lens, $, shape),
    filtered(isUsable(lens)),
  );
};

const inTurn = ({ t: { briefs } }: Lens, shape: Shape) =>
  (shape.roles === "one" ? longestWaitingFirst : oldestFirst)(briefs.createdAt, briefs.briefId);

/**
 * Reads the `likelihood` of the first expired and the first pending brief. It takes no lock, so idle agents don't block others.
 * An ordered LIMIT 1 instead of EXISTS: PostgreSQL estimates that EXISTS over expired rows matches a third of the table, expects
 * to find one early, and scans the whole table if there is none.
 */
const look = family((shape: Shape) =>
  statement<Wanted & { now: string | null }>()((lens, $) => {
    const { runs, briefs } = lens.t;
    const oldestPending = lens.db
      .select({ likelihood: likelihood(lens) })
      .from(briefs)
      .where(isPending(lens, $, shape))
      .orderBy(...inTurn(lens, shape))
      .limit(1);
    return lens.db
      .select({
        expired: sql<number | null>`${firstExpired(lens, $, shape)}`,
        pending: sql<number | null>`${oldestPending}`,
      })
      .from(runs)
      .where(eq(runs.runId, $.runId));
  }),
);

/** Chooses and claims in one statement, so no other claim comes between. It commits by itself, so it skips rows that can't be read. */
const takePending = family((shape: Shape) =>
  statement<Wanted & Taking>()((lens, $) => {
    const { db, t, skippingLocked } = lens;
    const oldestPending = db
      .select({ briefId: t.briefs.briefId })
      .from(t.briefs)
      .where(isPending(lens, $, shape))
      .orderBy(...inTurn(lens, shape))
      .limit(1);
    return db
      .update(t.briefs)
      .set(claimed(lens, $))
      .where(
        and(eq(t.briefs.runId, $.runId), sql`${t.briefs.briefId} = ${skippingLocked(oldestPending)}`, isReadable(lens)),
      )
      .returning(briefColumns(lens));
  }),
);

type Place = { createdAt: string; briefId: string };

const nextPending = family((shape: Shape) =>
  statement<Wanted & Place & { limit: number }>()((lens, $) => {
    const { briefId, createdAt } = lens.t.briefs;
    return lens.skippingLocked(
      lens.db
        .select({ briefId, createdAt, ...jsonColumns(lens) })
        .from(lens.t.briefs)
        .where(
          and(
            isPending(lens, $, shape),
            isBehind(createdAt, briefId, { createdAt: $.createdAt, id: $.briefId }),
            filtered(isDecodable(lens)),
          ),
        )
        .orderBy(...inTurn(lens, shape))
        .limit(sql.placeholder("limit")),
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
        filtered(canCountUp(lens)),
      ),
    )
    .returning(briefColumns(lens));
});

export function* claimBrief(context: Context, request: ClaimRequest): Operation<Claim | undefined> {
  const { runId } = context;
  const check = new Check();
  const asked = check.object("request", request, requestNames);
  const agentId = check.id("agentId", asked.agentId);
  const leaseMs = check.integer("leaseMs", asked.leaseMs, 1);
  const roles = checkRoleFilter(check, context.roles, asked.role);
  const tier = asked.tier === undefined ? null : check.integer("tier", asked.tier);
  const workstreamId = asked.workstreamId === undefined ? null : check.id("workstreamId", asked.workstreamId);
  const maxRetries = asked.maxRetries === undefined ? undefined : check.integer("maxRetries", asked.maxRetries);
  check.done();
  if (roles?.length === 0) return undefined;
  const shape = { roles: askedBy(roles), tier: tier !== null, workstream: workstreamId !== null };
  const { now, leaseExpiresAt } = leaseFrom(context, leaseMs);
  const role = parameterOf(roles);
  const taking = { runId, role, tier, workstreamId, agentId, now, leaseMs, leaseExpiresAt };

  const [found] = yield* look(shape)(taking);
  if (!found) return undefined;
  if (yield* mayTakeOver(shape, taking, found.expired)) {
    const taken = yield* together(() => takeExpired(context, shape, taking, maxRetries));
    if (taken) return taken;
  }
  if (found.pending === null) return undefined;
  if (found.pending > 1) {
    const [row] = yield* takePending(shape)(taking);
    if (row) return claimOf(readBrief(row));
  }
  return yield* takeDecoded(shape, taking);
}

/**
 * Claims the first pending brief that can be decoded, for queues whose first brief isn't strict JSON. It takes a lock only for
 * a brief that can: otherwise idle agents would block others where only unreadable briefs are left.
 */
function* takeDecoded(shape: Shape, taking: Wanted & Taking): Operation<Claim | undefined> {
  let place: Place = { createdAt: "", briefId: "" };
  for (let limit = 1; ; limit = moreCandidates) {
    const candidates = yield* nextPending(shape)({ ...taking, ...place, limit });
    for (const { briefId, ...row } of candidates) {
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
