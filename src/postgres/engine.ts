/**
 * PostgreSQL through node-postgres. A single operation takes a client out of the pool for as long as it lasts; a transaction
 * has one of its own.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { Logger } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import * as tables from "../../drizzle/schema.postgres.ts";
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
import { isConnectionLoss, isContention, translated } from "./errors.ts";
import type { PostgresDatabase } from "./lens.ts";
import { Line } from "./line.ts";
import { type Client, type Connection, checkOut } from "./pool.ts";
import { type Surroundings, sparing, Transaction } from "./transaction.ts";

export interface PostgresEngineOptions {
  readonly connection: Connection;
  readonly runId: string;
  readonly logger: Logger | undefined;
}

export interface PostgresSnapshot {
  run<T>(operation: () => Operation<T>): Promise<T>;
  close(): Promise<void>;
}

/** How often a single operation is begun again after a deadlock or a serialization failure. */
const maxAttempts = 10;
/** The longest wait before the second attempt, in milliseconds; twice as long before each further one. */
const firstPauseMs = 2;

export class PostgresEngine implements Engine<"async", PostgresDatabase> {
  readonly location: string;
  /** A look is a round trip to the server. */
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
      database: drizzle(connection.pool, { schema: tables, ...(logger && { logger }) }),
      current: new AsyncLocalStorage(),
    };
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Inside a transaction its own: the pool's would take another connection, and see nothing of it. */
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
   * What was committed at one moment, to be read for as long as wanted on a connection of its own. Nothing is locked.
   * `close` gives the connection back.
   */
  async snapshot(): Promise<PostgresSnapshot> {
    const translating = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw translated(error, this.location);
      }
    };
    const line = await translating(async () => this.#lineOf(await checkOut(this.#connection)));
    const close = async () => {
      await line.undo("ROLLBACK");
      line.client.release(line.broken);
    };
    try {
      await translating(() => line.client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    } catch (error) {
      await close();
      throw error;
    }
    return { run: (operation) => translating(() => line.runInside(operation())), close };
  }

  /**
   * Looks each time: that is one range of an index, and no question is cheaper. Notifications would not do without it: they
   * are lost with the connection, do not pass a pooler, and make commits wait for each other.
   */
  async look<T>(_: string | undefined, operation: () => Operation<T>): Promise<Found<T>> {
    // The caller's pool, that he has ended: no server will ever come back there.
    if (this.#closing || this.#connection.pool.ending) throw closedAt(this.location);
    return { version: "", value: await this.#awaitedByClose(() => this.#runAlone(operation)) };
  }

  /** A server is not a file: what happens to it, each call finds out. */
  requireStorage(): void {}

  async close(): Promise<void> {
    if (this.#openTransaction()) throw closedInside();
    this.#closed.abort(closedAt(this.location));
    this.#closing ??= this.#close();
    await this.#closing;
  }

  /** What was begun before comes to its end: a pool that ends would never answer those who wait for a client. */
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
    return sparing(this.location, (threw) =>
      this.#withLine((line) =>
        line.transaction(async () => {
          await line.lockRun();
          return await new Transaction(this.#surroundings, line).perform(body, threw);
        }),
      ),
    );
  }

  async #withLine<T>(work: (line: Line) => Promise<T>): Promise<T> {
    const line = this.#lineOf(await checkOut(this.#connection));
    let lost = false;
    try {
      return await work(line);
    } catch (error) {
      lost = isConnectionLoss(error);
      // The pool's idle clients are lost most likely too: now it hears of them, before it hands the next one out.
      if (lost) await nextTurn();
      throw error;
    } finally {
      line.client.release(lost || line.broken);
    }
  }

  #lineOf(client: Client): Line {
    const line = this.#lines.get(client) ?? new Line(client, this.#runId, this.#surroundings.logger);
    this.#lines.set(client, line);
    return line;
  }
}
