/**
 * Opens a file for reading without changing it or its WAL.
 *
 * A connection to a file in WAL mode needs -wal and -shm. A read-only connection creates them if they are missing and does not
 * delete them. A writable connection deletes them when it is the last to close, but also checkpoints the WAL of a crashed process
 * into the file. The choice of connection therefore depends on which companions exist.
 */
import { existsSync, statSync } from "node:fs";
import type Database from "better-sqlite3";
import { isSqliteError } from "../errors.ts";
import { openClient } from "./driver.ts";
import { companionSize, mayCreateCompanions } from "./file.ts";
import { type Connection, snapshotOf } from "./opened.ts";
import { PathCheck } from "./path-check.ts";
import { copyToMemory, copyWithCompanions } from "./snapshot.ts";

/** SQLite's busy timeout, in milliseconds. It is short, because `waiting.ts` waits more fairly. */
const timeout = 5;

/** Opens a connection that shows later writes, or a copy if this user cannot read the file in place. */
export function openReader(location: string): Connection {
  if (!existsSync(`${location}-shm`) && !mayCreateCompanions(location)) return copied(location);
  const atRest = isAtRest(location);
  const client = openClient(location, { readonly: true, timeout });
  try {
    client.prepare("SELECT 1 FROM sqlite_schema").get();
  } catch (error) {
    client.close();
    if (isForbidden(error)) return copied(location);
    throw error;
  }
  const close = () => {
    client.close();
    if (atRest) removeCompanions(location);
  };
  return { client, isSnapshot: false, path: new PathCheck(location, client), close };
}

/** Whether SQLite can neither use nor create the -shm file. */
function isForbidden(error: unknown): boolean {
  return isSqliteError(error) && /^SQLITE_(CANTOPEN|READONLY_(DIRECTORY|CANTINIT|CANTLOCK))/.test(error.code);
}

function copied(location: string): Connection {
  return snapshotOf(copyWithCompanions(location));
}

/** Whether no process has the file open in WAL mode, and none crashed with it open. */
export function isAtRest(location: string): boolean {
  return (
    !existsSync(`${location}-shm`) && companionSize(location, "-wal") === 0 && companionSize(location, "-journal") === 0
  );
}

/** Runs `read` on a connection that leaves no files next to the database, except companions of other processes. */
export function readOnce<T>(location: string, read: (client: Database.Database) => T): T {
  const connection =
    isAtRest(location) && mayCreateCompanions(location) ? openWritable(location) : openReader(location);
  try {
    return read(connection.client);
  } finally {
    connection.close();
  }
}

/** Keep it open only briefly: closing it checkpoints a WAL that another process wrote and left in the meantime. */
function openWritable(location: string): Connection {
  const client = openClient(location, { fileMustExist: true, timeout });
  client.pragma("query_only = ON");
  return { client, isSnapshot: false, path: undefined, close: () => client.close() };
}

/** Removes the companions that a reader created, if no other process uses them. */
function removeCompanions(location: string): void {
  try {
    if (isEmptyFile(`${location}-wal`)) readWritable(location);
  } catch {
    // They remain: an empty -wal and a -shm are harmless.
  }
}

function isEmptyFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.size === 0;
}

/** SQLite deletes -wal and -shm when the last writable connection that has read the file closes. */
function readWritable(location: string): void {
  const { client, close } = openWritable(location);
  try {
    client.prepare("SELECT 1 FROM sqlite_schema").get();
  } finally {
    close();
  }
}

/** Maximum size in bytes of a file that is copied to memory. Copying 400 MB takes as long as starting a process. */
export const maxCopiedBytes = 64 * 2 ** 20;

/** Opens a file for a short read. Creates no files next to it, unless the file is large. */
export function openLook(location: string): Connection {
  const copies = isAtRest(location) && statSync(location).size <= maxCopiedBytes;
  return copies ? snapshotOf(readOnce(location, copyToMemory)) : openReader(location);
}

/**
 * Copies a file that has a hot journal, and rolls back the unfinished transaction in the copy; `undefined` for any other file. The
 * first writable connection that reads such a file rolls it back in place, even if the file is not a blackboard.
 */
export function openIfHot(location: string): Connection | undefined {
  if (!isHot(location)) return undefined;
  try {
    return copied(location);
  } catch (error) {
    // A process that is creating the file also has a journal for a moment.
    if (isHot(location)) throw error;
    return undefined;
  }
}

/** Whether the file has a hot journal: its writer died, and the next writable connection will roll the transaction back. */
export function isHot(location: string): boolean {
  if (location === ":memory:" || companionSize(location, "-journal") === 0) return false;
  const client = openClient(location, { readonly: true, timeout });
  try {
    client.prepare("SELECT 1 FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return isSqliteError(error) && error.code === "SQLITE_READONLY_ROLLBACK";
  } finally {
    client.close();
  }
}
