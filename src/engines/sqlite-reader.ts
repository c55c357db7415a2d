/**
 * Reading a file without changing it.
 *
 * A plain read-only connection to a file in WAL mode makes -wal and -shm beside it, which may be neither possible nor
 * wanted. Then a snapshot is read: the file and its WAL as they are at one moment, in memory.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { BusyError } from "../errors.ts";
import { isSqliteError } from "./sqlite-errors.ts";

/** Where SQLite's header says that a file is in WAL mode: both bytes are 2 then, 1 otherwise. */
const walBytes = [18, 19];

/** A read-only connection; a snapshot where the folder cannot be written. */
export function openReader(location: string): Database.Database {
  const client = new Database(location, { readonly: true, timeout: 5 });
  try {
    client.prepare("SELECT 1 FROM sqlite_schema").get();
    return client;
  } catch (error) {
    client.close();
    // What a WAL file in such a folder answers, depending on which of its companions are there.
    if (
      isSqliteError(error) &&
      /^SQLITE_(CANTOPEN|READONLY_(DIRECTORY|CANTINIT|CANTLOCK))/.test(error.code) &&
      isInWalMode(location)
    ) {
      return openSnapshot(location);
    }
    throw error;
  }
}

/** A connection that leaves no trace beside the file, neither while it is open nor afterwards. */
export function openTraceless(location: string): Database.Database {
  return isInWalMode(location) ? openSnapshot(location) : openReader(location);
}

/** A file that nobody has open is copied into memory up to this size, in bytes. A copy of 400 MB takes as long as a start. */
const maxCopiedBytes = 64 * 2 ** 20;

/** A connection for a look: without a trace where -shm is not there anyway and the copy costs little. */
export function openLook(location: string): Database.Database {
  const copies = !existsSync(`${location}-shm`) && statSync(location).size <= maxCopiedBytes;
  return copies ? openTraceless(location) : openReader(location);
}

/**
 * A snapshot of a file whose program died in the middle of a transaction, as it will be when that is undone; `undefined` for
 * any other. The first to read such a file with the right to write undoes it, also in a file that is not ours.
 */
export function openIfHot(location: string): Database.Database | undefined {
  const journal = location === ":memory:" ? undefined : statSync(`${location}-journal`, { throwIfNoEntry: false });
  if (!journal || journal.size === 0) return undefined;
  try {
    openReader(location).close();
    return undefined;
  } catch (error) {
    return isSqliteError(error) && error.code === "SQLITE_READONLY_ROLLBACK" ? openSnapshot(location) : undefined;
  }
}

export function isInWalMode(location: string): boolean {
  const header = Buffer.alloc(20);
  const file = openSync(location, "r");
  try {
    return (
      readSync(file, header, 0, header.length, 0) === header.length && walBytes.every((byte) => header[byte] === 2)
    );
  } finally {
    closeSync(file);
  }
}

/** What lies beside a file and belongs to it. -shm is made anew from the WAL. */
const companions = ["-wal", "-journal"];

/** How often a copy is begun anew when somebody has written meanwhile. */
const maxCopies = 20;

function openSnapshot(location: string): Database.Database {
  for (let copies = 0; copies < maxCopies; copies++) {
    const before = fingerprint(location);
    const image = before.companions ? recoveredImage(location) : readFileSync(location);
    if (fingerprint(location).text !== before.text) continue;
    // In memory there is no WAL mode.
    for (const byte of walBytes) image[byte] = 1;
    return new Database(image, { readonly: true });
  }
  throw new BusyError(`${location} is being written so fast that no consistent copy could be read. Try again.`, 0);
}

/** Two copies with the same one around them show the same moment. */
function fingerprint(location: string): { text: string; companions: boolean } {
  const parts = ["", ...companions].map((ending) => {
    const file = location + ending;
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
    return { text: stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs}` : "", size: stats?.size ?? 0n };
  });
  return { text: parts.map(({ text }) => text).join(), companions: parts.slice(1).some(({ size }) => size > 0n) };
}

/** SQLite itself puts the file together with its WAL, or undoes what its journal says, on a copy of all. */
function recoveredImage(location: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-"));
  try {
    const copy = join(folder, "copy.db");
    for (const ending of ["", ...companions]) {
      if (existsSync(location + ending)) copyFileSync(location + ending, copy + ending);
    }
    const client = new Database(copy);
    try {
      return client.serialize();
    } finally {
      client.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Closes a connection that could write and did not. The last one to close would write the WAL of a process that died into
 * the file; another reader keeps it from being the last.
 */
export function closeUntouched(client: Database.Database, location: string): void {
  const wal = location === ":memory:" ? undefined : statSync(`${location}-wal`, { throwIfNoEntry: false });
  const guard = wal && wal.size > 0 ? readerIfPossible(location) : undefined;
  client.close();
  guard?.close();
}

/** There is none where somebody else has locked the file, and then the one to be closed is not the last. */
function readerIfPossible(location: string): Database.Database | undefined {
  try {
    return openReader(location);
  } catch {
    return undefined;
  }
}
