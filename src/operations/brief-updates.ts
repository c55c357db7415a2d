/**
 * The low-level updates of a brief, as the reference has them: they move any status to any other and log nothing.
 */
import { and, eq, inArray, lt, type SQL, sql } from "drizzle-orm";
import { type BriefStatus, briefStatuses } from "../../drizzle/vocabulary.ts";
import { InvalidInputError } from "../errors.ts";
import { Check, maxInteger } from "../input/check.ts";
import { encodeObject, type PlainObject } from "../input/json.ts";
import { type Brief, briefColumns, getBrief, readBrief } from "./briefs.ts";
import { type Context, family, type Lens, type Operation, settle, statement } from "./operation.ts";
import { checkFrom, type From, statusNotSet } from "./status.ts";

type Update = { runId: string; briefId: string; now: string | null };

/** The row, if another program has not spoilt it: see `settle`. */
const theBrief = ({ t: { briefs }, readable }: Lens, $: { [Name in "runId" | "briefId"]: SQL }, guarded: boolean) =>
  and(
    eq(briefs.runId, $.runId),
    eq(briefs.briefId, $.briefId),
    guarded ? readable(briefs.payload) : undefined,
    guarded ? readable(briefs.result) : undefined,
  );

const setStatus = family(({ from, guarded }: { from: readonly BriefStatus[] | undefined; guarded: boolean }) =>
  statement<Update & { status: BriefStatus }>()((lens, $) => {
    const { briefs } = lens.t;
    return lens.db
      .update(briefs)
      .set({ status: $.status, updatedAt: lens.time($.now) })
      .where(and(theBrief(lens, $, guarded), from && inArray(briefs.status, [...from])))
      .returning(briefColumns(lens));
  }),
);

const setResult = family((guarded: boolean) =>
  statement<Update & { result: string }>()((lens, $) =>
    lens.db
      .update(lens.t.briefs)
      .set({ result: $.result, status: "done", updatedAt: lens.time($.now) })
      .where(theBrief(lens, $, guarded))
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
    function* (guarded) {
      const rows = yield* setStatus({ from, guarded })({ runId, briefId, status, now });
      return rows.map(readBrief);
    },
    function* () {
      throw statusNotSet("brief", briefId, runId, yield* getBrief(context, briefId), from);
    },
  );
}

export function* updateBriefResult(context: Context, briefId: string, result: PlainObject): Operation<Brief> {
  const { runId } = context;
  const check = new Check();
  check.id("briefId", briefId);
  const text = encodeObject(check, "result", result);
  check.done();
  const now = context.now();
  return yield* settle(
    function* (guarded) {
      const rows = yield* setResult(guarded)({ runId, briefId, result: text, now });
      return rows.map(readBrief);
    },
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
    function* (guarded) {
      const rows = yield* countRetry(guarded)({ runId, briefId, now });
      return rows.map(readBrief);
    },
    function* () {
      const stored = yield* getBrief(context, briefId);
      if (stored && stored.retryCount >= maxInteger) {
        const message = `of brief ${JSON.stringify(briefId)} is ${stored.retryCount} and cannot be raised: the most is ${maxInteger}`;
        throw new InvalidInputError([{ path: "retryCount", message }]);
      }
      throw statusNotSet("brief", briefId, runId, stored, undefined);
    },
  );
}
