/**
 * Functions over an open blackboard that only the command uses: reading more narrowly than the package's filters, short forms of
 * ids, and moving a brief only if it still is what an operator selected.
 */
import { type BlackboardOperations, perform } from "./blackboard.ts";
import type { Mode, Result } from "./engine/engine.ts";
import type { PlainObject } from "./input/json.ts";
import { type BriefFilter, type Narrowing, searchBriefOutlines, searchBriefs } from "./operations/brief-lists.ts";
import type { Brief } from "./operations/briefs.ts";
import { type EventRange, type EventWindow, findEventRange } from "./operations/event-windows.ts";
import type { EventFilter } from "./operations/events.ts";
import type { DelayOptions } from "./operations/held-claims.ts";
import type { BriefOutline } from "./operations/outlines.ts";
import { listRunIds } from "./operations/overview.ts";
import type { Page } from "./operations/pages.ts";
import { type MoveName, moveBriefIf, type Selected } from "./operations/selected-moves.ts";
import {
  findComparableIds,
  findCompletions,
  findIdsLike,
  findSharingEnds,
  longestWhole,
  maxCandidates,
  type Named,
  shortestEnd,
} from "./operations/short-ids.ts";

export type { MoveName, Named, Narrowing, Selected };
export { longestWhole, maxCandidates, shortestEnd };

/** Like `listBriefOutlines`, of fewer briefs. */
export function narrowBriefOutlines<M extends Mode>(
  board: BlackboardOperations<M>,
  filter: BriefFilter,
  narrowing: Narrowing,
): Result<M, Page<BriefOutline, string>> {
  return perform("narrowBriefOutlines", board, (context) => searchBriefOutlines(context, filter, narrowing));
}

/** Like `listBriefs`, of fewer briefs. */
export function narrowBriefs<M extends Mode>(
  board: BlackboardOperations<M>,
  filter: BriefFilter,
  narrowing: Narrowing,
): Result<M, Page<Brief, string>> {
  return perform("narrowBriefs", board, (context) => searchBriefs(context, filter, narrowing));
}

/** Returns which events a window selects out of those that match the filter. */
export function rangeOfEvents<M extends Mode>(
  board: BlackboardOperations<M>,
  filter: Omit<EventFilter, "limit">,
  window: EventWindow,
): Result<M, EventRange> {
  return perform("rangeOfEvents", board, (context) => findEventRange(context, filter, window));
}

/** Returns the ids of all runs of the file or database, in order. */
export function runIdsOf<M extends Mode>(board: BlackboardOperations<M>): Result<M, string[]> {
  return perform("runIdsOf", board, () => listRunIds());
}

/** What shows ids in short, and understands what is typed for one: see `operations/short-ids.ts`. */
export function readIds<M extends Mode>(board: BlackboardOperations<M>, named: Named) {
  return {
    sharingEnds: () => perform("readIds", board, (context) => findSharingEnds(context, named)),
    like: (text: string, where: { beginning: boolean; ending: boolean }) =>
      perform("readIds", board, (context) => findIdsLike(context, named, text, where)),
    completions: (text: string) => perform("readIds", board, (context) => findCompletions(context, named, text)),
    comparable: (text: string) => perform("readIds", board, (context) => findComparableIds(context, named, text)),
  };
}

/** Moves a brief, in one commit with reading it, unless it no longer is as selected: then returns `undefined`. */
export function moveSelected<M extends Mode>(
  board: BlackboardOperations<M>,
  briefId: string,
  selected: Selected,
  move: { name: MoveName; detail: PlainObject; options: DelayOptions },
): Result<M, Brief | undefined> {
  return perform("moveSelected", board, (context) => moveBriefIf(context, briefId, selected, move));
}
