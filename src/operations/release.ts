/**
 * An operator's release: a brief is taken from whoever holds it, without its claim.
 *
 * A worker that gives its claim back says so to nobody: it knows. Here the worker does not, so an event tells: `retried`, with
 * who was holding it, as for a takeover; unlike that it counts no retry, since nothing went wrong with the brief.
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
    // The reference's active briefs are held by nobody.
    const released =
      previousAgent === null
        ? yield* updateBriefStatus(context, briefId, "pending", { from: "active" })
        : yield* releaseClaim(context, { brief: { briefId }, attempt });
    yield* logEvent(context, "retried", { briefId, detail: { ...detail, previousAgent, attempt } });
    return released;
  });
}
