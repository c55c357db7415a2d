/**
 * Taking a brief from its worker, on either engine.
 */
import { type BlackboardOperations, perform } from "../blackboard.ts";
import type { Mode, Result } from "../engines/engine.ts";
import type { PlainObject } from "../input/json.ts";
import type { Brief } from "../operations/briefs.ts";
import { releaseBrief as release } from "../operations/release.ts";

/**
 * Takes an active brief from whoever holds it: pending again, no retry counted. Logs `retried` with `detail` and with the
 * previous agent and attempt, in the same commit. For operators; a worker gives its own claim back with `releaseClaim`, and
 * learns of this one by LostClaimError.
 * @throws NotFoundError; TransitionError for a brief that is not active.
 */
export function releaseBrief<M extends Mode>(
  board: BlackboardOperations<M>,
  briefId: string,
  detail?: PlainObject,
): Result<M, Brief> {
  return perform(board, (context) => release(context, briefId, detail));
}
