/**
 * Locks a file exclusively, to delete or replace it.
 *
 * A connection in WAL mode holds a shared lock while it is open, so SQLite lets a file leave that mode only if no other
 * connection exists. From then on an exclusive lock keeps out all others, and the file has no -wal and no -shm.
 */
import type Database from "better-sqlite3";
import { isBusy, isSqliteError } from "../errors.ts";
import { openClient } from "./driver.ts";
import { identityOf } from "./path-check.ts";

export interface ExclusiveFile {
  readonly client: Database.Database;
  /** Device and inode of the locked file. */
  readonly identity: string;
  /**
   * Calls `remove`, which deletes or replaces the file at its path. A process that opened the file earlier and waits for the lock
   * would continue on an unlinked file and lose its writes. To make it fail, this renames the `runs` table, and commits the
   * rename after `remove`, so that a process killed in between leaves the file unchanged.
   */
  discard(remove: () => void): void;
  /** Releases the lock; the file is unchanged, unless it was discarded. */
  close(): void;
}

/** Locks the file; returns `undefined` if another connection, of any process, has it open. */
export function openExclusive(location: string): ExclusiveFile | undefined {
  const before = identityOf(location);
  const client = openClient(location, { fileMustExist: true, timeout: 0 });
  let mode: unknown;
  let isDiscarded = false;
  const close = () => {
    if (!isDiscarded) release(client, mode);
    client.close();
  };
  try {
    mode = client.pragma("journal_mode", { simple: true });
    client.pragma("journal_mode = DELETE");
    client.pragma("journal_mode = MEMORY");
    client.exec("BEGIN EXCLUSIVE");
    const identity = identityOf(location);
    // A process that opened the file between two of these statements may have switched it back to WAL mode.
    const isExclusive = client.pragma("journal_mode", { simple: true }) === "memory";
    if (isExclusive && identity !== undefined && identity === before) {
      const discard = (remove: () => void) => {
        // User-defined views and triggers may refer to the table; they need not be valid after the rename.
        client.pragma("legacy_alter_table = ON");
        renameRuns(client);
        remove();
        isDiscarded = true;
        client.exec("COMMIT");
      };
      return { client, identity, discard, close };
    }
    close();
    return undefined;
  } catch (error) {
    close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

function renameRuns(client: Database.Database): void {
  try {
    client.exec("ALTER TABLE runs RENAME TO discarded_runs");
  } catch (error) {
    // An empty or corrupt file, which a restore replaces, may lack the table.
    if (!isSqliteError(error)) throw error;
  }
}

function release(client: Database.Database, mode: unknown): void {
  if (client.inTransaction) client.exec("ROLLBACK");
  if (mode !== "wal") return;
  try {
    client.pragma("journal_mode = WAL");
  } catch (error) {
    // The next writer sets the mode again.
    if (!isBusy(error)) throw error;
  }
}
