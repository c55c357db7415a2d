/**
 * Moves by an operator of briefs that were selected by a filter: between the list and the move, a brief may have been claimed,
 * renewed or finished, and must then be left alone.
 */
import type { BriefStatus } from "../../drizzle/vocabulary.ts";
import type { PlainObject } from "../input/json.ts";
import { type Brief, getBrief } from "./briefs.ts";
import type { DelayOptions } from "./held-claims.ts";
import { failBrief, retryBrief } from "./lifecycle.ts";
import { type Context, type Operation, together } from "./operation.ts";
import { releaseBrief } from "./release-brief.ts";

export type MoveName = "retry" | "fail" | "release";

/** What a brief must still be when it is moved. */
export interface Selected {
  statuses: readonly BriefStatus[];
  /** The agent that holds it. */
  agentId: string | undefined;
  /** Its claim has expired. */
  stuck: boolean;
}

export function* moveBriefIf(
  context: Context,
  briefId: string,
  selected: Selected,
  { name, detail, options }: { name: MoveName; detail: PlainObject; options: DelayOptions },
): Operation<Brief | undefined> {
  return yield* together(function* () {
    const brief = yield* getBrief(context, briefId);
    if (!brief || !isAs(brief, selected, context.now())) return undefined;
    if (name === "retry") return yield* retryBrief(context, briefId, detail, options);
    if (name === "fail") return yield* failBrief(context, briefId, detail);
    return yield* releaseBrief(context, briefId, detail, options);
  });
}

function isAs(brief: Brief, { statuses, agentId, stuck }: Selected, now: string | null): boolean {
  const { status, claimedBy, leaseExpiresAt } = brief;
  if (!statuses.includes(status) || (agentId !== undefined && claimedBy !== agentId)) return false;
  if (!stuck) return true;
  return leaseExpiresAt !== null && Date.parse(leaseExpiresAt) <= (now === null ? Date.now() : Date.parse(now));
}
