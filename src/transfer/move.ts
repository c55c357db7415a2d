/**
 * Exports, imports and copies runs. Each place is a file or a server.
 */
import { InvalidInputError } from "../errors.ts";
import { codeOf, has } from "../foreign.ts";
import { Check, type Names } from "../input/check.ts";
import {
  type CheckedLocation,
  checkRunDestination,
  checkRunLocation,
  type RunDestination,
  type RunLocation,
} from "../input/run-locations.ts";
import { exportText, textOf } from "./export.ts";
import { type ImportedRun, importText } from "./import.ts";
import { type Chunks, checkChunks } from "./lines.ts";
import type { RunPlace } from "./place.ts";

/**
 * Yields a run as JSON Lines, in pieces of whole lines; the format is the same for every engine. Reads from one snapshot and
 * keeps only a small part of the run in memory. Changes nothing; a file with an older schema is migrated in memory. While the
 * export runs, the file's WAL cannot be checkpointed and grows with each write, so consume it promptly.
 *
 * ```ts
 * await pipeline(exportRun({ runId: "abc123" }), createWriteStream("abc123.jsonl"));
 * ```
 *
 * The first line is `{ "format": "run-blackboard", "version": 2, "run": {…} }`. Lines `{ "workstream": {…} }`,
 * `{ "brief": {…} }` and `{ "event": {…} }` follow, each with the columns of a row; a brief has `after`, the sorted ids of the
 * briefs that it comes after, in place of the derived `waitsFor`. Events are ordered by `seq`. The last line is
 * `{ "end": { "workstreams": n, "briefs": n, "events": n } }`.
 *
 * @throws InvalidInputError immediately. While it is read: NotFoundError if the run does not exist; FileError, MigrationError,
 * ConnectionError; UnreadableRowError for a row with a value that cannot be decoded.
 */
export function exportRun(from: RunLocation | RunPlace): AsyncGenerator<string, void, void> {
  return exportText(sourceOf(from));
}

export interface ImportOptions {
  /**
   * The permissions of a new file, such as `0o600`; `0o644` by default. The process's umask applies. An existing file keeps
   * its permissions.
   */
  mode?: number | undefined;
}
const importNames: Names<ImportOptions> = { mode: true };

/**
 * Imports a run written by `exportRun`, atomically. `text` is a stream or another iterable of text or of bytes in UTF-8, in
 * chunks of any size. Validates every line. Creates a new file only when it is complete; writes to an existing file, whose other
 * runs do not change, in one transaction at the end, which blocks other writers meanwhile. With `runId`, the imported run gets
 * that id. Reads the exports of older versions too.
 *
 * ```ts
 * const { runId, events } = await importRun(createReadStream("abc123.jsonl"), { root: "archive" });
 * ```
 *
 * Events keep their order and their `seq`, so that watchers continue where they left off. In a SQLite file where other runs
 * have events, they get new `seq` values in the same order.
 *
 * @throws InvalidInputError with the line number for text that is not an export or was truncated; ConflictError if the run
 * already exists; FileError, MigrationError, ConnectionError. Errors of the stream are rethrown unchanged.
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
 * Copies a run to another place, also between engines: `importRun(exportRun(from), to)`. The original does not change. A new
 * file gets the permissions of the original's file; only the user may read the copy of a run on a server.
 *
 * ```ts
 * await copyRun({ runId: "abc123" }, postgresRun({ connection: process.env.DATABASE_URL }));
 * ```
 *
 * @throws The errors of `exportRun` and `importRun`; nothing is written then.
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
  return isPlace(from) ? from : filePlace(checkRunLocation(from));
}

function targetOf(to: RunDestination | RunPlace): RunPlace {
  return isPlace(to) ? to : filePlace(checkRunDestination(to));
}

/** Loads SQLite when a file is used, because better-sqlite3 is optional. */
function filePlace(location: CheckedLocation): RunPlace {
  return {
    runId: location.runId,
    open: async () => (await sqlite()).sqlitePlace(location).open(),
    receive: async (arriving, fill, mode) => (await sqlite()).sqlitePlace(location).receive(arriving, fill, mode),
  };
}

async function sqlite(): Promise<typeof import("../sqlite/files/place.ts")> {
  try {
    return await import("../sqlite/files/place.ts");
  } catch (cause) {
    if (codeOf(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
    const message = "a file requires better-sqlite3, which is not installed: npm install better-sqlite3";
    throw new InvalidInputError([{ path: "", message }], { cause });
  }
}

function isPlace(where: unknown): where is RunPlace {
  if (typeof where !== "object" || where === null) return false;
  return has(
    where,
    (place) =>
      "open" in place && typeof place.open === "function" && "receive" in place && typeof place.receive === "function",
  );
}
