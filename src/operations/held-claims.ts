/**
 * Using a claim: checking that it is current, renewing it, releasing it. `claims.ts` acquires claims, `lifecycle.ts` ends them.
 */
import { and, eq, isNotNull, type SQL, sql } from "drizzle-orm";
import { InvalidInputError, LostClaimError, NotFoundError } from "../errors.ts";
import { Check, type Names } from "../input/check.ts";
import { encodeObject, type PlainObject, type StoredObject } from "../input/json.ts";
import { type Brief, briefColumns, getBrief, isReadable, readBrief } from "./briefs.ts";
import { type Context, family, type Lens, type Operation, settle, statement } from "./operation.ts";
import { storedNothing } from "./status.ts";

/** Plain data: it may be sent to another process and used there. */
export interface Claim<B extends Brief<unknown, unknown> = Brief> {
  brief: B;
  /** The brief's role, here too, so that `claim.role` narrows the claim. */
  role: B["role"];
  attempt: number;
  agentId: string;
  leaseExpiresAt: string;
}

export interface LeaseOptions {
  /** 1 to 2^31 - 1 milliseconds, from now. */
  leaseMs: number;
}
export interface RenewOptions extends LeaseOptions {
  /** Replaces the progress that is stored; null clears it; left out, it stays. */
  progress?: StoredObject | null | undefined;
}
export const leaseNames: Names<LeaseOptions> = { leaseMs: true };
const renewNames: Names<RenewOptions> = { leaseMs: true, progress: true };

export interface DelayOptions {
  /** The brief can't be claimed for this long: 0 to 2^31 - 1 milliseconds; 0 when left out. */
  delayMs?: number | undefined;
}
const delayNames: Names<DelayOptions> = { delayMs: true };

/** The fields of a claim that identify it. */
export interface ClaimRef {
  brief: { briefId: string };
  attempt: number;
}

export type Lease = { now: string | null; leaseMs: number; leaseExpiresAt: string | null };

/** The claim of a brief that was just claimed. */
export function claimOf(brief: Brief): Claim {
  const { role, attempt, claimedBy, leaseExpiresAt } = brief;
  // Both were just written, unless a user's trigger cleared them.
  if (claimedBy === null || leaseExpiresAt === null) throw storedNothing("brief", brief.briefId);
  return { brief, role, attempt, agentId: claimedBy, leaseExpiresAt };
}

/** The lease's start and end from one reading of the clock, so that a row's times agree. */
export function leaseFrom(context: Context, leaseMs: number): Lease {
  const now = context.now();
  if (now === null) return { now, leaseMs, leaseExpiresAt: null };
  return { now, leaseMs, leaseExpiresAt: timeAfter(now, leaseMs, "leaseMs") };
}

export type Delay = { now: string | null; delayMs: number; notBefore: string | null };

export function checkDelay(check: Check, options: DelayOptions | undefined): number {
  const { delayMs } = check.object("options", options, delayNames);
  return delayMs === undefined ? 0 : check.integer("delayMs", delayMs);
}

/** The time and the end of the delay from one reading of the clock. */
export function delayFrom(context: Context, delayMs: number): Delay {
  const now = context.now();
  return { now, delayMs, notBefore: now === null ? null : timeAfter(now, delayMs, "delayMs") };
}

/** A brief that is pending again, which may be claimed immediately or after the delay. */
export function unclaimed(lens: Lens, $: { readonly [Name in keyof Delay]: SQL<Delay[Name]> }, delayed: boolean) {
  return {
    claimedBy: null,
    claimedAt: null,
    leaseExpiresAt: null,
    notBefore: delayed ? lens.timeIn($.delayMs, $.notBefore) : null,
    parked: delayed ? sql`1` : sql`0`,
  };
}

/**
 * Returns the time `milliseconds` after `now`, in the stored format.
 * @throws InvalidInputError at `path` for a time after the year 9999, whose text sorts before every other: such a lease would be
 * expired immediately.
 */
function timeAfter(now: string, milliseconds: number, path: string): string {
  const end = new Date(Date.parse(now) + milliseconds).toISOString();
  if (end.length === now.length) return end;
  throw new InvalidInputError([
    { path, message: `must end before the year 10000, and ${now} plus ${milliseconds} ms is ${end}` },
  ]);
}

type Current = { runId: string; briefId: string; attempt: number };

/** True for the claim's brief while the claim is current. */
export const isCurrent = ({ t: { briefs } }: Lens, $: { readonly [Name in keyof Current]: SQL }) =>
  and(
    eq(briefs.runId, $.runId),
    eq(briefs.briefId, $.briefId),
    eq(briefs.status, "active"),
    eq(briefs.attempt, $.attempt),
    isNotNull(briefs.claimedBy),
  );

const renew = family(({ guarded, progress }: { guarded: boolean; progress: boolean }) =>
  statement<Current & Lease & { progress: string | null }>()((lens, $) =>
    lens.db
      .update(lens.t.briefs)
      .set({
        leaseExpiresAt: lens.timeIn($.leaseMs, $.leaseExpiresAt),
        updatedAt: lens.time($.now),
        ...(progress && { progress: $.progress }),
      })
      .where(and(isCurrent(lens, $), guarded ? isReadable(lens) : undefined))
      .returning(briefColumns(lens)),
  ),
);

const release = family(({ guarded, delayed }: { guarded: boolean; delayed: boolean }) =>
  statement<Current & Delay>()((lens, $) =>
    lens.db
      .update(lens.t.briefs)
      .set({ status: "pending", ...unclaimed(lens, $, delayed), updatedAt: lens.time($.now) })
      .where(and(isCurrent(lens, $), guarded ? isReadable(lens) : undefined))
      .returning(briefColumns(lens)),
  ),
);

const claimNames: Names<ClaimRef> = { brief: true, attempt: true };
const briefNames: Names<ClaimRef["brief"]> = { briefId: true };

/** The fields of a claim that identify it. */
export function checkClaim(check: Check, path: string, claim: ClaimRef): { briefId: string; attempt: number } {
  const { brief, attempt } = check.record(path, claim, claimNames);
  const { briefId } = check.record(`${path}.brief`, brief ?? { briefId: "" }, briefNames);
  return { briefId: check.id(`${path}.brief.briefId`, briefId), attempt: check.integer(`${path}.attempt`, attempt) };
}

export function* renewClaim<C extends ClaimRef>(
  context: Context,
  claim: C,
  options: RenewOptions,
): Operation<C & { brief: Brief; leaseExpiresAt: string }> {
  const { runId } = context;
  const check = new Check();
  const ref = checkClaim(check, "claim", claim);
  const asked = check.object("options", options, renewNames);
  const leaseMs = check.integer("leaseMs", asked.leaseMs, 1);
  const progress = asked.progress === undefined ? undefined : checkProgress(check, asked.progress);
  // Read before anything is written, since a caller's getter may throw.
  const given = check.copy("claim", claim);
  check.done();
  const { briefId, attempt } = ref;
  const { now, leaseExpiresAt: end } = leaseFrom(context, leaseMs);
  const renewing = { runId, briefId, attempt, now, leaseMs, leaseExpiresAt: end, progress: progress ?? null };
  return yield* settle(
    (guarded) => renew({ guarded, progress: progress !== undefined })(renewing),
    (row) => {
      const { brief, leaseExpiresAt } = claimOf(readBrief(row));
      return { ...given, brief, leaseExpiresAt };
    },
    function* () {
      throw yield* lostClaim(context, ref);
    },
  );
}

function checkProgress(check: Check, progress: PlainObject | null): string | null {
  return progress === null ? null : encodeObject(check, "progress", progress);
}

export function* releaseClaim(context: Context, claim: ClaimRef, options?: DelayOptions): Operation<Brief> {
  const { runId } = context;
  const check = new Check();
  const ref = checkClaim(check, "claim", claim);
  const delayMs = checkDelay(check, options);
  check.done();
  const delay = delayFrom(context, delayMs);
  return yield* settle(
    (guarded) => release({ guarded, delayed: delayMs > 0 })({ runId, ...ref, ...delay }),
    readBrief,
    function* () {
      throw yield* lostClaim(context, ref);
    },
  );
}

/** Returns the error for a claim that changed nothing. */
function* lostClaim(context: Context, { briefId, attempt }: { briefId: string; attempt: number }): Operation<Error> {
  const stored = yield* getBrief(context, briefId);
  return stored ? notCurrent(stored, attempt) : new NotFoundError("brief", briefId, context.runId);
}

type ClaimState = Pick<Brief, "briefId" | "status" | "attempt" | "claimedBy">;

/** Whether a claim with this attempt is the current one of a stored brief. */
export function isCurrentOf({ status, attempt, claimedBy }: ClaimState, used: number): boolean {
  return status === "active" && attempt === used && claimedBy !== null;
}

export function lostClaimOf({ briefId, status, attempt, claimedBy }: ClaimState, used: number): LostClaimError {
  return new LostClaimError(briefId, used, { status, attempt, claimedBy });
}

/** Returns the error for a stored brief that a claim with the attempt `used` didn't change. */
export function notCurrent(stored: Brief, used: number): Error {
  return isCurrentOf(stored, used) ? storedNothing("brief", stored.briefId) : lostClaimOf(stored, used);
}
