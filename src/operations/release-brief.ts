/**
 * An operator's release: an active brief becomes pending without its claim.
 *
 * Unlike a worker's own release it logs an event, since the worker doesn't know: `retried` with the previous agent, as for a
 * takeover. Unlike a takeover it counts no retry, since nothing failed.
 */
import { and, eq } from "drizzle-orm";
import { NotFoundError, TransitionError } from "../errors.ts";
import { Check } from "../input/check.ts";
import { encodeObject, type PlainObject } from "../input/json.ts";
import { type Brief, briefColumns, getBrief, readBrief } from "./briefs.ts";
import { logEvent } from "./events.ts";
import { checkDelay, type Delay, type DelayOptions, delayFrom, releaseClaim, unclaimed } from "./held-claims.ts";
import { type Context, family, type Operation, statement, together } from "./operation.ts";
import { storedNothing } from "./status.ts";

/** The reference's active briefs have no claim. */
const releaseUnclaimed = family((delayed: boolean) =>
  statement<{ runId: string; briefId: string } & Delay>()((lens, $) => {
    const { briefs } = lens.t;
    return lens.db
      .update(briefs)
      .set({ status: "pending", ...unclaimed(lens, $, delayed), updatedAt: lens.time($.now) })
      .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId), eq(briefs.status, "active")))
      .returning(briefColumns(lens));
  }),
);

export function* releaseBrief(
  context: Context,
  briefId: string,
  detail: PlainObject = {},
  options?: DelayOptions,
): Operation<Brief> {
  const check = new Check();
  check.id("briefId", briefId);
  encodeObject(check, "detail", detail);
  const delayMs = checkDelay(check, options);
  check.done();
  return yield* together(function* () {
    const held = yield* getBrief(context, briefId);
    if (!held) throw new NotFoundError("brief", briefId, context.runId);
    const { status, attempt, claimedBy: previousAgent } = held;
    if (status !== "active") throw new TransitionError("brief", briefId, status, ["active"]);
    const released =
      previousAgent === null
        ? yield* endActive(context, briefId, delayMs)
        : yield* releaseClaim(context, { brief: { briefId }, attempt }, { delayMs });
    yield* logEvent(context, "retried", { briefId, detail: { ...detail, previousAgent, attempt } });
    return released;
  });
}

function* endActive(context: Context, briefId: string, delayMs: number): Operation<Brief> {
  const delay = delayFrom(context, delayMs);
  const [row] = yield* releaseUnclaimed(delayMs > 0)({ runId: context.runId, briefId, ...delay });
  if (!row) throw storedNothing("brief", briefId);
  return readBrief(row);
}
