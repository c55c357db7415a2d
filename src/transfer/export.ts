/**
 * Exports a run as JSON Lines, in the same format for every engine. The first line is
 * `{ "format": "run-blackboard", "version": 2, "run": {…} }`. Each row follows on a line of its own, `{ "workstream": {…} }`,
 * `{ "brief": {…} }` or `{ "event": {…} }`, with events ordered by `seq`. A brief has `after`, the sorted ids of the briefs that
 * it comes after, and neither `waitsFor` nor `parked`, which are derived. The last line,
 * `{ "end": { "workstreams": n, "briefs": n, "events": n } }`, makes a truncated file detectable.
 */
import { events, runs, workstreams } from "../../drizzle/schema.ts";
import { type Entity, InvalidInputError, NotFoundError, UnreadableRowError } from "../errors.ts";
import { readBrief } from "../operations/briefs.ts";
import { readEvent } from "../operations/events.ts";
import { requireReadable } from "../operations/run-listings.ts";
import { findRun } from "../operations/runs.ts";
import { findNameless, type ReadPage, readEvents, readWholeBriefs, readWorkstreams } from "../operations/whole-runs.ts";
import type { RunPlace, Snapshot } from "./place.ts";
import { requireBrief, requireRow } from "./rows.ts";

export const formatName = "run-blackboard";
/** Incremented when older versions cannot read the new format. */
export const formatVersion = 2;

/** Yields the text in pieces of whole lines, of at most `pieceLength` characters or one row, which bounds memory. */
export async function* exportText(place: RunPlace): AsyncGenerator<string, void, void> {
  const snapshot = await place.open();
  try {
    yield* textOf(snapshot);
  } finally {
    await snapshot.close();
  }
}

/** Like `exportText`, for an open snapshot, which it does not close. */
export async function* textOf(snapshot: Snapshot): AsyncGenerator<string, void, void> {
  const { runId } = snapshot;
  const [run] = await snapshot.run(() => findRun({ runId }));
  if (!run) throw new NotFoundError("run", runId, runId);
  requireReadable(run);
  const nameless = await snapshot.run(() => findNameless(runId));
  if (nameless) throw new UnreadableRowError(nameless, "null", `${nameless}Id`, "NULL", undefined, "an id");
  importable("run", runId, () => requireRow("run", runs, run));
  yield jsonLine("run", runId, { format: formatName, version: formatVersion, run });
  const end = { workstreams: 0, briefs: 0, events: 0 };
  for await (const rows of pages(snapshot, readWorkstreams, (row) => row.workstreamId)) {
    end.workstreams += rows.length;
    yield* pieces(rows, (row) => {
      const { workstreamId } = row;
      importable("workstream", workstreamId, () => requireRow("workstream", workstreams, row));
      return jsonLine("workstream", workstreamId, { workstream: row });
    });
  }
  for await (const rows of pages(snapshot, readWholeBriefs, (row) => row.briefId)) {
    end.briefs += rows.length;
    yield* pieces(rows, (row) => {
      const brief = readBrief(row);
      importable("brief", row.briefId, () => requireBrief(brief));
      return jsonLine("brief", row.briefId, { brief });
    });
  }
  for await (const rows of pages(snapshot, readEvents, (row) => row.seq)) {
    end.events += rows.length;
    yield* pieces(rows, (row) => {
      const event = readEvent(row);
      importable("event", row.eventId, () => requireRow("event", events, event));
      return jsonLine("event", row.eventId, { event });
    });
  }
  yield `${JSON.stringify({ end })}\n`;
}

/**
 * Calls `check`, the one that an import makes, so that each export can be imported again.
 * @throws UnreadableRowError for a row that an import would refuse.
 */
function importable(entity: Entity, id: string, check: () => unknown): void {
  try {
    check();
  } catch (cause) {
    const [issue] = cause instanceof InvalidInputError ? cause.issues : [];
    if (!issue) throw cause;
    const column = issue.path.split(/[.[]/)[1] ?? "id";
    throw new UnreadableRowError(
      entity,
      id,
      column,
      `one that ${issue.message}`,
      { cause },
      "a value that can be imported again",
    );
  }
}

/** @throws UnreadableRowError for a row that exceeds the maximum length of a string. */
function jsonLine(entity: Entity, id: string, value: object): string {
  try {
    return `${JSON.stringify(value)}\n`;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UnreadableRowError(entity, id, "JSON", "more", { cause }, "text that fits into one JavaScript string");
  }
}

async function* pages<Row, Cursor>(
  { runId, run }: Snapshot,
  read: ReadPage<Row, Cursor>,
  cursorOf: (row: Row) => Cursor,
): AsyncGenerator<Row[], void, void> {
  let after: Cursor | undefined;
  for (;;) {
    const rows = await run(() => read(runId, after));
    const last = rows.at(-1);
    if (last === undefined) return;
    // Taken first, because the consumer decodes the rows in place.
    after = cursorOf(last);
    yield rows;
  }
}

const pieceLength = 2 ** 20;

/** Encodes each row and joins the lines into pieces of at most `pieceLength` characters. */
function* pieces<Row>(rows: readonly Row[], lineOf: (row: Row) => string): Generator<string, void, void> {
  let piece = "";
  for (const row of rows) {
    const line = lineOf(row);
    if (piece.length + line.length > pieceLength && piece !== "") {
      yield piece;
      piece = "";
    }
    piece += line;
  }
  if (piece !== "") yield piece;
}
