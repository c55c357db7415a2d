/**
 * Moving a run: out as text, in again, and from one place to another. Each place is a file or a server.
 */
import { has } from "../foreign.ts";
import { Check, type Names } from "../input/check.ts";
import {
  checkRunDestination,
  checkRunLocation,
  type RunDestination,
  type RunLocation,
} from "../input/run-locations.ts";
import { sqlitePlace } from "../sqlite/files/place.ts";
import { exportText, textOf } from "./export.ts";
import { type ImportedRun, importText } from "./import.ts";
import { type Chunks, checkChunks } from "./lines.ts";
import type { RunPlace } from "./place.ts";

/**
 * A run as text, in pieces of whole lines: one JSON object a line, the same for every engine. It is the run of one moment,
 * whatever others write meanwhile, and never more than a small part of it is in memory; an older file is brought up to date in
 * memory, and read from there. Changes nothing. A file that is being written keeps its WAL while it is read, so do not
 * dawdle.
 *
 * ```ts
 * await pipeline(exportRun({ runId: "abc123" }), createWriteStream("abc123.jsonl"));
 * ```
 *
 * The first line is `{ "format": "run-blackboard", "version": 1, "run": {…} }`; then come `{ "workstream": {…} }`,
 * `{ "brief": {…} }` and, in their order, `{ "event": {…} }`, each with all columns of its row as the blackboard reads them;
 * the last is `{ "end": { "workstreams": n, "briefs": n, "events": n } }`.
 *
 * @throws InvalidInputError at once; the rest when it is read: NotFoundError where there is no such run; FileError,
 * MigrationError, ConnectionError; UnreadableRowError for a row that another program has spoilt.
 */
export function exportRun(from: RunLocation | RunPlace): AsyncGenerator<string, void, void> {
  return exportText(sourceOf(from));
}

export interface ImportOptions {
  /**
   * The permissions of a file that is made, such as `0o600`; `0o644` when left out. The process's umask applies. A file that is
   * there already keeps its own.
   */
  mode?: number | undefined;
}
const importNames: Names<ImportOptions> = { mode: true };

/**
 * Puts a run there that `exportRun` has written: all of it or, whatever happens, nothing. `text` is a stream, or whatever
 * gives text or bytes in UTF-8, cut anywhere. Every line is checked. A new file appears when it is complete; into an
 * existing one, whose other runs stay, it goes in one transaction at the end, for which their writers wait. With a `runId` the run gets that id instead of its own.
 *
 * ```ts
 * const { runId, events } = await importRun(createReadStream("abc123.jsonl"), { root: "archive" });
 * ```
 *
 * Events keep their order and their `seq`, so that who watches goes on where he was; only in an SQLite file where other runs
 * have events they get new ones, in the same order.
 *
 * @throws InvalidInputError with the line for text that is not such an export, or was cut off; ConflictError where there is a
 * run of that id already; FileError, MigrationError, ConnectionError; what the stream itself throws comes out as it is.
 */
export async function importRun(
  text: Chunks,
  to: RunDestination | RunPlace,
  options?: ImportOptions,
): Promise<ImportedRun> {
  checkChunks(text);
  const check = new Check();
  const { mode } = check.object("options", options, importNames);
  if (mode !== undefined) check.integer("mode", mode, 0, 0o777);
  check.done();
  return await importText(text, targetOf(to), mode ?? 0o644);
}

/**
 * Copies a run from one place to another, also between engines: `importRun(exportRun(from), to)`. The original stays. A file
 * that is made has the permissions of the original's file; of a run on a server, only the user may read it.
 *
 * ```ts
 * await copyRun({ runId: "abc123" }, postgresRun({ connection: process.env.DATABASE_URL }));
 * ```
 *
 * @throws as `exportRun` and `importRun` do; nothing has been written then.
 */
export async function copyRun(from: RunLocation | RunPlace, to: RunDestination | RunPlace): Promise<ImportedRun> {
  const target = targetOf(to);
  const snapshot = await sourceOf(from).open();
  try {
    return await importText(textOf(snapshot), target, snapshot.mode);
  } finally {
    await snapshot.close();
  }
}

function sourceOf(from: RunLocation | RunPlace): RunPlace {
  return isPlace(from) ? from : sqlitePlace(checkRunLocation(from));
}

function targetOf(to: RunDestination | RunPlace): RunPlace {
  return isPlace(to) ? to : sqlitePlace(checkRunDestination(to));
}

function isPlace(where: unknown): where is RunPlace {
  if (typeof where !== "object" || where === null) return false;
  return has(
    where,
    (place) =>
      "open" in place && typeof place.open === "function" && "receive" in place && typeof place.receive === "function",
  );
}
