/**
 * Events that log a change of this package, in the same transaction as the change, so that rows and log always agree.
 */
import { eq, sql } from "drizzle-orm";
import type { EventKind, JsonObject } from "../../drizzle/vocabulary.ts";
import { ConflictError, DatabaseError } from "../errors.ts";
import type { Check } from "../input/check.ts";
import { encodeObject, type PlainObject } from "../input/json.ts";
import { newColumns } from "./creation.ts";
import { entriesOf, listed, listsOf } from "./lists.ts";
import { type Context, type Operation, statement } from "./operation.ts";

type Entry = {
  eventId: string;
  runId: string;
  briefId: string;
  kind: EventKind;
  /** JSON text. */
  detail: string;
  now: string | null;
};

const insertEntry = statement<Entry>()(({ db, t: { events }, time }, $) =>
  db
    .insert(events)
    .values({
      eventId: $.eventId,
      runId: $.runId,
      briefId: $.briefId,
      kind: $.kind,
      detail: $.detail,
      createdAt: time($.now),
    })
    .onConflictDoNothing()
    .returning({ seq: events.seq }),
);

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

/** The columns of an event that its change determines. */
const entryFields = { eventId: "id", briefId: "compared", kind: "compared", detail: "compared as JSON" } as const;

/** What differs between the events of one list. */
export interface ListedEntry {
  eventId: string;
  briefId: string;
  kind: EventKind;
  /** JSON text. */
  detail: string;
}

const insertEntries = statement<{ runId: string; list: string; now: string | null }>()((lens, $) => {
  const { db, t } = lens;
  const { from, entry } = entriesOf(lens, $.list, { eventId: "text", briefId: "text", kind: "text", detail: "json" });
  return db
    .insert(t.events)
    .select(
      db
        .select(newColumns(lens, t.events, entryFields, { ...entry, now: $.now }))
        .from(t.runs)
        .innerJoin(from, sql`true`)
        .where(eq(t.runs.runId, $.runId))
        .orderBy(entry.n),
    )
    .onConflictDoNothing()
    .returning({ seq: t.events.seq, eventId: t.events.eventId });
});

/** Appends the events of briefs that this transaction has changed, in their order. */
export function* appendEvents(runId: string, now: string | null, entries: readonly ListedEntry[]): Operation<void> {
  for (const list of listsOf(entries)) {
    const rows = yield* insertEntries({ runId, list: listed(list), now });
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
