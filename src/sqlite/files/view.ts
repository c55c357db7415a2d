/**
 * Opens a file for reading without changing it.
 *
 * A file with an older schema, including the Python reference's, is copied and migrated in memory, so that the same operations
 * read it; the copy is a snapshot. A file with the current schema is read in place if that leaves no files next to it.
 */
import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import { Blackboard } from "../../blackboard.ts";
import { checkViewOptions, type ViewOptions } from "../../input/options.ts";
import type { AnyRoles } from "../../input/roles.ts";
import { allRuns } from "../../operations/overview.ts";
import { reader, theOnlyOne } from "../../operations/read-context.ts";
import { isPassing, whileInPlace } from "../connection/connection.ts";
import type { SqliteDatabase } from "../connection/drizzle.ts";
import { requireFile } from "../connection/file.ts";
import { type Connection, snapshotOf } from "../connection/opened.ts";
import { isAtRest, maxCopiedBytes, openIfHot, openLook, openReader } from "../connection/reader.ts";
import { copyToDisk, copyToMemory, copyWithCompanions } from "../connection/snapshot.ts";
import { SqliteEngine } from "../engine.ts";
import { translated } from "../errors.ts";
import { migrate } from "../migrations/apply.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { indexOnDemand, unindexed } from "../migrations/on-demand.ts";
import { type Plan, planOf } from "../migrations/plan.ts";
import type { MigrationStatus } from "../migrations/status.ts";
import { waiting } from "../waiting.ts";

/** A read-only blackboard of a run. */
export interface View extends Disposable {
  /** Reads the run; writes throw `READ_ONLY`. */
  readonly board: Blackboard<"sync", AnyRoles, SqliteDatabase>;
  /** The migration state of the file; `board` shows it as if it were migrated. */
  readonly state: Exclude<MigrationStatus["state"], "absent">;
  /** Whether the view shows later writes, so that its events can be watched. */
  readonly isLive: boolean;
  /** Idempotent. */
  close(): void;
}

/** A file opened for reading. */
interface OpenedFile {
  readonly engine: SqliteEngine;
  readonly state: Plan["state"];
  readonly isLive: boolean;
}

/** How long to wait for a process that locks out readers, in milliseconds. */
const readTimeoutMs = 5000;

export function openView(options: ViewOptions): View {
  const { location, runId, live } = checkViewOptions(options);
  const { engine, state, isLive } = openFile(location, live);
  try {
    const board = new Blackboard(engine, { ...reader, runId: runId ?? onlyRun(engine, location) });
    const close = () => board.close();
    return { board, state, isLive, close, [Symbol.dispose]: close };
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** Opens a file for reading. With `live`, shows later writes, at the cost of an empty -wal and a -shm next to the file. */
export function openFile(location: string, live: boolean): OpenedFile {
  try {
    const work = () =>
      whileInPlace(
        location,
        () => open(location, live),
        (opened) => opened.connection.close(),
      );
    const { connection, state } = waiting(work, isPassing, readTimeoutMs, location);
    const engine = new SqliteEngine(connection, { location, busyTimeoutMs: readTimeoutMs, logger: undefined });
    return { engine, state, isLive: !connection.isSnapshot };
  } catch (error) {
    throw translated(error, location);
  }
}

function open(location: string, live: boolean): { connection: Connection; state: Plan["state"] } {
  requireFile(location);
  const connection = openIfHot(location) ?? (live ? openReader(location) : openLook(location));
  try {
    const { state } = planOf(connection.client, migrations, location);
    if (state === "current") return { connection, state };
    const copy = connection.isSnapshot ? connection : copyOf(connection, location);
    migrateCopy(copy.client, location);
    return { connection: copy, state };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Copies the file to memory, or to a temporary file if it is large. Closes the original. */
function copyOf(original: Connection, location: string): Connection {
  const isLarge = statSync(location).size > maxCopiedBytes;
  // The system copies 130 MB in 0.2 s, VACUUM in 1.3, but only VACUUM can while others write.
  const copy = !isLarge ? copyToMemory : isAtRest(location) ? () => copyWithCompanions(location) : copyToDisk;
  try {
    return snapshotOf(copy(original.client));
  } finally {
    original.close();
  }
}

/** Migrates a copy, without the indexes of the large tables, which took two thirds of the time: see `indexOnDemand`. */
function migrateCopy(copy: Database.Database, location: string): void {
  try {
    copy.pragma("query_only = OFF");
    copy.pragma("synchronous = OFF");
    // A temporary file has no name any more, so that SQLite could not find its journal, and refuses to write one.
    copy.pragma("journal_mode = MEMORY");
    migrate(copy, unindexed, { location, migrateTimeoutMs: readTimeoutMs });
    indexOnDemand(copy);
    copy.pragma("query_only = ON");
  } catch (error) {
    copy.close();
    throw error;
  }
}

function onlyRun(engine: SqliteEngine, location: string): string {
  const runs = engine.run(() => allRuns({}));
  return theOnlyOne(
    runs.map(({ runId }) => runId),
    location,
  );
}
