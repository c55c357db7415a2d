/**
 * The log's entries that go with a change: each in the transaction of what it tells of, so that state and log never disagree.
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
  /** As it is stored. */
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

/** What the caller says of a change. */
export function checkNewEntry(check: Check, context: Context, detail: PlainObject | undefined) {
  const text = detail === undefined ? "{}" : encodeObject(check, "detail", detail);
  return { eventId: check.id("newId()", context.newId()), detail: text };
}

/** What this package itself has to say of a change. */
export function newEntry(context: Context, detail: JsonObject) {
  return { eventId: context.newId(), detail: JSON.stringify(detail) };
}

/** Of a brief that this transaction has changed. */
export function* appendEvent(entry: Entry): Operation<void> {
  const [row] = yield* insertEntry(entry);
  // Nothing but `newId` can be to blame, which has repeated itself.
  if (!row) throw new ConflictError("event", entry.eventId, ["eventId"]);
  if (!Number.isSafeInteger(row.seq)) throw seqsUsedUp();
}

/** Another program has moved the counter of events so far that the next number would not be exact, and would repeat itself. */
export function seqsUsedUp(): DatabaseError {
  return new DatabaseError(
    `The event was not stored: its seq would be above ${Number.MAX_SAFE_INTEGER}, where numbers repeat themselves. Another ` +
      "program has moved the counter there (sqlite_sequence, or event_counters on PostgreSQL): lower it, and the events above.",
  );
}
