/**
 * Events that log a change of this package, in the same transaction as the change, so that rows and log always agree.
 */
import { and, eq, type SQL, sql } from "drizzle-orm";
import type { EventRow } from "../../drizzle/rows.ts";
import type { EventKind, JsonObject } from "../../drizzle/vocabulary.ts";
import { ConflictError, DatabaseError } from "../errors.ts";
import type { Check } from "../input/check.ts";
import { encodeObject, type PlainObject } from "../input/json.ts";
import { type CreatorFields, type NewRow, newColumns } from "./creation.ts";
import { listed, listsOf } from "./lists.ts";
import {
  type Context,
  type Entries,
  type EntryTypes,
  type EventNumbers,
  type Lens,
  type Operation,
  statement,
} from "./operation.ts";

export interface NewEvent {
  /** A UUIDv7 when left out. Again with the same id and data: the stored event. */
  eventId?: string | undefined;
  briefId?: string | null | undefined;
  detail?: PlainObject | undefined;
}
/** What `logEvent` passes of a new event. */
export const newEventFields = {
  eventId: "id",
  kind: "compared",
  briefId: "compared",
  detail: "compared as JSON",
} as const satisfies CreatorFields<NewEvent & { kind: EventKind }>;

/** The same fields for the event of a change, which is about a brief: each caller of `appendEvent` must decide every one. */
type Entry = NewRow<typeof newEventFields, EventRow> & { briefId: string };

const insertEntry = statement<Entry>()(({ db, t: { events }, time }, $) => {
  // A field that is missing here doesn't compile.
  const passed: { [Name in keyof typeof newEventFields]: SQL } = {
    eventId: $.eventId,
    briefId: $.briefId,
    kind: $.kind,
    detail: $.detail,
  };
  return db
    .insert(events)
    .values({ ...passed, runId: $.runId, createdAt: time($.now) })
    .onConflictDoNothing()
    .returning({ seq: events.seq });
});

/** Checks the detail that a caller passes for the event of a change. */
export function checkNewEntry(check: Check, context: Context, detail: PlainObject | undefined) {
  return { eventId: check.id("newId()", context.newId()), detail: checkDetail(check, detail) };
}

export function checkDetail(check: Check, detail: PlainObject | undefined): string {
  return detail === undefined ? "{}" : encodeObject(check, "detail", detail);
}

/** Creates the event of a change whose detail this package writes. */
export function newEntry(context: Context, detail: JsonObject) {
  return { eventId: context.newId(), detail: JSON.stringify(detail) };
}

/** Appends the event of a brief that this transaction has changed. */
export function* appendEvent(entry: Entry): Operation<void> {
  const [row] = yield* insertEntry(entry);
  // Only `newId` can cause this, by returning an id twice.
  if (!row) throw new ConflictError("event", entry.eventId, ["eventId"]);
  if (!Number.isSafeInteger(row.seq)) throw seqsUsedUp();
}

/** What differs between the events of one list: every field. */
type ListedEntry = Omit<Entry, "runId" | "now">;
/** A field that is missing here doesn't compile. */
const listedFields = { eventId: "text", briefId: "text", kind: "text", detail: "json" } as const satisfies Record<
  keyof typeof newEventFields,
  "text" | "json"
>;

/** Inserts the event of each entry of a list, with these values of the entry. */
export function insertEvents(
  lens: Lens,
  $: { readonly runId: SQL<string>; readonly now: SQL<string | null> },
  { from, position }: Pick<Entries<EntryTypes>, "from" | "position">,
  values: { readonly [Name in keyof typeof newEventFields]: SQL },
  numbers?: EventNumbers,
) {
  const { db, t } = lens;
  const computed: Record<string, SQL> = numbers ? { seq: sql`${numbers.before} + ${position}` } : {};
  return db
    .insert(t.events)
    .select(
      db
        .select(newColumns(lens, t.events, newEventFields, { ...values, now: $.now }, computed))
        .from(t.runs)
        .innerJoin(from, sql`true`)
        .where(and(eq(t.runs.runId, $.runId), numbers?.isMade))
        .orderBy(position),
    )
    .onConflictDoNothing()
    .returning({ seq: t.events.seq, eventId: t.events.eventId });
}

const insertEntries = statement<{ runId: string; list: string; now: string | null }>()((lens, $) => {
  const list = lens.entries($.list, listedFields);
  return insertEvents(lens, $, list, list.entry);
});

/** Appends the events of briefs that this transaction has changed, in their order. */
export function* appendEvents(runId: string, now: string | null, entries: readonly ListedEntry[]): Operation<void> {
  for (const list of listsOf(entries)) {
    const rows = yield* insertEntries({ runId, list: listed(listedFields, list), now });
    const stored = new Set(rows.map(({ eventId }) => eventId));
    for (const { eventId } of list) {
      // Two entries with one id: only one was stored.
      if (!stored.delete(eventId)) throw new ConflictError("event", eventId, ["eventId"]);
    }
    if (rows.some(({ seq }) => !Number.isSafeInteger(seq))) throw seqsUsedUp();
  }
}

/** Returns the error for a counter so high that the next `seq` would not be an exact number, and so not unique. */
export function seqsUsedUp(): DatabaseError {
  return new DatabaseError(
    `The event was not stored: its seq would be above ${Number.MAX_SAFE_INTEGER}, where numbers are not exact. Another ` +
      "program has raised the counter (sqlite_sequence, or event_counters on PostgreSQL): lower it and the events above it.",
  );
}
