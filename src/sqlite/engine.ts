/**
 * The SQLite engine, on better-sqlite3. All calls are synchronous.
 */
import type Database from "better-sqlite3";
import type { Logger } from "drizzle-orm";
import {
  allowManyListeners,
  type Body,
  closedAt,
  closedInside,
  type Engine,
  type Found,
  rolledBack,
  type Session,
  transactionEnded,
} from "../engine/engine.ts";
import { Kept } from "../engine/kept.ts";
import { FileError, InvalidInputError } from "../errors.ts";
import type { Lens, Operation, Step } from "../operations/operation.ts";
import { databaseOn, type SqliteDatabase } from "./connection/drizzle.ts";
import type { Connection } from "./connection/opened.ts";
import { isBusy, translated } from "./errors.ts";
import { sqliteLens } from "./lens.ts";
import { reading } from "./prepared.ts";
import { waiting } from "./waiting.ts";

interface SqliteEngineOptions {
  readonly location: string;
  readonly busyTimeoutMs: number;
  readonly logger: Logger | undefined;
}

export class SqliteEngine implements Engine<"sync", SqliteDatabase> {
  readonly drizzle: SqliteDatabase;
  readonly location: string;
  /** Polling 20 times a second costs an otherwise idle process half a percent of a core. */
  readonly pollMs = 50;
  readonly #connection: Connection;
  readonly #client: Database.Database;
  readonly #closing = new AbortController();
  readonly #busyTimeoutMs: number;
  readonly #lens: Lens;
  readonly #kept = new Kept<ReturnType<typeof reading>>();
  readonly #control: (sql: string) => void;
  #counters: Database.Statement<[], number>[] | undefined;
  /** The number of open transactions and savepoints of this engine. */
  #depth = 0;

  /** Takes ownership of an open connection to a file with the current schema. */
  constructor(connection: Connection, { location, busyTimeoutMs, logger }: SqliteEngineOptions) {
    const { client } = connection;
    this.#connection = connection;
    this.#client = client;
    connection.path?.note();
    allowManyListeners(this.closed);
    this.location = location;
    this.#busyTimeoutMs = busyTimeoutMs;
    // Drizzle calls its logger before each query, including the user's own through `tx.drizzle`.
    const guard: Logger = {
      logQuery: (query, parameters) => {
        this.#requireUsable();
        logger?.logQuery(query, parameters);
      },
    };
    this.drizzle = databaseOn(client, guard);
    this.#lens = sqliteLens(this.drizzle);
    // A statement of several rows in a transaction keeps what it changes until it ends. For more than 64 KB SQLite would create a
    // temporary file, which took a sixth of a list's time. Only here, since the indexes of a migration are sorted in files.
    if (!client.readonly) client.pragma("temp_store = MEMORY");
    const statements = new Map<string, Database.Statement>();
    this.#control = (sql) => {
      const statement = statements.get(sql) ?? client.prepare(sql);
      statements.set(sql, statement);
      statement.run();
    };
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  run<T>(operation: () => Operation<T>): T {
    this.#requireUsable();
    return this.#drive(operation());
  }

  look<T>(seen: string | undefined, operation: () => Operation<T>): Found<T> | undefined {
    this.#requireUsable();
    // It would read uncommitted rows. The transaction may be the user's own, begun on the driver and still open.
    if (this.#client.inTransaction) return undefined;
    if (seen !== undefined && this.#connection.isSnapshot) throw cannotFollow(this.location);
    // Read before the query: a commit in between then causes a redundant query, not a missed change.
    const version = this.#version();
    return version === seen ? undefined : { version, value: this.#drive(operation()) };
  }

  transaction<T>(body: (session: Session<"sync", SqliteDatabase>) => Body<"sync", T>, isAsync: boolean): T {
    this.#requireUsable();
    // Rejected before the callback starts: its first part would be rolled back, and the rest would run outside the transaction.
    if (isAsync) throw promiseReturned();
    let isEnded = false;
    const whileOpen = () => {
      if (isEnded) throw transactionEnded();
    };
    const { drizzle } = this;
    const session: Session<"sync", SqliteDatabase> = {
      get drizzle() {
        whileOpen();
        return drizzle;
      },
      run: (operation) => {
        whileOpen();
        return this.run(operation);
      },
      transaction: (inner, innerIsAsync) => {
        whileOpen();
        return this.transaction(inner, innerIsAsync);
      },
    };
    return this.#atomically(() => {
      try {
        const value = body(session);
        if (isThenable(value)) {
          // Its rejection only follows from the rollback, which the error below reports.
          Promise.resolve(value).catch(() => undefined);
          throw promiseReturned();
        }
        return value;
      } finally {
        isEnded = true;
      }
    });
  }

  close(): void {
    if (this.#depth > 0) throw closedInside();
    try {
      this.#connection.close();
      this.#closing.abort(closedAt(this.location));
    } catch (error) {
      throw translated(error, this.location);
    }
  }

  /**
   * Returns a value that changes with each commit: `data_version` counts commits of other connections, `total_changes()` the rows
   * that this connection writes. Throws BusyError immediately while the file is locked against readers, without blocking this
   * process: a watch polls again.
   */
  #version(): string {
    try {
      this.#counters ??= ["PRAGMA data_version", "SELECT total_changes()"].map((sql) =>
        this.#client.prepare<[], number>(sql).pluck(),
      );
      return this.#counters.map((counter) => counter.get()).join();
    } catch (error) {
      throw translated(error, this.location);
    }
  }

  #drive<T>(operation: Operation<T>): T {
    let step = operation.next();
    while (!step.done) step = operation.next(this.#execute(step.value));
    return step.value;
  }

  #execute(step: Step): unknown {
    if ("atomic" in step) return this.#atomically(() => this.#drive(step.atomic()));
    // Not run: a transaction costs no more, and needs no second text for each change.
    if ("atOnce" in step) return undefined;
    if ("snapshot" in step) return this.#consistently(() => this.#drive(step.snapshot()));
    try {
      if ("build" in step) {
        const query = reading(step.build(this.#lens).prepare(""), this.#client);
        return this.#waiting(() => query({}));
      }
      const { prepare } = step;
      const query = this.#kept.get(prepare, () => this.#waiting(() => reading(prepare(this.#lens), this.#client)));
      // Never `.get()`: it stops after the first row and ignores later failures, such as that of the commit.
      return this.#waiting(() => query(step.parameters));
    } catch (error) {
      throw translated(error, this.location);
    }
  }

  /** Waits for other writers, except inside a transaction, which already holds the lock. */
  #waiting<T>(work: () => T): T {
    return this.#client.inTransaction ? work() : waiting(work, isBusy, this.#busyTimeoutMs, this.location);
  }

  /** Uses BEGIN IMMEDIATE: a deferred transaction that reads and then writes fails with BUSY if another commit came between. */
  #atomically<T>(work: () => T): T {
    const nested = this.#client.inTransaction;
    this.#command(nested ? "SAVEPOINT nested" : "BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const value = work();
      this.#requireUsable();
      this.#command(nested ? "RELEASE nested" : "COMMIT");
      return value;
    } catch (error) {
      // After some errors, such as a full disk, SQLite has already rolled back the whole transaction.
      if (this.#client.open && this.#client.inTransaction) {
        if (nested) this.#command("ROLLBACK TO nested");
        this.#command(nested ? "RELEASE nested" : "ROLLBACK");
      }
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** Runs `work` in a deferred transaction, which read-only connections allow, or in the transaction that is already open. */
  #consistently<T>(work: () => T): T {
    if (this.#client.inTransaction) return work();
    this.#command("BEGIN DEFERRED");
    try {
      return work();
    } finally {
      this.#command("COMMIT");
    }
  }

  #command(sql: string): void {
    try {
      this.#waiting(() => this.#control(sql));
    } catch (error) {
      throw translated(error, this.location);
    }
  }

  #requireUsable(): void {
    if (!this.#client.open) throw closedAt(this.location);
    this.#connection.path?.require();
    this.#requireTransaction();
  }

  /** After some errors, such as a full disk, SQLite rolls back the whole transaction: later statements would autocommit. */
  #requireTransaction(): void {
    if (this.#depth > 0 && !this.#client.inTransaction) throw rolledBack();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function promiseReturned(): InvalidInputError {
  const message =
    "must not be async: a SQLite transaction ends when the callback returns, before a promise settles. " +
    "Await outside the transaction; nothing was written";
  return new InvalidInputError([{ path: "fn", message }]);
}

function cannotFollow(location: string): FileError {
  const message =
    `${location} was opened as a snapshot, which does not show later writes: \`live\` was not set, the schema is older, or this user ` +
    "cannot create the -shm file next to it. Open it again to read newer data.";
  return new FileError("READ_ONLY", location, message);
}
