/**
 * Claims: who works on a brief, and until when.
 *
 * Each claim raises the brief's `attempt`, the fencing token: a claim is current while its brief is active with that attempt
 * and somebody holds it. The lease says when others may take the brief over, not when the claim ends: a slow worker whom
 * nobody replaced is still current. Expired leases are handed out first, the longest expired first; then the oldest pending
 * brief. A takeover is a retry, with the event that says so.
 */
import { and, asc, eq, gte, isNotNull, lt, lte, type SQL, sql } from "drizzle-orm";
import { InvalidInputError } from "../errors.ts";
import { Check, maxInteger, type Names } from "../input/check.ts";
import { checkRoleFilter, type Roles } from "../input/roles.ts";
import { quoted } from "../shown.ts";
import { briefColumns, isReadable, readBrief } from "./briefs.ts";
import { appendEvent, newEntry } from "./entries.ts";
import { type Claim, claimOf, type Lease, leaseFrom } from "./held-claims.ts";
import { among, filtered, longestWaitingFirst, numbered, oldestFirst } from "./index-choice.ts";
import { type Context, family, type Lens, type Operation, settle, statement, together } from "./operation.ts";
import type { RoleName } from "./roles.ts";
import { storedNothing } from "./status.ts";

export interface ClaimRequest<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> {
  agentId: string;
  /** 1 to 2^31 - 1 milliseconds. The lease is over when the clock reaches `leaseExpiresAt`. */
  leaseMs: number;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | undefined;
  /** From 0. A brief whose lease runs out when its `retryCount` has reached this is failed instead of handed out again. */
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

/** Which filters a request has: its statements differ in nothing else. */
interface Shape {
  roles: number | undefined;
  tier: boolean;
  workstream: boolean;
}
const nameOf = ({ roles, tier, workstream }: Shape) => `${roles} ${tier} ${workstream}`;
type Wanted = { runId: string; tier: number | null; workstreamId: string | null; [role: `role${number}`]: string };
type Taking = Lease & { runId: string; agentId: string };

const ofRoles = ({ t: { briefs } }: Lens, $: { readonly [Name in keyof Wanted]: SQL }, count: number) => {
  return among(briefs.role, numbered($, "role", count));
};

const ofTierAndWorkstream = ({ t: { briefs } }: Lens, $: { readonly [Name in keyof Wanted]: SQL }, shape: Shape) =>
  filtered(
    and(
      shape.tier ? eq(briefs.tier, $.tier) : undefined,
      shape.workstream ? eq(briefs.workstreamId, $.workstreamId) : undefined,
    ),
  );

/**
 * Through `briefs_by_status`, or for one role through `briefs_waiting_by_role`, which needs the status to stand in the text:
 * either gives the oldest first.
 */
const isPending = (lens: Lens, $: { readonly [Name in keyof Wanted]: SQL }, shape: Shape) => {
  const { briefs } = lens.t;
  const roles = shape.roles === undefined ? undefined : ofRoles(lens, $, shape.roles);
  return and(
    eq(briefs.runId, $.runId),
    sql`${briefs.status} = 'pending'`,
    shape.roles === 1 ? roles : filtered(roles),
    ofTierAndWorkstream(lens, $, shape),
  );
};

/**
 * Active with a lease that is over, through `briefs_leased`. One without a lease was not claimed here, and is nobody's to
 * take.
 */
const isExpired = (
  lens: Lens,
  $: { readonly [Name in keyof Wanted]: SQL } & { readonly now: SQL<string | null> },
  shape: Shape,
) => {
  const { briefs } = lens.t;
  return and(
    eq(briefs.runId, $.runId),
    lte(briefs.leaseExpiresAt, lens.time($.now)),
    filtered(and(eq(briefs.status, "active"), isNotNull(briefs.claimedBy))),
    shape.roles === undefined ? undefined : filtered(ofRoles(lens, $, shape.roles)),
    ofTierAndWorkstream(lens, $, shape),
  );
};

const expiredFirst = ({ t: { briefs } }: Lens) => [asc(briefs.leaseExpiresAt), asc(briefs.briefId)] as const;

const oldestPending = (lens: Lens, $: { readonly [Name in keyof Wanted]: SQL }, shape: Shape) => {
  const { createdAt, briefId } = lens.t.briefs;
  return lens.db
    .select({ briefId })
    .from(lens.t.briefs)
    .where(isPending(lens, $, shape))
    .orderBy(...(shape.roles === 1 ? longestWaitingFirst : oldestFirst)(createdAt, briefId))
    .limit(1);
};

/**
 * Whether there is anything to claim: it takes no lock, so that idle agents stand in nobody's way. Each asked for in its order,
 * like what is taken then: of EXISTS, PostgreSQL thinks that a third of all rows are expired, so that the first will be
 * found soon wherever it looks, and reads them all where none is.
 */
const look = family(
  (shape: Shape) =>
    statement<Wanted & { now: string | null }>()((lens, $) => {
      const { runs, briefs } = lens.t;
      const { briefId } = briefs;
      const expired = lens.db
        .select({ briefId })
        .from(briefs)
        .where(isExpired(lens, $, shape))
        .orderBy(...expiredFirst(lens))
        .limit(1);
      return lens.db
        .select({
          expired: sql<number | boolean>`${expired} is not null`,
          pending: sql<number | boolean>`${oldestPending(lens, $, shape)} is not null`,
        })
        .from(runs)
        .where(eq(runs.runId, $.runId));
    }),
  nameOf,
);

const claimed = ({ t: { briefs }, time, timeIn }: Lens, $: { readonly [Name in keyof Taking]: SQL<Taking[Name]> }) => ({
  status: sql`'active'`,
  attempt: sql`${briefs.attempt} + 1`,
  claimedBy: $.agentId,
  leaseExpiresAt: timeIn($.leaseMs, $.leaseExpiresAt),
  updatedAt: time($.now),
});

/** One statement chooses and takes: nobody can come between. */
const takePending = (guarded: boolean) =>
  family(
    (shape: Shape) =>
      statement<Wanted & Taking>()((lens, $) => {
        const { db, t, skippingLocked } = lens;
        return db
          .update(t.briefs)
          .set(claimed(lens, $))
          .where(
            and(
              eq(t.briefs.runId, $.runId),
              sql`${t.briefs.briefId} = ${skippingLocked(oldestPending(lens, $, shape))}`,
              lt(t.briefs.attempt, maxInteger),
              guarded ? isReadable(lens) : undefined,
            ),
          )
          .returning(briefColumns(lens));
      }),
    nameOf,
  );
const takeGuarded = takePending(true);
const takeUnguarded = takePending(false);

const findUsedUp = family(
  (shape: Shape) =>
    statement<Wanted>()((lens, $) => {
      const { briefs } = lens.t;
      return lens.db
        .select({ briefId: briefs.briefId, attempt: briefs.attempt })
        .from(briefs)
        .where(and(isPending(lens, $, shape), gte(briefs.attempt, maxInteger)))
        .limit(1);
    }),
  nameOf,
);

const findExpired = family(
  (shape: Shape) =>
    statement<Wanted & { now: string | null }>()((lens, $) => {
      const { briefs } = lens.t;
      const longestExpired = lens.db
        .select({
          briefId: briefs.briefId,
          attempt: briefs.attempt,
          claimedBy: briefs.claimedBy,
          retryCount: briefs.retryCount,
        })
        .from(briefs)
        .where(isExpired(lens, $, shape))
        .orderBy(...expiredFirst(lens))
        .limit(1);
      return lens.skippingLocked(longestExpired);
    }),
  nameOf,
);

/** A retry count at its maximum stays there. */
const takeOver = statement<Taking & { briefId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({
      ...claimed(lens, $),
      retryCount: sql`case when ${briefs.retryCount} < ${sql.raw(String(maxInteger))} then ${briefs.retryCount} + 1 else ${briefs.retryCount} end`,
    })
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId), lt(briefs.attempt, maxInteger)))
    .returning(briefColumns(lens));
});

const giveUp = statement<{ runId: string; briefId: string; now: string | null }>()(({ db, t: { briefs }, time }, $) =>
  db
    .update(briefs)
    .set({ status: "failed", leaseExpiresAt: null, updatedAt: time($.now) })
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId)))
    .returning({ briefId: briefs.briefId }),
);

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
  const shape = { roles: roles?.length, tier: tier !== null, workstream: workstreamId !== null };
  const { now, leaseExpiresAt } = leaseFrom(context, leaseMs);
  const taking: Wanted & Taking = { runId, tier, workstreamId, agentId, now, leaseMs, leaseExpiresAt };
  for (const [n, role] of (roles ?? []).entries()) taking[`role${n}`] = role;

  const [found] = yield* look(shape)(taking);
  if (!found) return undefined;
  if (found.expired) {
    const taken = yield* together(() => takeExpired(context, shape, taking, maxRetries));
    if (taken) return taken;
  }
  if (!found.pending) return undefined;
  return yield* settle(
    (guarded) => (guarded ? takeGuarded : takeUnguarded)(shape)(taking),
    (row) => claimOf(readBrief(row)),
    function* () {
      // Others were faster, unless the next one cannot be counted up.
      const [usedUp] = yield* findUsedUp(shape)(taking);
      if (usedUp) throw attemptsUsedUp(usedUp.briefId, usedUp.attempt);
      return undefined;
    },
  );
}

/** Takes the longest expired brief over. Those met before it that have no retry left are failed. */
function* takeExpired(
  context: Context,
  shape: Shape,
  taking: Wanted & Taking,
  maxRetries: number | undefined,
): Operation<Claim | undefined> {
  const { runId, now } = taking;
  for (;;) {
    const [expired] = yield* findExpired(shape)(taking);
    if (!expired) return undefined;
    const { briefId, attempt, claimedBy: previousAgent, retryCount } = expired;
    const exhausted = maxRetries !== undefined && retryCount >= maxRetries;
    const reason = exhausted ? "retries exhausted" : "lease expired";
    const { eventId, detail } = newEntry(context, { reason, previousAgent, attempt });
    if (exhausted) {
      const [failed] = yield* giveUp({ runId, briefId, now });
      if (!failed) throw storedNothing("brief", briefId);
      yield* appendEvent({ eventId, runId, briefId, kind: "failed", detail, now });
      continue;
    }
    const [row] = yield* takeOver({ ...taking, briefId });
    if (!row && attempt >= maxInteger) throw attemptsUsedUp(briefId, attempt);
    if (!row) throw storedNothing("brief", briefId);
    yield* appendEvent({ eventId, runId, briefId, kind: "retried", detail, now });
    return claimOf(readBrief(row));
  }
}

function attemptsUsedUp(briefId: string, attempt: number): InvalidInputError {
  const message = `of brief ${quoted(briefId)} is ${attempt} and cannot be raised: the most is ${maxInteger}`;
  return new InvalidInputError([{ path: "attempt", message }]);
}
