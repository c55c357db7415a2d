/**
 * The PostgreSQL engine, on node-postgres. Each operation outside a transaction and each transaction checks a client out of
 * the pool until it ends.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "drizzle-orm";
import {
  allowManyListeners,
  type Body,
  closedAt,
  closedInside,
  type Engine,
  type Found,
  type Session,
} from "../engine/engine.ts";
import type { Operation } from "../operations/operation.ts";
import { databaseOf, type PostgresDatabase } from "./drizzle.ts";
import { isContention, translated } from "./errors.ts";
import { begin } from "./limits.ts";
import { Line } from "./line.ts";
import { unnamed } from "./naming.ts";
import { type Client, type Connection, checkOut } from "./pool.ts";
import { type Surroundings, Transaction, translatingDriverErrors } from "./transaction.ts";

interface PostgresEngineOptions {
  readonly connection: Connection;
  readonly runId: string;
  readonly logger: Logger | undefined;
}

interface PostgresSnapshot {
  run<T>(operation: () => Operation<T>): Promise<T>;
  close(): Promise<void>;
}

/** Maximum number of attempts of an operation after a deadlock or a serialization failure. */
const maxAttempts = 10;
/** Base of the random pause between attempts, in milliseconds; its maximum doubles with each attempt. */
const firstPauseMs = 2;

export class PostgresEngine implements Engine<"async", PostgresDatabase> {
  readonly location: string;
  /** Each poll is a round trip to the server. */
  readonly pollMs = 200;
  readonly #connection: Connection;
  readonly #runId: string;
  readonly #surroundings: Surroundings;
  readonly #lines = new WeakMap<Client, Line>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor({ connection, runId, logger }: PostgresEngineOptions) {
    this.#connection = connection;
    allowManyListeners(this.closed);
    this.location = connection.location;
    this.#runId = runId;
    this.#surroundings = {
      location: connection.location,
      logger,
      database: databaseOf(connection.pool, connection.tables, logger),
      current: new AsyncLocalStorage(),
    };
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Inside a transaction, that of the transaction: the pool's would use a different connection, which cannot see its writes. */
  get drizzle(): PostgresDatabase {
    return this.#openTransaction()?.drizzle ?? this.#surroundings.database;
  }

  run<T>(operation: () => Operation<T>): Promise<T> {
    const transaction = this.#openTransaction();
    return transaction ? transaction.run(operation) : this.#awaitedByClose(() => this.#runAlone(operation));
  }

  transaction<T>(body: (session: Session<"async", PostgresDatabase>) => Body<"async", T>): Promise<T> {
    const outer = this.#openTransaction();
    return outer ? outer.transaction(body) : this.#awaitedByClose(() => this.#transactionAlone(body));
  }

  /**
   * Opens a read-only snapshot of the committed data on a separate connection, without locks. `close` returns the connection
   * to the pool.
   */
  async snapshot(): Promise<PostgresSnapshot> {
    const translating = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw translated(error, this.location);
      }
    };
    // Without names: what was read before a refusal could not be read again.
    const connection = { ...this.#connection, naming: unnamed };
    const line = await translating(
      async () => new Line(await checkOut(connection), connection, this.#runId, this.#surroundings.logger),
    );
    const close = async () => {
      await line.undo("ROLLBACK");
      line.client.release(line.broken);
    };
    try {
      await translating(() => begin(line.client, this.#connection, "REPEATABLE READ READ ONLY"));
    } catch (error) {
      await close();
      throw error;
    }
    return { run: (operation) => translating(() => line.runInside(operation())), close };
  }

  /**
   * Queries at every poll: one index range, or rows by their keys, and no cheaper check exists. LISTEN/NOTIFY would not remove the need to poll:
   * notifications are lost with the connection, do not pass through a pooler, and serialize commits.
   */
  async look<T>(_: string | undefined, operation: () => Operation<T>): Promise<Found<T>> {
    // The caller ended its pool; it can never reconnect.
    if (this.#closing || this.#connection.pool.ending) throw closedAt(this.location);
    return { version: "", value: await this.#awaitedByClose(() => this.#runAlone(operation)) };
  }

  async close(): Promise<void> {
    if (this.#openTransaction()) throw closedInside();
    this.#closed.abort(closedAt(this.location));
    this.#closing ??= this.#close();
    await this.#closing;
  }

  /** Waits for running calls first: a pool that has ended never settles pending requests for a client. */
  async #close(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#connection.close();
  }

  #openTransaction(): Transaction | undefined {
    return this.#surroundings.current.getStore()?.innermostOpen();
  }

  async #awaitedByClose<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw closedAt(this.location);
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #runAlone<T>(operation: () => Operation<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#withLine((line) => line.run(operation()));
      } catch (error) {
        if (!isContention(error) || attempt === maxAttempts) throw translated(error, this.location);
        await pause(Math.random() * firstPauseMs * 2 ** attempt);
      }
    }
  }

  #transactionAlone<T>(body: (session: Session<"async", PostgresDatabase>) => Body<"async", T>): Promise<T> {
    return translatingDriverErrors(this.location, (threw) =>
      this.#withLine((line) =>
        line.lockedTransaction(() => new Transaction(this.#surroundings, line).perform(body, threw)),
      ),
    );
  }

  async #withLine<T>(work: (line: Line) => Promise<T>): Promise<T> {
    const line = this.#lineOf(await checkOut(this.#connection));
    try {
      return await work(line);
    } finally {
      line.client.release(line.broken);
    }
  }

  #lineOf(client: Client): Line {
    const line = this.#lines.get(client) ?? new Line(client, this.#connection, this.#runId, this.#surroundings.logger);
    this.#lines.set(client, line);
    return line;
  }
}
