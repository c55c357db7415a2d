/**
 * Copies of a database for a reader that must not, or cannot, read the file in place.
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

/** Where SQLite's header says that a file is in WAL mode: both bytes are 2 then, 1 otherwise. */
const walBytes = [18, 19];

/** A copy in memory of what `client` sees. */
export function copyToMemory(client: Database.Database): Database.Database {
  // Says what is wrong with a file that is not a database; `serialize` would say "Out of memory".
  client.prepare("SELECT 1 FROM sqlite_schema").get();
  const image = client.serialize();
  // A database in memory cannot be in WAL mode.
  if (image.length > 0) for (const byte of walBytes) image[byte] = 1;
  const copy = openClient(image);
  copy.pragma("query_only = ON");
  return copy;
}

/** A copy of what `client` sees, in a temporary file that has no name any more when this returns. */
export function copyToDisk(client: Database.Database): Database.Database {
  return inPrivateFolder((file) => {
    vacuumInto(client, file);
    return opened(file);
  });
}

/** How often a copy is made again because the original was written meanwhile. */
const maxCopies = 20;

/**
 * A copy of a file with its WAL or its journal, for a file that SQLite may not open in place. SQLite applies the one or the other
 * to the copy.
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

/** -shm is derived from the WAL. */
const endings = ["", "-wal", "-journal"];

/** Equal before and after copying: all that was copied is of one moment. */
function fingerprint(location: string): string {
  const parts = endings.map((ending) => {
    const stats = statSync(location + ending, { bigint: true, throwIfNoEntry: false });
    return stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs}` : "";
  });
  return parts.join();
}

/**
 * By a process of its own: this one may have the file open, and would drop its locks by closing the descriptor it read from.
 * Windows has no such rule, and no `cp`.
 */
function copyFile(location: string, from: string, to: string): void {
  if (process.platform === "win32") return copyFileSync(from, to);
  // Otherwise the copy of a file that may not be written could not be written either.
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
    // From here on all of it is in the one file.
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

/** Calls `use` with a path in a folder that only this user can read, and deletes the folder: an open file stays readable. */
function inPrivateFolder<T>(use: (file: string) => T): T {
  removeLeft();
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}@${hostname()}-`));
  try {
    return use(join(folder, "copy.db"));
  } finally {
    // Windows deletes no open file: a later copy removes the folder there.
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a process that was killed while it copied has left. */
function removeLeft(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const [, pid, host] = /^(\d+)@(.+)-[^-]{6}$/.exec(name.slice(prefix.length)) ?? [];
    if (host === hostname() && !isProcessAlive(Number(pid)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
