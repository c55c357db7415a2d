/**
 * Events: what happened, appended and never changed. Their order is `seq`, which grows in the order of commits; times tie.
 */
import { and, asc, eq, exists, getTableColumns, gt, notExists, sql } from "drizzle-orm";
import type { EventRow } from "../../drizzle/rows.ts";
import { type EventKind, eventKinds, type JsonObject } from "../../drizzle/vocabulary.ts";
import { ConflictError, NotFoundError, UnreadableRowError } from "../errors.ts";
import { Check, type Names } from "../input/check.ts";
import type { StoredObject } from "../input/json.ts";
import { encodeObject } from "../input/json.ts";
import { jsonColumns, mayHaveMore, onFirstPage, pageRows } from "./bounds.ts";
import { getBrief } from "./briefs.ts";
import { type NewRow, newColumns, repeated, takenElsewhere } from "./creation.ts";
import { type NewEvent, newEventFields, seqsUsedUp } from "./entries.ts";
import { among, atMost, filtered, literal, oneOf } from "./index-choice.ts";
import {
  type Context,
  family,
  type Lens,
  type Operation,
  type Placeholders,
  query,
  settle,
  statement,
} from "./operation.ts";
import { checkLimit, type Page, type PageRequest, page } from "./pages.ts";
import { getRun } from "./runs.ts";
import { storedNothing } from "./status.ts";
import { asText, readObject } from "./stored-json.ts";

export type { NewEvent };
/** A new event whose detail is refused by the compiler if it can't be stored. */
export type StorableEvent = NewEvent & { detail?: StoredObject | undefined };

/** An event; `detail` is `{}` if none was passed or the row has NULL. */
export type BlackboardEvent = Omit<EventRow, "detail"> & { detail: JsonObject };

// The kind is a parameter of its own.
const { kind: _, ...newEventNames } = newEventFields;

export interface EventFilter extends PageRequest<number> {
  kinds?: readonly EventKind[] | undefined;
  briefId?: string | undefined;
}
const filterNames: Names<EventFilter> = { kinds: true, briefId: true, after: true, limit: true };

export const eventColumns = ({ t: { events } }: Lens) => ({
  ...getTableColumns(events),
  detail: asText(events.detail),
});

/** Decodes a row in place, since it is not shared. A `seq` that is not exact can't be distinguished from the next one. */
export function readEvent(row: Omit<BlackboardEvent, "detail"> & { detail: string | null }): BlackboardEvent {
  if (!Number.isSafeInteger(row.seq)) {
    throw new UnreadableRowError("event", row.eventId, "seq", String(row.seq), {}, "an integer below 2^53");
  }
  return Object.assign(row, { detail: readObject("event", row.eventId, "detail", row.detail) ?? {} });
}

/**
 * Inserts from the run's row, and only if the event's brief exists. An ignored INSERT takes a `seq`, which is a write, so an
 * id that is there selects no row; ON CONFLICT remains for two that insert it at the same time.
 */
const insertEvent = family((about: "brief" | "run") =>
  statement<NewRow<typeof newEventFields, BlackboardEvent>>()((lens, $) => {
    const { db, t } = lens;
    const brief = db
      .select({ found: sql`1` })
      .from(t.briefs)
      .where(and(eq(t.briefs.runId, $.runId), eq(t.briefs.briefId, $.briefId)));
    const same = db
      .select({ found: sql`1` })
      .from(t.events)
      .where(and(lens.sharesIds(t.events.runId, $.runId), eq(t.events.eventId, $.eventId)));
    return db
      .insert(t.events)
      .select(
        db
          .select(newColumns(lens, t.events, newEventFields, $))
          .from(t.runs)
          .where(
            and(
              eq(t.runs.runId, $.runId),
              lens.hasNextSeq($.runId),
              about === "brief" ? exists(brief) : undefined,
              notExists(same),
            ),
          ),
      )
      .onConflictDoNothing()
      .returning(eventColumns(lens));
  }),
);

const nextSeq = statement<{ runId: string }>()((lens, $) => {
  const { runs } = lens.t;
  return lens.db
    .select({ exists: sql<number | boolean>`${lens.hasNextSeq($.runId)}` })
    .from(runs)
    .where(eq(runs.runId, $.runId));
});

const findEvent = statement<{ runId: string; eventId: string }>()((lens, $) => {
  const { db, t } = lens;
  return db
    .select(eventColumns(lens))
    .from(t.events)
    .where(and(eq(t.events.runId, $.runId), eq(t.events.eventId, $.eventId)));
});

export function* logEvent(context: Context, kind: EventKind, event?: NewEvent): Operation<BlackboardEvent> {
  const { runId } = context;
  const check = new Check();
  const asked = check.object("event", event, newEventNames);
  check.member("kind", kind, eventKinds);
  const briefId = check.nullableId("briefId", asked.briefId);
  const detail = asked.detail === undefined ? "{}" : encodeObject(check, "detail", asked.detail);
  const eventId = check.idOr("eventId", asked.eventId, context.newId);
  check.done();
  const row = { eventId, briefId, detail, kind, runId, now: context.now() };
  return yield* settle(
    () => insertEvent(briefId === null ? "run" : "brief")(row),
    readEvent,
    function* () {
      const [stored] = yield* findEvent({ runId, eventId });
      // The caller passed no id, so `newId` returned one twice, and the stored event is a different one.
      if (stored && asked.eventId === undefined) throw new ConflictError("event", eventId, ["eventId"]);
      if (stored) return repeated("event", eventId, readEvent(stored), newEventFields, row);
      if (!(yield* getRun(context))) throw new NotFoundError("run", runId, runId);
      if (briefId !== null && !(yield* getBrief(context, briefId))) throw new NotFoundError("brief", briefId, runId);
      if (yield* isTaken(eventId)) throw takenElsewhere("event", eventId);
      const [next] = yield* nextSeq({ runId });
      if (next && !next.exists) throw seqsUsedUp();
      throw storedNothing("event", eventId);
    },
  );
}

export type Filter = { kinds: readonly EventKind[] | undefined; ofBrief: boolean };
export type Listing = { runId: string; after: number; briefId: string | null };

export const filterOf = (lens: Lens, $: Placeholders<Listing>, filter: Filter) => {
  const { kinds, ofBrief } = filter;
  const { events } = lens.t;
  const ofKinds = kinds?.map(literal);
  return and(
    lens.ofRunThrough(events.runId, indexOf(filter), $.runId),
    gt(events.seq, $.after),
    ofKinds && (ofBrief ? filtered(among(events.kind, ofKinds)) : oneOf(events.kind, ofKinds)),
    ofBrief ? eq(events.briefId, $.briefId) : undefined,
  );
};

export const indexOf = ({ kinds, ofBrief }: Filter) => {
  if (ofBrief) return "events_by_brief";
  return kinds?.length === 1 ? "events_by_kind" : "key";
};

const listOf = family((filter: Filter) =>
  statement<Listing & { limit: number }>()((lens, $) => {
    const { events } = lens.t;
    return lens.db
      .select(eventColumns(lens))
      .from(lens.through(events, indexOf(filter)))
      .where(filterOf(lens, $, filter))
      .orderBy(asc(events.seq))
      .limit(atMost($.limit));
  }),
);

/** The same in pages that are bounded by bytes. */
const pageOf = family((filter: Filter) =>
  statement<Listing>()((lens, $) => {
    const { events } = lens.t;
    const where = filterOf(lens, $, filter);
    const from = lens.through(events, indexOf(filter));
    const range = { from, key: events.seq, where, bulky: jsonColumns(events) };
    return lens.db
      .select(eventColumns(lens))
      .from(from)
      .where(and(where, onFirstPage(lens, range)))
      .orderBy(asc(events.seq))
      .limit(atMost(pageRows));
  }),
);

export function checkFilter(check: Check, { runId }: Context, asked: Partial<EventFilter>): Filter & Listing {
  const given = check.members("kinds", asked.kinds, eventKinds);
  // In one order, since each is a statement of its own.
  const kinds = given && eventKinds.filter((kind) => given.includes(kind));
  const { briefId, after = 0 } = asked;
  if (briefId !== undefined) check.id("briefId", briefId);
  if (asked.after !== undefined) check.integer("after", after, 0, Number.MAX_SAFE_INTEGER);
  return { kinds, ofBrief: briefId !== undefined, runId, after, briefId: briefId ?? null };
}

export function* listEvents(context: Context, filter?: EventFilter): Operation<Page<BlackboardEvent, number>> {
  const check = new Check();
  const asked = check.object("filter", filter, filterNames);
  const { kinds, ofBrief, ...listing } = checkFilter(check, context, asked);
  const limit = checkLimit(check, asked.limit);
  check.done();
  if (kinds?.length === 0) return { items: [], next: null };
  const rows = yield* listOf({ kinds, ofBrief })({ ...listing, limit: limit + 1 });
  const { items, next } = page(rows, limit, ({ seq }) => seq);
  return { items: items.map(readEvent), next };
}

/**
 * As many of them as one page may hold in memory: see `onFirstPage`. `next` may be followed by an empty page. What comes before
 * a row that cannot be read is a page; the next one, which begins with that row, throws.
 */
export function* readEventPage(
  context: Context,
  filter: Omit<EventFilter, "limit">,
): Operation<Page<BlackboardEvent, number>> {
  const check = new Check();
  const { limit: _, ...names } = filterNames;
  const asked = check.object<Omit<EventFilter, "limit">>("filter", filter, names);
  const { kinds, ofBrief, ...listing } = checkFilter(check, context, asked);
  check.done();
  if (kinds?.length === 0) return { items: [], next: null };
  const rows = yield* pageOf({ kinds, ofBrief })(listing);
  const hasMore = mayHaveMore(rows);
  const items: BlackboardEvent[] = [];
  for (const row of rows) {
    try {
      items.push(readEvent(row));
    } catch (error) {
      const last = items.at(-1);
      if (last === undefined || !(error instanceof UnreadableRowError)) throw error;
      return { items, next: last.seq };
    }
  }
  return { items, next: hasMore ? (items.at(-1)?.seq ?? null) : null };
}

/** Whether any run of the file has an event of this id. */
function* isTaken(eventId: string): Operation<boolean> {
  const rows = yield* query(({ db, t }) =>
    db.select({ runId: t.events.runId }).from(t.events).where(eq(t.events.eventId, eventId)),
  );
  return rows.length > 0;
}
