/**
 * The files that a line is measured on: temporary files created by `openBlackboard`, so that every side has the same schema.
 * They are in the system's temporary folder, or in TMPDIR. On a file system in memory, FULL would appear to cost nothing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";

export type Board = ReturnType<typeof openBlackboard>;
/** SQLite's `synchronous`: NORMAL commits to the WAL, FULL also waits for the disk. */
export type Level = "normal" | "full";

export const runId = "bench";

export class Sites implements Disposable {
  readonly level: Level;
  readonly #folder = mkdtempSync(join(tmpdir(), "run-blackboard-bench-"));
  readonly #open: { close(): void }[] = [];
  #files = 0;

  constructor(level: Level) {
    this.level = level;
  }

  /** Returns a path where no file exists. */
  newFile(): string {
    this.#files++;
    return join(this.#folder, `${this.#files}.db`);
  }

  /** Creates a file with a run and the rows that `seed` writes, and closes it. */
  seeded(seed?: (board: Board) => void): string {
    const file = this.newFile();
    const board = openBlackboard({ runId, file, synchronous: "normal" });
    board.createRun("Find out what it costs");
    if (seed) board.transaction(() => seed(board));
    board.close();
    return file;
  }

  board(seed?: (board: Board) => void): Board {
    const board = this.closeLater(openBlackboard({ runId, file: this.seeded(seed), synchronous: this.level }));
    fillLog(board.drizzle.$client);
    return board;
  }

  raw(seed?: (board: Board) => void): Database.Database {
    return this.plain(this.seeded(seed));
  }

  /** Opens a plain connection to a file, which need not exist. */
  plain(file = this.newFile()): Database.Database {
    const db = this.closeLater(openRaw(file, this.level));
    fillLog(db);
    return db;
  }

  /** Registers a resource to close when the line is finished. */
  closeLater<T extends { close(): void }>(connection: T): T {
    this.#open.push(connection);
    return connection;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open) connection.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Opens a plain connection with the same pragmas as a blackboard. */
export function openRaw(file: string, level: Level): Database.Database {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${level}`);
  db.pragma("foreign_keys = ON");
  db.pragma("temp_store = MEMORY");
  return db;
}

/**
 * Writes until the WAL has been checkpointed once, as in any file in use. While the WAL still grows, a commit at FULL waits for
 * the disk up to twice as long (330 to 540 µs, compared with 230 to 390 µs when overwriting), and which side finishes growing
 * first would be random.
 */
function fillLog(db: Database.Database): void {
  const level = db.pragma("synchronous", { simple: true });
  db.pragma("synchronous = OFF");
  for (let n = 1100; n >= 0; n--) db.pragma(`user_version = ${n}`);
  db.pragma(`synchronous = ${level}`);
}
