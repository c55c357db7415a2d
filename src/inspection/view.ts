/**
 * Looking into a file without changing it, as far as it can be shown.
 *
 * An older file, the reference's too, is brought up to date in memory: there the same operations read it as any other. What
 * is in memory is a snapshot; a file that is current is read as it lives, where it may be without leaving anything behind.
 */
import Database from "better-sqlite3";
import { Blackboard } from "../blackboard.ts";
import { type SqliteDatabase, SqliteEngine } from "../engines/sqlite.ts";
import { noSuchFile, requireHeader, sizeOf } from "../engines/sqlite-connection.ts";
import { isBusy, translated } from "../engines/sqlite-errors.ts";
import { isInWalMode, openIfHot, openLook, openReader, openTraceless } from "../engines/sqlite-reader.ts";
import { waiting } from "../engines/waiting.ts";
import { checkViewOptions, type ViewOptions } from "../input/options.ts";
import type { AnyRoles } from "../input/roles.ts";
import { migrate } from "../migrations/apply.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { type Plan, planOf } from "../migrations/plan.ts";
import { allRuns } from "../operations/overview.ts";
import { reader, theOnlyOne } from "./reader.ts";

/** A run to look at. */
export interface View extends Disposable {
  /** For reading: what would write is refused with `READ_ONLY`. */
  readonly board: Blackboard<"sync", AnyRoles, SqliteDatabase>;
  /** What the file is; `board` shows it as it would be when brought up to date. */
  readonly state: Plan["state"];
  /** Whether what others write from now on is seen, so that its events can be followed. */
  readonly isLive: boolean;
  /** Idempotent. */
  close(): void;
}

/** A file opened for looking. */
export interface OpenedFile {
  readonly engine: SqliteEngine;
  readonly state: Plan["state"];
  readonly isLive: boolean;
}

/** How long a look waits for a program that keeps others from reading, in milliseconds. */
const lookTimeoutMs = 5000;

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

/** `live`: to see what others write from now on, at the price of an empty -wal and a -shm beside the file. */
export function openFile(location: string, live: boolean): OpenedFile {
  try {
    const bytes = sizeOf(location);
    if (bytes === undefined) throw noSuchFile(location);
    requireHeader(location, bytes);
    const { client, state } = waiting(() => open(location, live), isBusy, lookTimeoutMs, location);
    const engine = new SqliteEngine(client, { location, busyTimeoutMs: lookTimeoutMs, logger: undefined });
    return { engine, state, isLive: !client.memory };
  } catch (error) {
    throw translated(error, location);
  }
}

function open(location: string, live: boolean): { client: Database.Database; state: Plan["state"] } {
  const client = openIfHot(location) ?? (live ? openReader(location) : openLook(location));
  try {
    const { state } = planOf(client, migrations, location);
    return { client: state === "current" ? client : upToDate(client, location), state };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** A copy in memory to which the pending migrations are applied. Closes what it is a copy of. */
function upToDate(client: Database.Database, location: string): Database.Database {
  const source = client.memory || !isInWalMode(location) ? client : openTraceless(location);
  const copy = new Database(source.serialize());
  source.close();
  client.close();
  try {
    migrate(copy, migrations, { location, migrateTimeoutMs: lookTimeoutMs });
    copy.pragma("query_only = ON");
    return copy;
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
