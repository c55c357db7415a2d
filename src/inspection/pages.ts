/**
 * Many rows of a run, on either engine, without holding them all: what a process has in memory at a time is about 1 MB of them,
 * or a single row.
 */
import { type BlackboardOperations, perform } from "../blackboard.ts";
import type { Mode, Result } from "../engines/engine.ts";
import { type BriefFilter, listBriefOutlines as listOutlines } from "../operations/brief-lists.ts";
import { groupBySize, readGroup, setSize } from "../operations/brief-sets.ts";
import type { Brief } from "../operations/briefs.ts";
import { type BlackboardEvent, type EventFilter, readEventPage } from "../operations/events.ts";
import type { BriefOutline } from "../operations/outlines.ts";
import type { Page } from "../operations/pages.ts";
import { getTreeOutline as getOutline, type TreeOutline } from "../operations/tree.ts";

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
