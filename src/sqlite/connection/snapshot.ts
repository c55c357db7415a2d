/**
 * Copies a database for a reader that cannot or must not read the file in place.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { BusyError, FileError } from "../../errors.ts";
import { vacuumInto } from "./copy.ts";
import { openClient } from "./driver.ts";
import { isProcessAlive } from "./processes.ts";

/** Offsets of the read and write version in SQLite's header: 2 in WAL mode, 1 otherwise. */
const walBytes = [18, 19];

/** Copies what `client` sees to memory. */
export function copyToMemory(client: Database.Database): Database.Database {
  // For a file that is not a database this throws NOTADB, while `serialize` throws "Out of memory".
  client.prepare("SELECT 1 FROM sqlite_schema").get();
  const image = client.serialize();
  // A database in memory cannot be in WAL mode.
  if (image.length > 0) for (const byte of walBytes) image[byte] = 1;
  const copy = openClient(image);
  copy.pragma("query_only = ON");
  return copy;
}

/** Copies what `client` sees to a temporary file, which is unlinked when this returns. */
export function copyToDisk(client: Database.Database): Database.Database {
  return inPrivateFolder((file) => {
    vacuumInto(client, file);
    return opened(file);
  });
}

/** Maximum number of attempts to copy a file that other processes write to. */
const maxCopies = 20;

/**
 * Copies a file that SQLite cannot open in place, with its WAL or journal, which SQLite then applies to the copy.
 * @throws BusyError if the file changed during every attempt; FileError if it cannot be copied.
 */
export function copyWithCompanions(location: string): Database.Database {
  for (let copies = 0; copies < maxCopies; copies++) {
    const before = fingerprint(location);
    try {
      const copy = inPrivateFolder((file) => {
        for (const ending of endings) {
          if (existsSync(location + ending)) copyFile(location, location + ending, file + ending);
        }
        return fingerprint(location) === before ? opened(file) : undefined;
      });
      if (copy) return copy;
    } catch (error) {
      if (fingerprint(location) === before) throw error;
    }
  }
  throw new BusyError(`${location} changed during each of ${maxCopies} attempts to copy it. Try again.`, 0);
}

/** The files to copy. SQLite rebuilds -shm from the WAL. */
const endings = ["", "-wal", "-journal"];

/** Identifies a version of the files: if it is equal before and after copying, the copy is consistent. */
function fingerprint(location: string): string {
  const parts = endings.map((ending) => {
    const stats = statSync(location + ending, { bigint: true, throwIfNoEntry: false });
    return stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs}` : "";
  });
  return parts.join();
}

/**
 * Copies in a child process: this process may have the file open and would drop its locks when it closes a descriptor of it.
 * Windows has neither this rule nor `cp`.
 */
function copyFile(location: string, from: string, to: string): void {
  if (process.platform === "win32") return copyFileSync(from, to);
  // `cp` would create the copy of a read-only file as read-only.
  writeFileSync(to, "", { mode: 0o600 });
  const { status, stderr, error } = spawnSync("cp", ["--", from, to], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status === 0) return;
  const reason = error ? error.message : stderr.trim();
  const full = /No space left|quota/i.test(reason);
  const message = `This user cannot open ${location} in place, and copying it to ${tmpdir()} failed: ${reason}. Set TMPDIR to a folder with enough space, or read it as its owner.`;
  throw new FileError(full ? "DISK_FULL" : "CANNOT_OPEN", location, message, error && { cause: error });
}

function opened(file: string): Database.Database {
  const client = openClient(file);
  try {
    // Moves all data into the one file.
    client.pragma("journal_mode = DELETE");
    client.pragma("query_only = ON");
    client.prepare("SELECT 1 FROM sqlite_schema").get();
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

const prefix = "run-blackboard-copy-";

/** Calls `use` with a path in a private folder, then deletes the folder; a file that is still open remains readable. */
function inPrivateFolder<T>(use: (file: string) => T): T {
  removeLeftovers();
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}@${hostname()}-`));
  try {
    return use(join(folder, "copy.db"));
  } finally {
    removeIfPossible(folder);
  }
}

/** Removes the folders of processes that were killed while copying. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const [, pid, host] = /^(\d+)@(.+)-[^-]{6}$/.exec(name.slice(prefix.length)) ?? [];
    if (host === hostname() && !isProcessAlive(Number(pid))) removeIfPossible(join(tmpdir(), name));
  }
}

function removeIfPossible(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // It belongs to a different user; or, on Windows, a file in it is open, and a later copy removes it.
  }
}
