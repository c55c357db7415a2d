/**
 * Detects that an open database's path refers to a different file or to no file: after `rm`, `mv`, a restored copy, a renamed
 * folder. SQLite would continue to write to a file that no other process can open.
 */
import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import { FileError } from "../../errors.ts";

/** Minimum interval between checks, in milliseconds: three `stat` calls take 6 µs, a noticeable share of a write of 40 µs. */
const intervalMs = 200;

/** The files to check. The -wal and -shm appear when a file in WAL mode is first read. None may be replaced while it is open. */
const endings = ["", "-wal", "-shm"] as const;

/** Returns device and inode, which are unique while the file is open; `undefined` if the file is missing or inaccessible. */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    // Opening the file reports the reason.
    return undefined;
  }
}

export class PathCheck {
  readonly #location: string;
  readonly #client: Database.Database;
  readonly #opened = new Map<string, string>();
  #next = performance.now() + intervalMs;
  #failure: FileError | undefined;

  constructor(location: string, client: Database.Database) {
    this.#location = location;
    this.#client = client;
    this.note();
  }

  /** Records the file and its companions. Call it again after the first read in WAL mode, which creates -wal and -shm. */
  note(): void {
    for (const ending of endings) {
      const path = this.#location + ending;
      const identity = identityOf(path);
      if (identity !== undefined && !this.#opened.has(path)) this.#opened.set(path, identity);
    }
  }

  /**
   * @throws FileError `NO_SUCH_FILE` from the first check that finds a different file or no file at the path. Later calls throw it too:
   * the file may return to its path with a WAL that this connection has not opened.
   */
  require(): void {
    if (this.#failure) throw this.#failure;
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + intervalMs;
    for (const [path, identity] of this.#opened) {
      if (identityOf(path) === identity) continue;
      const mode = path === this.#location ? undefined : this.#journalMode();
      if (mode === "unknown") return;
      if (mode !== undefined && mode !== "wal") {
        // Only this connection itself can have left WAL mode, which deletes -wal and -shm: SQLite requires that no other is open.
        this.#opened.delete(path);
        continue;
      }
      this.#failure = movedAway(this.#location, path);
      throw this.#failure;
    }
  }

  /** Returns "unknown" while a query of the user is being iterated over; the next check asks again. */
  #journalMode(): unknown {
    try {
      return this.#client.pragma("journal_mode", { simple: true });
    } catch {
      return "unknown";
    }
  }
}

function movedAway(location: string, path: string): FileError {
  const message =
    `${path} was deleted, moved or replaced while it was open. Writes of the last second before that may be lost; nothing was written since. ` +
    "Close this blackboard and open it again.";
  return new FileError("NO_SUCH_FILE", location, message);
}
