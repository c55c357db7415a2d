/**
 * Where a line is measured: temporary files, each made by `openBlackboard`, so that every side works on the same schema.
 * They lie where the system puts temporary files; TMPDIR moves them. A file system in memory would make FULL look free.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";

export type Board = ReturnType<typeof openBlackboard>;
/** What SQLite calls synchronous: NORMAL commits into the file's log, FULL waits for the disk as well. */
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

  /** A name for a file that does not exist yet. */
  newFile(): string {
    this.#files++;
    return join(this.#folder, `${this.#files}.db`);
  }

  /** A file of the current schema that holds a run and what `seed` writes. Closed. */
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

  /** A plain connection to a file, which need not be there yet. */
  plain(file = this.newFile()): Database.Database {
    const db = this.closeLater(openRaw(file, this.level));
    fillLog(db);
    return db;
  }

  /** Closes it when the line is done. */
  closeLater<T extends { close(): void }>(connection: T): T {
    this.#open.push(connection);
    return connection;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open) connection.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** A plain connection with the pragmas that a blackboard has. */
export function openRaw(file: string, level: Level): Database.Database {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${level}`);
  db.pragma("foreign_keys = ON");
  return db;
}

/**
 * Writes until the log has been written back into the file once, as in any file that is in use: while the log still grows a
 * commit at FULL waits for the disk up to twice as long (330 to 540 µs, and 230 to 390 over what is there), and which side
 * gets past that first would be chance.
 */
function fillLog(db: Database.Database): void {
  const level = db.pragma("synchronous", { simple: true });
  db.pragma("synchronous = OFF");
  for (let n = 1100; n >= 0; n--) db.pragma(`user_version = ${n}`);
  db.pragma(`synchronous = ${level}`);
}
