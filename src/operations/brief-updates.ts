/**
 * The low-level updates of a brief, as in the reference: they allow any status to follow any and log no event.
 */
import { and, eq, inArray, lt, type SQL, sql } from "drizzle-orm";
import { type BriefStatus, briefStatuses } from "../../drizzle/vocabulary.ts";
import { InvalidInputError } from "../errors.ts";
import { Check, maxInteger } from "../input/check.ts";
import type { PlainObject } from "../input/json.ts";
import { encodeFor } from "../input/roles.ts";
import { quoted } from "../shown.ts";
import { type Brief, briefColumns, getBrief, isReadable, readBrief, roleOf } from "./briefs.ts";
import { lockingDependents } from "./dependencies.ts";
import { type Context, family, type Lens, type Operation, settle, statement } from "./operation.ts";
import { checkFrom, type From, statusNotSet } from "./status.ts";

type Update = { runId: string; briefId: string; now: string | null };

/** The row, if another program has not spoilt it: see `settle`. */
const theBrief = (lens: Lens, $: { [Name in "runId" | "briefId"]: SQL }, guarded: boolean) =>
  and(eq(lens.t.briefs.runId, $.runId), eq(lens.t.briefs.briefId, $.briefId), guarded ? isReadable(lens) : undefined);

/** A pending brief has no claim and waits for no time, a finished one has no lease; a finished one keeps `claimedBy`. */
const endOfClaim = {
  pending: { claimedBy: null, claimedAt: null, leaseExpiresAt: null, notBefore: null, parked: sql`0` },
  active: {},
  done: { leaseExpiresAt: null },
  failed: { leaseExpiresAt: null },
} as const satisfies Record<BriefStatus, object>;

interface Setting {
  status: BriefStatus;
  from: readonly BriefStatus[] | undefined;
  guarded: boolean;
}
const setStatus = family(({ status, from, guarded }: Setting) =>
  statement<Update>()((lens, $) => {
    const { briefs } = lens.t;
    return lens.db
      .update(briefs)
      .set({ status, ...endOfClaim[status], updatedAt: lens.time($.now) })
      .where(and(lockingDependents(lens, $), theBrief(lens, $, guarded), from && inArray(briefs.status, [...from])))
      .returning(briefColumns(lens));
  }),
);

const setResult = family((guarded: boolean) =>
  statement<Update & { result: string }>()((lens, $) =>
    lens.db
      .update(lens.t.briefs)
      .set({ result: $.result, status: "done", ...endOfClaim.done, updatedAt: lens.time($.now) })
      .where(and(lockingDependents(lens, $), theBrief(lens, $, guarded)))
      .returning(briefColumns(lens)),
  ),
);

const countRetry = family((guarded: boolean) =>
  statement<Update>()((lens, $) => {
    const { briefs } = lens.t;
    return lens.db
      .update(briefs)
      .set({ retryCount: sql`${briefs.retryCount} + 1`, updatedAt: lens.time($.now) })
      .where(and(theBrief(lens, $, guarded), lt(briefs.retryCount, maxInteger)))
      .returning(briefColumns(lens));
  }),
);

export function* updateBriefStatus(
  context: Context,
  briefId: string,
  status: BriefStatus,
  options?: From<BriefStatus>,
): Operation<Brief> {
  const { runId } = context;
  const check = new Check();
  check.id("briefId", briefId);
  check.member("status", status, briefStatuses);
  const from = checkFrom(check, options, briefStatuses);
  check.done();
  const now = context.now();
  return yield* settle(
    (guarded) => setStatus({ status, from, guarded })({ runId, briefId, now }),
    readBrief,
    function* () {
      throw statusNotSet("brief", briefId, runId, yield* getBrief(context, briefId), from);
    },
  );
}

export function* updateBriefResult(context: Context, briefId: string, result: PlainObject): Operation<Brief> {
  const { runId } = context;
  const check = new Check();
  check.id("briefId", briefId);
  const role = context.roles && check.refusals === 0 ? yield* roleOf(context, briefId) : undefined;
  const text = encodeFor(check, context.roles, role, "result", result);
  check.done();
  const now = context.now();
  return yield* settle(
    (guarded) => setResult(guarded)({ runId, briefId, result: text, now }),
    readBrief,
    function* () {
      throw statusNotSet("brief", briefId, runId, yield* getBrief(context, briefId), undefined);
    },
  );
}

export function* incrementBriefRetry(context: Context, briefId: string): Operation<Brief> {
  const { runId } = context;
  const check = new Check();
  check.id("briefId", briefId);
  check.done();
  const now = context.now();
  return yield* settle(
    (guarded) => countRetry(guarded)({ runId, briefId, now }),
    readBrief,
    function* () {
      const stored = yield* getBrief(context, briefId);
      if (stored && stored.retryCount >= maxInteger) {
        throw retriesUsedUp(stored);
      }
      throw statusNotSet("brief", briefId, runId, stored, undefined);
    },
  );
}

/** Returns the error for a retry count that is at its maximum. */
export function retriesUsedUp({ briefId, retryCount }: Brief): InvalidInputError {
  const message = `of brief ${quoted(briefId)} is ${retryCount} and cannot be incremented: the maximum is ${maxInteger}`;
  return new InvalidInputError([{ path: "retryCount", message }]);
}
