/**
 * A run as text: JSON Lines, the same for every engine. First `{ "format": "run-blackboard", "version": 1, "run": {…} }`, then
 * a line for each row, `{ "workstream": {…} }`, `{ "brief": {…} }`, `{ "event": {…} }`, events in their order; last
 * `{ "end": { "workstreams": n, "briefs": n, "events": n } }`, so that a cut file is noticed.
 */
import { type Entity, NotFoundError, UnreadableRowError } from "../errors.ts";
import { readBrief } from "../operations/briefs.ts";
import { readEvent } from "../operations/events.ts";
import type { Operation } from "../operations/operation.ts";
import { findRun } from "../operations/runs.ts";
import { readBriefs, readEvents, readWorkstreams } from "../operations/transfer.ts";
import type { RunPlace, Snapshot } from "./place.ts";

export const formatName = "run-blackboard";
/** Raised when an older version could not read what is written now. */
export const formatVersion = 1;

/** The text in pieces of whole lines: a piece holds about `pageLength` characters, however long the run is. */
export async function* exportText(place: RunPlace): AsyncGenerator<string, void, void> {
  const snapshot = await place.open();
  try {
    const { runId } = snapshot;
    const [run] = await snapshot.run(() => findRun({ runId }));
    if (!run) throw new NotFoundError("run", runId, runId);
    yield jsonLine({ format: formatName, version: formatVersion, run });
    const end = { workstreams: 0, briefs: 0, events: 0 };
    for await (const rows of pages(snapshot, "workstream", readWorkstreams, (row) => row.workstreamId)) {
      end.workstreams += rows.length;
      yield rows.map((workstream) => jsonLine({ workstream })).join("");
    }
    for await (const rows of pages(snapshot, "brief", readBriefs, (row) => row.briefId)) {
      end.briefs += rows.length;
      yield rows.map((row) => jsonLine({ brief: readBrief(row) })).join("");
    }
    for await (const rows of pages(snapshot, "event", readEvents, (row) => row.seq)) {
      end.events += rows.length;
      yield rows.map((row) => jsonLine({ event: readEvent(row) })).join("");
    }
    yield jsonLine({ end });
  } finally {
    await snapshot.close();
  }
}

const jsonLine = (value: object) => `${JSON.stringify(value)}\n`;

/** What a page should hold, in characters: rows of 5 MB come one by one, small ones by the thousand. */
const pageLength = 2 ** 20;
const maxRows = 1000;
/** Before anything is known of how long they are. */
const firstRows = 8;

async function* pages<Row extends object, Cursor extends string | number>(
  { runId, run }: Snapshot,
  entity: Entity,
  read: (runId: string, after: Cursor | undefined, limit: number) => Operation<Row[]>,
  cursorOf: (row: Row) => Cursor,
): AsyncGenerator<Row[], void, void> {
  let limit = firstRows;
  for (let after: Cursor | undefined; ; ) {
    const rows = await run(() => read(runId, after, limit));
    const last = rows.at(-1);
    if (last === undefined) return;
    // Files of the reference may have rows without an id. They come first, and nothing here could name them.
    if (rows.some((row) => cursorOf(row) === null)) {
      throw new UnreadableRowError(entity, "null", `${entity}Id`, "NULL", undefined, "an id");
    }
    yield rows;
    if (rows.length < limit) return;
    after = cursorOf(last);
    limit = Math.min(maxRows, Math.max(1, Math.round((limit * pageLength) / Math.max(1, lengthOf(rows)))));
  }
}

function lengthOf(rows: readonly object[]): number {
  let length = 0;
  for (const row of rows)
    for (const value of Object.values(row)) length += typeof value === "string" ? value.length : 8;
  return length;
}
