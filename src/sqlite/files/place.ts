/**
 * Reads and writes runs in SQLite files for export, import and copy.
 *
 * An import is staged in an unnamed temporary database, which the system removes even if the process is killed. When the import
 * is complete and valid, it is published: as a new file under its final name, or in one transaction into an existing file.
 */
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import type { Session } from "../../engine/engine.ts";
import { ConflictError, type Entity, FileError } from "../../errors.ts";
import { codeOf } from "../../foreign.ts";
import type { Operation } from "../../operations/operation.ts";
import { listRunIds } from "../../operations/overview.ts";
import { theOnlyOne } from "../../operations/read-context.ts";
import { findRun } from "../../operations/runs.ts";
import {
  hasEvents,
  insertBriefs,
  insertEvents,
  insertRun,
  insertWorkstreams,
  type ReadPage,
  readEvents,
  readWholeBriefs,
  readWorkstreams,
  type Written,
} from "../../operations/whole-runs.ts";
import { runTaken } from "../../transfer/import.ts";
import type { RunPlace, Snapshot, Store } from "../../transfer/place.ts";
import { isAbsent } from "../connection/connection.ts";
import { writeCopy } from "../connection/copy.ts";
import { openClient } from "../connection/driver.ts";
import type { SqliteDatabase } from "../connection/drizzle.ts";
import { sizeOf } from "../connection/file.ts";
import { type Connection, snapshotOf } from "../connection/opened.ts";
import { isHot } from "../connection/reader.ts";
import { SqliteEngine } from "../engine.ts";
import { isBusy, translated } from "../errors.ts";
import { migrate } from "../migrations/apply.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { openMigrated } from "../migrations/open.ts";
import { waiting } from "../waiting.ts";
import { openFile } from "./view.ts";

/** How long to wait for other processes, in milliseconds. */
const waitMs = 60_000;

interface FilePlace {
  readonly runId: string | undefined;
  /** Returns the file's absolute path, which under a root depends on the run. */
  locationOf(runId: string): string;
}

export function sqlitePlace({ runId, locationOf }: FilePlace): RunPlace {
  return {
    runId,
    open: async () => openSnapshot(locationOf(runId ?? ""), runId),
    receive: async (arriving, fill, mode) => await receive(locationOf(arriving), arriving, fill, mode),
  };
}

function openSnapshot(location: string, wanted: string | undefined): Snapshot {
  const engine = openFile(location, false).engine;
  try {
    waiting(() => engine.drizzle.$client.exec("BEGIN"), isBusy, waitMs, location);
    const runId = wanted ?? theOnlyOne(engine.run(listRunIds), location);
    const { mode } = statSync(location);
    return { runId, mode, run: (operation) => engine.run(operation), close: () => engine.close() };
  } catch (error) {
    engine.close();
    throw translated(error, location);
  }
}

/** Creates the schema in a private temporary database, without companion files and without syncing to disk. */
function prepared(client: Database.Database, location: string): Database.Database {
  try {
    client.pragma("journal_mode = MEMORY");
    client.pragma("synchronous = OFF");
    migrate(client, migrations, { location, migrateTimeoutMs: waitMs });
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

async function receive<T>(
  location: string,
  runId: string,
  fill: (store: Store) => Promise<T>,
  mode: number,
): Promise<T> {
  // Fails early; only the transaction at the end is decisive.
  if (holdsRun(location, runId)) throw runTaken(runId, location);
  const stage = openStage(location);
  try {
    const filled = await fill({ location, run: (operation) => onStage(() => stage.run(operation), location) });
    publish(stage, runId, location, mode);
    return filled;
  } finally {
    stage.close();
  }
}

/** Names the temporary file in an error about a full disk, since it may be on a different disk than `location`. */
function onStage<T>(work: () => T, location: string): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FileError && error.code === "DISK_FULL")) throw error;
    const message =
      `The import into ${location} is staged in a temporary file, and the disk of that file is full. ` +
      "Set SQLITE_TMPDIR or TMPDIR to a folder with enough space; nothing was written.";
    throw new FileError("DISK_FULL", location, message, { cause: error });
  }
}

function openStage(location: string): SqliteEngine {
  try {
    return engineOf(snapshotOf(prepared(openClient(""), location)), location);
  } catch (error) {
    throw translated(error, location);
  }
}

const engineOf = (connection: Connection, location: string) =>
  new SqliteEngine(connection, { location, busyTimeoutMs: waitMs, logger: undefined });

function holdsRun(location: string, runId: string): boolean {
  if (isAbsent(location) || sizeOf(location) === 0) return false;
  const engine = openFile(location, false).engine;
  try {
    return engine.run(() => findRun({ runId })).length > 0;
  } finally {
    engine.close();
  }
}

function publish(stage: SqliteEngine, runId: string, location: string, mode: number): void {
  if (isAbsent(location) && wasCreated(stage, location, mode)) return;
  refuseJournal(location);
  const opening = {
    create: false,
    readonly: false,
    synchronous: "full",
    migrate: "auto",
    migrateTimeoutMs: waitMs,
  } as const;
  const engine = engineOf(openMigrated({ location, ...opening }, migrations), location);
  try {
    engine.transaction((session) => copyRows(stage, session, runId, location), false);
  } finally {
    engine.close();
  }
}

/** SQLite would apply the journal even if it belongs to a different file, and the import would report success on the result. */
function refuseJournal(location: string): void {
  if (!isHot(location)) return;
  const message =
    `${location}-journal was left by a process that died while writing to ${location}, or to an earlier file at that path. ` +
    "Open the run once to roll that transaction back, or delete the journal. Nothing was imported.";
  throw new FileError("CANNOT_OPEN", location, message);
}

/** Copies the stage to a new file. Returns false if another process created the file in the meantime. */
function wasCreated(stage: SqliteEngine, location: string, mode: number): boolean {
  const folder = dirname(location);
  const firstCreated = mkdirSync(folder, { recursive: true });
  try {
    // The owner may write the copy, even if the original is read-only.
    writeCopy(stage.drizzle.$client, location, mode | 0o600);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (firstCreated !== undefined) removeEmpty(folder, firstCreated);
    throw translated(error, location);
  }
}

/** Removes empty folders from `folder` up to `last`. */
function removeEmpty(folder: string, last: string): void {
  for (let path = folder; path.length >= last.length; path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch {
      // Not empty: another process uses the folder.
      return;
    }
  }
}

/**
 * Copies the staged run into a file that contains other runs. `seq` is unique in a file: the events keep theirs if the file has
 * no events yet, and otherwise get new ones in the same order.
 */
function copyRows(
  stage: SqliteEngine,
  session: Session<"sync", SqliteDatabase>,
  runId: string,
  location: string,
): void {
  const [run] = stage.run(() => findRun({ runId }));
  if (!run || session.run(() => insertRun([run])).length === 0) throw runTaken(runId, location);
  const numbered = !session.run(hasEvents);
  const copy = <Row extends object, Cursor>(
    entity: Entity,
    read: ReadPage<Row, Cursor>,
    insert: (rows: readonly Row[]) => Operation<Written[]>,
    idOf: (row: Row) => string,
    cursorOf: (row: Row) => Cursor,
  ) => {
    for (let after: Cursor | undefined; ; ) {
      const rows = stage.run(() => read(runId, after));
      const last = rows.at(-1);
      if (last === undefined) return;
      const free = new Set(session.run(() => insert(rows)).map(({ id }) => id));
      const taken = rows.map(idOf).find((id) => !free.has(id));
      if (taken !== undefined) throw new ConflictError(entity, taken, ["runId"]);
      after = cursorOf(last);
    }
  };
  copy(
    "workstream",
    readWorkstreams,
    insertWorkstreams,
    (row) => row.workstreamId,
    (row) => row.workstreamId,
  );
  copy(
    "brief",
    readWholeBriefs,
    insertBriefs,
    (row) => row.briefId,
    (row) => row.briefId,
  );
  copy(
    "event",
    readEvents,
    (rows) => insertEvents(numbered ? rows : rows.map((row) => ({ ...row, seq: null }))),
    (row) => row.eventId,
    (row) => row.seq,
  );
}
