/**
 * The report of a run, on either engine.
 */
import { type Blackboard, perform } from "../blackboard.ts";
import type { Mode, Result } from "../engines/engine.ts";
import { gatherReport } from "../operations/report.ts";
import { renderReport } from "../report/page.ts";

/**
 * One HTML page about the run, to be kept as a file: its tree, timeline, durations, failures and charts. It loads nothing and
 * runs no script; whatever stands in the rows is text in it. It aggregates, stays below 5 MB whatever the size of the run,
 * and says what it leaves out. One snapshot. Reads only.
 *
 * ```ts
 * writeFileSync("report.html", reportRun(board));
 * ```
 *
 * @throws NotFoundError without `createRun`; UnreadableRowError for a run whose row another program has spoilt.
 */
export function reportRun<M extends Mode>(board: Blackboard<M>): Result<M, string> {
  return perform(board, function* (context) {
    return renderReport(yield* gatherReport(context), board.location, new Date());
  });
}
