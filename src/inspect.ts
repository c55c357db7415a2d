/**
 * Functions over an open blackboard of either engine that are not methods of it: how a run is doing, its report, an operator's
 * release, and many rows without holding them all.
 */
import { type Blackboard, type BlackboardOperations, perform } from "./blackboard.ts";
import type { Mode, Result } from "./engine/engine.ts";
import type { PlainObject } from "./input/json.ts";
import { type BriefFilter, listBriefOutlines as listOutlines } from "./operations/brief-lists.ts";
import { groupBySize, readGroup, setSize } from "./operations/brief-sets.ts";
import type { Brief } from "./operations/briefs.ts";
import { type BlackboardEvent, type EventFilter, readEventPage } from "./operations/events.ts";
import type { BriefOutline } from "./operations/outlines.ts";
import { getRunOverview, type RunOverview } from "./operations/overview.ts";
import type { Page } from "./operations/pages.ts";
import { releaseBrief as release } from "./operations/release.ts";
import { gatherReport } from "./operations/report.ts";
import { requireReadable } from "./operations/run-listings.ts";
import { getTreeOutline as getOutline, type TreeOutline } from "./operations/tree.ts";
import { renderReport } from "./report/page.ts";

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

/**
 * As `listBriefs`, without payloads and results, which it doesn't read: a page of them is small, whatever they carry.
 * @throws InvalidInputError.
 */
export function listBriefOutlines<M extends Mode>(
  board: BlackboardOperations<M>,
  filter?: BriefFilter,
): Result<M, Page<BriefOutline, string>> {
  return perform(board, (context) => listOutlines(context, filter));
}

/**
 * As `getBriefTree`, without payloads and results, which it doesn't read.
 * @throws NotFoundError for an unknown brief; InvalidInputError.
 */
export function getTreeOutline<M extends Mode>(
  board: BlackboardOperations<M>,
  briefId?: string,
): Result<M, TreeOutline> {
  return perform(board, (context) => getOutline(context, briefId));
}

/**
 * The briefs of these ids, in that order, a few at a time: together about 1 MB, or a single one. Each group is read when the one
 * before was taken, so what changes meanwhile is seen. Ids of no brief are passed over.
 *
 * ```ts
 * for await (const briefs of readBriefs(board, ids)) for (const brief of briefs) console.log(brief.result);
 * ```
 *
 * @throws UnreadableRowError for a row that another program has spoilt.
 */
export async function* readBriefs<M extends Mode>(
  board: BlackboardOperations<M>,
  ids: readonly string[],
): AsyncGenerator<Brief[], void, void> {
  const { runId } = board;
  for (let from = 0; from < ids.length; from += setSize) {
    const groups = await perform(board, () => groupBySize(runId, ids.slice(from, from + setSize)));
    for (const group of groups) yield await perform(board, () => readGroup(runId, group));
  }
}

/**
 * All events that `listEvents` lists, in its order, a few at a time: together about 1 MB, or a single one; 500 at most.
 * @throws InvalidInputError; UnreadableRowError for a row that another program has spoilt, after all that come before it.
 */
export async function* readEvents<M extends Mode>(
  board: BlackboardOperations<M>,
  filter: Omit<EventFilter, "limit"> = {},
): AsyncGenerator<BlackboardEvent[], void, void> {
  for (let after = filter.after; ; ) {
    const page = await perform(board, (context) => readEventPage(context, { ...filter, after }));
    if (page.items.length > 0) yield page.items;
    if (page.next === null) return;
    after = page.next;
  }
}
