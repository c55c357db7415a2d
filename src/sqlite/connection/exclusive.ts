/**
 * Having a file alone, to delete or to replace it.
 *
 * A connection in WAL mode holds a shared lock for as long as it is open, so SQLite lets a file leave that mode only when there is no
 * other connection. From then on an exclusive lock keeps all others out, and the file has no -wal and no -shm.
 */
import type Database from "better-sqlite3";
import { isBusy, isSqliteError } from "../errors.ts";
import { openClient } from "./driver.ts";
import { identityOf } from "./path-check.ts";

export interface Alone {
  readonly client: Database.Database;
  /** Device and inode of the locked file. */
  readonly identity: string;
  /**
   * Calls `remove`, which takes the file away from its path. A process that opened the file before and waits for the lock would go on
   * in a file without a name, and lose what it writes: it finds the table of runs gone and fails. That change is committed
   * after `remove`, so that a process killed in between leaves the file unchanged.
   */
  discard(remove: () => void): void;
  /** Gives the file back as it was, unless it was discarded. */
  close(): void;
}

/** `undefined` where another connection, of any process, has the file open. */
export function openAlone(location: string): Alone | undefined {
  const before = identityOf(location);
  const client = openClient(location, { fileMustExist: true, timeout: 0 });
  let mode: unknown;
  let isDiscarded = false;
  const close = () => {
    if (!isDiscarded) giveBack(client, mode);
    client.close();
  };
  try {
    mode = client.pragma("journal_mode", { simple: true });
    client.pragma("journal_mode = DELETE");
    client.pragma("journal_mode = MEMORY");
    client.exec("BEGIN EXCLUSIVE");
    const identity = identityOf(location);
    // In WAL mode once more if a process opened it between two of these statements.
    const isAlone = client.pragma("journal_mode", { simple: true }) === "memory";
    if (isAlone && identity !== undefined && identity === before) {
      const discard = (remove: () => void) => {
        // What users added to the file may name the table, and need not go on working.
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
    // An empty or damaged file, which a restore replaces, may have no such table.
    if (!isSqliteError(error)) throw error;
  }
}

function giveBack(client: Database.Database, mode: unknown): void {
  if (client.inTransaction) client.exec("ROLLBACK");
  if (mode !== "wal") return;
  try {
    client.pragma("journal_mode = WAL");
  } catch (error) {
    // The next process to open it for writing sets the mode.
    if (!isBusy(error)) throw error;
  }
}
