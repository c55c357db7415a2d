/**
 * How a run is doing, in one call, on either engine.
 */
import { type BlackboardOperations, perform } from "../blackboard.ts";
import type { Mode, Result } from "../engines/engine.ts";
import { getRunOverview, type RunOverview } from "../operations/overview.ts";
import { requireReadable } from "../operations/run-listings.ts";

/**
 * How a run is doing: its summary, how far each workstream and each role is, what happened lately, which brief has waited
 * longest. One snapshot. Reads only.
 * @throws NotFoundError without `createRun`; UnreadableRowError for a run whose row another program has spoilt.
 */
export function summarizeRun<M extends Mode>(board: BlackboardOperations<M>): Result<M, RunOverview> {
  return perform(board, function* (context) {
    const overview = yield* getRunOverview(context);
    requireReadable(overview);
    return overview;
  });
}
