/**
 * Functions that take an open blackboard of either engine: the overview and the report of a run, what waits for what, an
 * operator's release, rows without payloads, and reading many rows in groups of bounded size.
 */
import { type Blackboard, type BlackboardOperations, perform } from "./blackboard.ts";
import type { Mode, Result } from "./engine/engine.ts";
import type { StoredObject } from "./input/json.ts";
import {
  type Dependency,
  type DependencyFilter,
  dependencyPage,
  explainWaiting as explain,
  readDependencyPage,
  type WaitingBrief,
} from "./operations/blockers.ts";
import { type BriefFilter, listBriefOutlines as listOutlines } from "./operations/brief-lists.ts";
import { groupBySize, readGroup, setSize } from "./operations/brief-sets.ts";
import type { Brief } from "./operations/briefs.ts";
import { type BlackboardEvent, type EventFilter, readEventPage } from "./operations/events.ts";
import {
  explainFailures as explainFailed,
  type Failure,
  type GroupedFailures,
  groupFailures as group,
} from "./operations/failures.ts";
import type { DelayOptions } from "./operations/held-claims.ts";
import type { BriefOutline } from "./operations/outlines.ts";
import { getRunOverview, type RunOverview } from "./operations/overview.ts";
import type { Page } from "./operations/pages.ts";
import { releaseBrief as release } from "./operations/release-brief.ts";
import { gatherReport } from "./operations/report-data.ts";
import { requireReadable } from "./operations/run-listings.ts";
import { getTreeOutline as getOutline, type TreeOutline } from "./operations/tree.ts";
import { livePolicy, script } from "./report/live.ts";
import { renderReport } from "./report/page.ts";

export { livePolicy };

/**
 * Returns an overview of the run: its summary, the progress of each workstream and role, recent throughput, and its pending
 * briefs by what keeps them from being claimed. Reads one snapshot.
 * @throws NotFoundError before `createRun`; UnreadableRowError if another program stored an invalid run row.
 */
export function summarizeRun<M extends Mode>(board: BlackboardOperations<M>): Result<M, RunOverview> {
  return perform("summarizeRun", board, function* (context) {
    const overview = yield* getRunOverview(context);
    requireReadable(overview);
    return overview;
  });
}

/**
 * Returns a self-contained HTML report of the run: its tree, timeline, durations, failures and charts. The page loads no
 * resources and runs no scripts; stored values are escaped. It is smaller than 5 MB for a run of any size: it aggregates, and
 * states what it omits. Reads one snapshot.
 *
 * ```ts
 * writeFileSync("report.html", reportRun(board));
 * ```
 *
 * @throws NotFoundError before `createRun`; UnreadableRowError if another program stored an invalid run row.
 */
export function reportRun<M extends Mode>(board: Blackboard<M>): Result<M, string> {
  return perform("reportRun", board, function* (context) {
    return renderReport(yield* gatherReport(context), board.location, new Date());
  });
}

/** The report as a page that follows its run, for a server that says at `./events` when to fetch it again. */
export function reportLive<M extends Mode>(board: Blackboard<M>): Result<M, string> {
  return perform("reportLive", board, function* (context) {
    return renderReport(yield* gatherReport(context), board.location, new Date(), { script, policy: livePolicy });
  });
}

/**
 * Releases an active brief regardless of its claim: it becomes pending and its retry count is unchanged. Logs `retried` with
 * `detail` and the previous agent and attempt, in the same commit. For operators: a worker releases its own claim with
 * `releaseClaim`. The previous agent's next use of its claim throws LostClaimError. With `delayMs`, the brief can't be claimed
 * before that time has passed.
 * @throws NotFoundError; TransitionError if the brief is not active.
 */
export function releaseBrief<M extends Mode>(
  board: BlackboardOperations<M>,
  briefId: string,
  detail?: StoredObject,
  options?: DelayOptions,
): Result<M, Brief> {
  return perform("releaseBrief", board, (context) => release(context, briefId, detail, options));
}

/**
 * Like `listBriefs`, without payloads and results. Does not read them, so a page is small regardless of their size.
 * @throws InvalidInputError.
 */
export function listBriefOutlines<M extends Mode>(
  board: BlackboardOperations<M>,
  filter?: BriefFilter,
): Result<M, Page<BriefOutline, string>> {
  return perform("listBriefOutlines", board, (context) => listOutlines(context, filter));
}

/**
 * Like `getBriefTree`, without payloads and results, which it does not read.
 * @throws NotFoundError for an unknown brief; InvalidInputError.
 */
export function getTreeOutline<M extends Mode>(
  board: BlackboardOperations<M>,
  briefId?: string,
): Result<M, TreeOutline> {
  return perform("getTreeOutline", board, (context) => getOutline(context, briefId));
}

/**
 * Returns what each of these briefs waits for: how many briefs, the first of them with their statuses, and whether, directly or
 * through others, for one that failed or is missing. Briefs that don't wait, and unknown ids, are left out. Reads one snapshot.
 *
 * ```ts
 * const { items } = await listBriefOutlines(board, { ready: false });
 * for (const { briefId, blockers } of await explainWaiting(board, items.map(({ briefId }) => briefId))) {
 *   console.log(briefId, "waits for", blockers);
 * }
 * ```
 *
 * @throws InvalidInputError.
 */
export function explainWaiting<M extends Mode>(
  board: BlackboardOperations<M>,
  briefIds: readonly string[],
): Result<M, WaitingBrief[]> {
  return perform("explainWaiting", board, (context) => explain(context, briefIds));
}

/**
 * Returns why each of these briefs failed last: the reason in the event of its newest failure, in the order of the ids. Briefs
 * without such an event, and unknown ids, are left out; a brief that was retried since is not.
 * @throws InvalidInputError.
 */
export function explainFailures<M extends Mode>(
  board: BlackboardOperations<M>,
  briefIds: readonly string[],
): Result<M, Failure[]> {
  return perform("explainFailures", board, (context) => explainFailed(context, briefIds));
}

/**
 * Groups the failed briefs by reason: the `error`, `reason` or `message` of the event's detail, otherwise the whole detail. Reads
 * one snapshot, in pages.
 *
 * ```ts
 * for (const { reason, briefs, newest } of (await groupFailures(board)).groups) console.log(briefs, reason, newest);
 * ```
 */
export function groupFailures<M extends Mode>(board: BlackboardOperations<M>): Result<M, GroupedFailures> {
  return perform("groupFailures", board, (context) => group(context));
}

/**
 * Reads what a brief comes after (`briefId`) or what comes after a brief (`blockerId`), with the statuses of both, in order of
 * id, in groups of at most 500. Each group is read after the previous one was consumed. An unknown brief has no dependencies.
 * @throws InvalidInputError.
 */
export async function* readDependencies<M extends Mode>(
  board: BlackboardOperations<M>,
  filter: DependencyFilter,
): AsyncGenerator<Dependency[], void, void> {
  for (let last: Dependency | undefined; ; ) {
    const group = await perform("readDependencies", board, (context) => readDependencyPage(context, filter, last));
    if (group.length > 0) yield group;
    if (group.length < dependencyPage) return;
    last = group.at(-1);
  }
}

/**
 * Reads the briefs with these ids, in that order, in groups of about 1 MB; a larger brief forms its own group. Each group is
 * read after the previous one was consumed, so it includes changes made meanwhile. Unknown ids are skipped.
 *
 * ```ts
 * for await (const briefs of readBriefs(board, ids)) for (const brief of briefs) console.log(brief.result);
 * ```
 *
 * @throws UnreadableRowError if another program stored an invalid value.
 */
export async function* readBriefs<M extends Mode>(
  board: BlackboardOperations<M>,
  ids: readonly string[],
): AsyncGenerator<Brief[], void, void> {
  const { runId } = board;
  for (let from = 0; from < ids.length; from += setSize) {
    const groups = await perform("readBriefs", board, () => groupBySize(runId, ids.slice(from, from + setSize)));
    for (const group of groups) yield await perform("readBriefs", board, () => readGroup(runId, group));
  }
}

/**
 * Reads all events that match the filter, in the order of `listEvents`, in groups of about 1 MB and at most 500 events; a
 * larger event forms its own group.
 * @throws InvalidInputError; UnreadableRowError if another program stored an invalid value, after the events that precede it.
 */
export async function* readEvents<M extends Mode>(
  board: BlackboardOperations<M>,
  filter: Omit<EventFilter, "limit"> = {},
): AsyncGenerator<BlackboardEvent[], void, void> {
  for (let after = filter.after; ; ) {
    const page = await perform("readEvents", board, (context) => readEventPage(context, { ...filter, after }));
    if (page.items.length > 0) yield page.items;
    if (page.next === null) return;
    after = page.next;
  }
}
