/**
 * Opening the file itself. What is wrong with it is found before SQLite would create or overwrite something.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import { openClient } from "./sqlite-driver.ts";
import { isBusy, isSqliteError, translated } from "./sqlite-errors.ts";
import { companionSize, noSuchFile, refuseLeftovers, requireHeader, sizeOf } from "./sqlite-file.ts";
import { refuseHardLinks } from "./sqlite-links.ts";
import { identityOf, PathCheck } from "./sqlite-path-check.ts";
import { openReader } from "./sqlite-reader.ts";
import { StartOver, waiting } from "./waiting.ts";

/** An open connection, and how to close it. */
export interface Connection {
  readonly client: Database.Database;
  /** Whether it is a copy, which shows nothing of what others write later. */
  readonly isSnapshot: boolean;
  /** `undefined` where there is no file that could go away. */
  readonly path: PathCheck | undefined;
  /** Idempotent. */
  close(): void;
}

export interface ConnectionOptions {
  /** A real path, without symbolic links, or ":memory:". */
  readonly location: string;
  readonly create: boolean;
  readonly readonly: boolean;
  readonly synchronous: "full" | "normal";
  /** How long to wait for others, in milliseconds. */
  readonly migrateTimeoutMs: number;
}

/**
 * How long SQLite itself waits for a lock before it says BUSY, in milliseconds: short, since the waiting in `waiting.ts` is
 * the fair one, but not nothing, for queries that users run on the connection themselves.
 */
const shortTimeoutMs = 5;

/** The largest -wal that stays when its content is in the file, in bytes: a reader that stalls lets it grow to any size. */
const journalSizeLimit = 64 * 2 ** 20;

/** @throws FileError, BusyError. */
export function connect(options: ConnectionOptions): Connection {
  const { location, readonly, migrateTimeoutMs } = options;
  try {
    if (location === ":memory:") return inMemory(options);
    const open = readonly ? openReader : () => openWriter(options);
    // The first read waits where another process holds the file, for example to put it into WAL mode.
    const work = () => {
      prepareFile(options);
      return whileInPlace(
        location,
        () => open(location),
        ({ close }) => close(),
      );
    };
    return waiting(work, isPassing, migrateTimeoutMs, location);
  } catch (error) {
    throw translated(error, location);
  }
}

function inMemory(options: ConnectionOptions): Connection {
  const client = configured(openClient(":memory:"), options);
  return { client, isSnapshot: false, path: undefined, close: () => client.close() };
}

function openWriter(options: ConnectionOptions): Connection {
  const { location, create } = options;
  const client = configured(openClient(location, { fileMustExist: !create, timeout: shortTimeoutMs }), options);
  return { client, isSnapshot: false, path: new PathCheck(location, client), close: () => client.close() };
}

function configured(client: Database.Database, { synchronous }: ConnectionOptions): Database.Database {
  try {
    client.pragma(`synchronous = ${synchronous}`);
    client.pragma("foreign_keys = ON");
    client.pragma(`journal_size_limit = ${journalSizeLimit}`);
    client.prepare("SELECT 1 FROM sqlite_schema").get();
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/**
 * Runs `work` on a file that another process may delete or replace meanwhile, by a prune or a restore: what was read then may be
 * of neither file. `undo` closes what `work` opened.
 * @throws StartOver where that happened.
 */
export function whileInPlace<T>(location: string, work: () => T, undo: (done: T) => void): T {
  const before = identityOf(location);
  const isReplaced = () => before !== undefined && identityOf(location) !== before;
  let done: { value: T } | undefined;
  try {
    done = { value: work() };
  } catch (error) {
    if (!isReplaced()) throw error;
  }
  if (done && !isReplaced()) return done.value;
  if (done) undo(done.value);
  throw new StartOver(`${location} was replaced while it was opened`);
}

/**
 * A lock, a replaced file, or a journal that is gone: while two processes create one file, the one may find the other's journal in
 * the moment in which that rolls back and deletes it.
 */
export function isPassing(error: unknown): boolean {
  return (
    isBusy(error) || error instanceof StartOver || (isSqliteError(error) && error.code === "SQLITE_IOERR_DELETE_NOENT")
  );
}

/** Refuses what must not be opened, before any connection could change it. Creates the folder of a file to be created. */
export function prepareFile({ location, create, readonly }: ConnectionOptions): void {
  if (location === ":memory:") return;
  const bytes = sizeOf(location);
  if (bytes === undefined && (readonly || !create)) throw noSuchFile(location);
  if (bytes !== undefined) requireHeader(location, bytes);
  if (readonly) return;
  if (bytes !== undefined) refuseHardLinks(location);
  if (bytes === undefined) refuseLeftovers(location);
  if (bytes === undefined) mkdirSync(dirname(location), { recursive: true });
}

/** @throws FileError where that cannot be found out. */
export function isAbsent(location: string): boolean {
  try {
    return location === ":memory:" || sizeOf(location) === undefined;
  } catch (error) {
    throw translated(error, location);
  }
}

/**
 * Runs `work`, which opens a connection that may write and closes it if it refuses the file. When such a connection is the last
 * one to close, SQLite writes the WAL into the file, even one that does not belong to it. A reader that stays open until
 * then prevents that.
 */
export function keepingWal<T>(location: string, work: () => T): T {
  const guard = location === ":memory:" || companionSize(location, "-wal") === 0 ? undefined : openGuard(location);
  try {
    return work();
  } finally {
    guard?.close();
  }
}

function openGuard(location: string): Database.Database {
  const guard = openClient(location, { readonly: true, timeout: shortTimeoutMs });
  try {
    guard.prepare("SELECT 1 FROM sqlite_schema").get();
  } catch {
    // It holds its lock although the file cannot be read, and `work` finds out why.
  }
  return guard;
}
