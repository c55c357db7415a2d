/**
 * Parts of the log by time and from its end, for the command: `listEvents` goes forward, by `seq`.
 */
import { and, asc, desc, gte, lte } from "drizzle-orm";
import type { Timestamp } from "../../drizzle/vocabulary.ts";
import { Check } from "../input/check.ts";
import { checkFilter, type EventFilter, type Filter, filterOf, indexOf, type Listing } from "./events.ts";
import { atMost, filtered } from "./index-choice.ts";
import { type Context, family, inSnapshot, type Operation, statement } from "./operation.ts";

/** Which events of a list the command shows. */
export interface EventWindow {
  /** Only this many of the newest. */
  tail?: number | undefined;
  /** Only events of this time or later, and of this time or earlier. */
  since?: Timestamp | undefined;
  until?: Timestamp | undefined;
}

/**
 * The events of a window are those after `after`, up to and including `last`; `last` is 0 if there are none. Writers' clocks
 * differ, so events of other times may lie between.
 */
export interface EventRange {
  after: number;
  last: number;
}

type Bounded = Filter & { since: boolean; until: boolean; newestFirst: boolean };

/**
 * The event at a position of those of a window, from one of its ends. No index has the times, so all events before it are read:
 * half a second for a million.
 */
const boundOf = family(({ since, until, newestFirst, ...filter }: Bounded) =>
  statement<Listing & { since: string | null; until: string | null; position: number }>()((lens, $) => {
    const { events } = lens.t;
    const { seq, createdAt } = events;
    return lens.db
      .select({ seq })
      .from(lens.through(events, indexOf(filter)))
      .where(
        and(
          filterOf(lens, $, filter),
          since ? filtered(gte(createdAt, $.since)) : undefined,
          until ? filtered(lte(createdAt, $.until)) : undefined,
        ),
      )
      .orderBy(newestFirst ? desc(seq) : asc(seq))
      .limit(atMost(1))
      .offset(atMost($.position));
  }),
);

/** Returns the range of a window in the events that match the filter. */
export function* findEventRange(
  context: Context,
  filter: Omit<EventFilter, "limit">,
  { tail, since, until }: EventWindow,
): Operation<EventRange> {
  const check = new Check();
  const { kinds, ofBrief, ...listing } = checkFilter(check, context, filter);
  check.done();
  const shape = { kinds, ofBrief, since: since !== undefined, until: until !== undefined };
  const asked = { ...listing, since: since ?? null, until: until ?? null };
  return yield* inSnapshot(function* () {
    const end = boundOf({ ...shape, newestFirst: true });
    const [last] = yield* end({ ...asked, position: 0 });
    if (!last || tail === 0) return { after: listing.after, last: 0 };
    let [first] = tail === undefined ? [] : yield* end({ ...asked, position: tail - 1 });
    if (!first) [first] = yield* boundOf({ ...shape, newestFirst: false })({ ...asked, position: 0 });
    return { after: first ? first.seq - 1 : listing.after, last: last.seq };
  });
}
