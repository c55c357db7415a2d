/**
 * Events that log a change of this package, in the same transaction as the change, so that rows and log always agree.
 */
import type { EventKind, JsonObject } from "../../drizzle/vocabulary.ts";
import { ConflictError, DatabaseError } from "../errors.ts";
import type { Check } from "../input/check.ts";
import { encodeObject, type PlainObject } from "../input/json.ts";
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
  const text = detail === undefined ? "{}" : encodeObject(check, "detail", detail);
  return { eventId: check.id("newId()", context.newId()), detail: text };
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

/** Returns the error for a counter so high that the next `seq` would not be an exact number, and so not unique. */
export function seqsUsedUp(): DatabaseError {
  return new DatabaseError(
    `The event was not stored: its seq would be above ${Number.MAX_SAFE_INTEGER}, where numbers are not exact. Another ` +
      "program has raised the counter (sqlite_sequence, or event_counters on PostgreSQL): lower it and the events above it.",
  );
}
