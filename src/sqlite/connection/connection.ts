/**
 * Opens a connection to a file. Rejects an invalid file before SQLite creates or overwrites anything.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import { isBusy, isSqliteError, translated } from "../errors.ts";
import { StartOver, waiting } from "../waiting.ts";
import { openClient, requireInstallation } from "./driver.ts";
import { companionSize, noSuchFile, refuseLeftovers, requireHeader, sizeOf } from "./file.ts";
import { refuseHardLinks } from "./links.ts";
import type { Connection } from "./opened.ts";
import { identityOf, PathCheck } from "./path-check.ts";
import { openReader } from "./reader.ts";

export interface ConnectionOptions {
  /** A real path, without symbolic links, or ":memory:". */
  readonly location: string;
  readonly create: boolean;
  readonly readonly: boolean;
  readonly synchronous: "full" | "normal";
  /** How long to wait for other processes, in milliseconds. */
  readonly migrateTimeoutMs: number;
}

/**
 * SQLite's own busy timeout, in milliseconds. It is short, because `waiting.ts` waits more fairly, but not zero, for queries that
 * users run on the connection directly.
 */
const shortTimeoutMs = 5;

/** Size in bytes to which SQLite truncates the -wal after a checkpoint: a stalled reader lets it grow without limit. */
const journalSizeLimit = 64 * 2 ** 20;

/**
 * Opens a connection; waits while another process holds the file or replaces it.
 * @throws FileError, BusyError.
 */
export function connect(options: ConnectionOptions): Connection {
  const { location, readonly, migrateTimeoutMs } = options;
  try {
    if (location === ":memory:") return inMemory(options);
    const open = readonly ? openReader : () => openWriter(options);
    // The first read can be blocked, for example while another process switches the file to WAL mode.
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
 * Runs `work` on a file that another process may delete or replace in the meantime, by a prune or a restore: `work` may then have
 * read a mixture of both files. `undo` closes what `work` opened.
 * @throws StartOver if that happened.
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
 * Whether the error is transient: a lock, a replaced file, or a deleted journal. When two processes create one file, one of them may
 * find the other's journal just as the other rolls back and deletes it.
 */
export function isPassing(error: unknown): boolean {
  return (
    isBusy(error) || error instanceof StartOver || (isSqliteError(error) && error.code === "SQLITE_IOERR_DELETE_NOENT")
  );
}

/** Rejects a file that must not be opened, before any connection can change it. Creates the folder for a new file. */
export function prepareFile({ location, create, readonly }: ConnectionOptions): void {
  if (location === ":memory:") return;
  const bytes = sizeOf(location);
  if (bytes === undefined && (readonly || !create)) throw noSuchFile(location);
  if (bytes !== undefined) requireHeader(location, bytes);
  if (readonly) return;
  if (bytes !== undefined) refuseHardLinks(location);
  if (bytes === undefined) refuseLeftovers(location, bytes);
  if (bytes !== undefined) return;
  requireInstallation();
  mkdirSync(dirname(location), { recursive: true });
}

/**
 * Whether the file is missing; true for ":memory:".
 * @throws FileError if the path cannot be checked.
 */
export function isAbsent(location: string): boolean {
  try {
    return location === ":memory:" || sizeOf(location) === undefined;
  } catch (error) {
    throw translated(error, location);
  }
}

/**
 * Runs `work`, which opens a writable connection and closes it if the file is invalid. When the last connection closes, SQLite
 * checkpoints the WAL into the file, even a WAL that belongs to a different file. A reader that stays open until then prevents
 * the checkpoint.
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
    // The guard keeps its lock even if the file cannot be read; `work` reports the reason.
  }
  return guard;
}
