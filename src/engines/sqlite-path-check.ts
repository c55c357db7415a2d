/**
 * Notices that the path of an open database leads to a different file, or to none: after `rm`, `mv`, a restored copy, a renamed
 * folder. SQLite would go on writing to a file that no one else can find.
 */
import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import { FileError } from "../errors.ts";

/** At most this often, in milliseconds: three calls of `stat` take 6 µs, which a write of 40 µs would show. */
const intervalMs = 200;

/** The WAL is missing until a file in WAL mode is read. While a connection is open nothing may replace either of them. */
const endings = ["", "-wal", "-shm"] as const;

/** Device and inode, which no other file has as long as this one is open; `undefined` for a file that is missing or out of reach. */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    // Opening it says why.
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

  /** Notes which companions the file has: again when the connection has put the file into WAL mode and read it. */
  note(): void {
    for (const ending of endings) {
      const path = this.#location + ending;
      const identity = identityOf(path);
      if (identity !== undefined && !this.#opened.has(path)) this.#opened.set(path, identity);
    }
  }

  /**
   * @throws FileError `NO_SUCH_FILE` from the first look that finds a different file or none at the path, and ever after: the file
   * may come back to its path with a WAL that this connection does not know.
   */
  require(): void {
    if (this.#failure) throw this.#failure;
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + intervalMs;
    for (const [path, identity] of this.#opened) {
      if (identityOf(path) === identity) continue;
      if (path !== this.#location && !this.#isInWalMode()) {
        this.#opened.delete(path);
        continue;
      }
      this.#failure = movedAway(this.#location, path);
      throw this.#failure;
    }
  }

  /** Only this connection itself can have taken the file out of WAL mode, and its companions away: while others are open SQLite does not. */
  #isInWalMode(): boolean {
    return this.#client.pragma("journal_mode", { simple: true }) === "wal";
  }
}

function movedAway(location: string, path: string): FileError {
  const message =
    `${path} was deleted, moved or replaced while it was open. What was written less than a second before may be lost, nothing was written since. ` +
    "Close this blackboard and open it again.";
  return new FileError("NO_SUCH_FILE", location, message);
}
