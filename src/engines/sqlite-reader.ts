/**
 * Reading a file without changing it or what its WAL holds.
 *
 * A connection to a file in WAL mode needs -wal and -shm beside it. A read-only one creates them where they are missing and
 * leaves them there. One that may write takes them away again when it is the last to close, but would also write a dead
 * process's WAL into the file. So which connection is opened depends on what lies there.
 */
import { existsSync, statSync } from "node:fs";
import type Database from "better-sqlite3";
import type { Connection } from "./sqlite-connection.ts";
import { openClient } from "./sqlite-driver.ts";
import { isSqliteError } from "./sqlite-errors.ts";
import { companionSize, mayCreateCompanions } from "./sqlite-file.ts";
import { PathCheck } from "./sqlite-path-check.ts";
import { copyToMemory, copyWithCompanions } from "./sqlite-snapshot.ts";

/** How long SQLite waits for a lock, in milliseconds: short, since `waiting.ts` waits fairly. */
const timeout = 5;

/** A connection that sees what others write later; a copy where this user may not read the file in place. */
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

/** What SQLite answers where it can neither use nor create -shm. */
function isForbidden(error: unknown): boolean {
  return isSqliteError(error) && /^SQLITE_(CANTOPEN|READONLY_(DIRECTORY|CANTINIT|CANTLOCK))/.test(error.code);
}

function copied(location: string): Connection {
  return snapshotOf(copyWithCompanions(location));
}

export function snapshotOf(client: Database.Database): Connection {
  return { client, isSnapshot: true, path: undefined, close: () => client.close() };
}

/** No process has it open in WAL mode, and none died with it open. */
function isAtRest(location: string): boolean {
  return (
    !existsSync(`${location}-shm`) && companionSize(location, "-wal") === 0 && companionSize(location, "-journal") === 0
  );
}

/** Runs `read` on a connection that leaves nothing beside the file, unless another process left its companions there. */
export function readOnce<T>(location: string, read: (client: Database.Database) => T): T {
  const connection = isAtRest(location) && mayCreateCompanions(location) ? openPassing(location) : openReader(location);
  try {
    return read(connection.client);
  } finally {
    connection.close();
  }
}

/** For a moment only: what others wrote and left in the WAL meanwhile, closing this connection would write into the file. */
function openPassing(location: string): Connection {
  const client = openClient(location, { fileMustExist: true, timeout });
  client.pragma("query_only = ON");
  return { client, isSnapshot: false, path: undefined, close: () => client.close() };
}

/** Takes away the companions that a reader had to create, if no other process uses them. */
function removeCompanions(location: string): void {
  try {
    if (isThereAndEmpty(`${location}-wal`)) readOnceAsLast(location);
  } catch {
    // They stay. An empty -wal and a -shm disturb no one.
  }
}

function isThereAndEmpty(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.size === 0;
}

function readOnceAsLast(location: string): void {
  const { client, close } = openPassing(location);
  try {
    client.prepare("SELECT 1 FROM sqlite_schema").get();
  } finally {
    close();
  }
}

/** Up to this size, in bytes, a file that no process has open is copied into memory. 400 MB take as long as a process's start. */
export const maxCopiedBytes = 64 * 2 ** 20;

/** A connection for a look at a file: nothing appears beside it while it is open, unless the file is large. */
export function openLook(location: string): Connection {
  const copies = isAtRest(location) && statSync(location).size <= maxCopiedBytes;
  return copies ? snapshotOf(readOnce(location, copyToMemory)) : openReader(location);
}

/**
 * A copy of a file whose program died in the middle of a transaction, with that transaction undone; `undefined` for any other
 * file. The first connection to read such a file that may write undoes it, even in a file that is not ours.
 */
export function openIfHot(location: string): Connection | undefined {
  if (!isHot(location)) return undefined;
  try {
    return copied(location);
  } catch (error) {
    // A process that creates the file has its journal there for a moment, too.
    if (isHot(location)) throw error;
    return undefined;
  }
}

/** Whether the file's -journal is waiting to be applied to it: no process that still lives wrote it. */
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
