/**
 * An operator's release: an active brief becomes pending without its claim.
 *
 * Unlike a worker's own release it logs an event, since the worker doesn't know: `retried` with the previous agent, as for a
 * takeover. Unlike a takeover it counts no retry, since nothing failed.
 */
import { NotFoundError, TransitionError } from "../errors.ts";
import { Check } from "../input/check.ts";
import { encodeObject, type PlainObject } from "../input/json.ts";
import { updateBriefStatus } from "./brief-updates.ts";
import { type Brief, getBrief } from "./briefs.ts";
import { logEvent } from "./events.ts";
import { releaseClaim } from "./held-claims.ts";
import { type Context, type Operation, together } from "./operation.ts";

export function* releaseBrief(context: Context, briefId: string, detail: PlainObject = {}): Operation<Brief> {
  const check = new Check();
  check.id("briefId", briefId);
  encodeObject(check, "detail", detail);
  check.done();
  return yield* together(function* () {
    const held = yield* getBrief(context, briefId);
    if (!held) throw new NotFoundError("brief", briefId, context.runId);
    const { status, attempt, claimedBy: previousAgent } = held;
    if (status !== "active") throw new TransitionError("brief", briefId, status, ["active"]);
    // The reference's active briefs have no claim.
    const released =
      previousAgent === null
        ? yield* updateBriefStatus(context, briefId, "pending", { from: "active" })
        : yield* releaseClaim(context, { brief: { briefId }, attempt });
    yield* logEvent(context, "retried", { briefId, detail: { ...detail, previousAgent, attempt } });
    return released;
  });
}
