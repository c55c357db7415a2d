/**
 * A transaction on PostgreSQL, or a savepoint inside one. All calls that its callback makes, on `tx` or on the blackboard,
 * belong to it; concurrent calls are serialized, because they share one connection.
 */
import type { AsyncLocalStorage } from "node:async_hooks";
import type { Logger } from "drizzle-orm";
import { type Body, requireRun, type Session, transactionEnded } from "../engine/engine.ts";
import type { Operation } from "../operations/operation.ts";
import { type PostgresDatabase, transactionOn } from "./drizzle.ts";
import { translated } from "./errors.ts";
import type { Line } from "./line.ts";

/** Shared by all transactions of a blackboard. */
export interface Surroundings {
  readonly location: string;
  readonly logger: Logger | undefined;
  /** The blackboard's own database. */
  readonly database: PostgresDatabase;
  /** The innermost transaction that a callback is running in. */
  readonly current: AsyncLocalStorage<Transaction>;
}

type PostgresBody<T> = (session: Session<"async", PostgresDatabase>) => Body<"async", T>;

export class Transaction implements Session<"async", PostgresDatabase> {
  readonly #surroundings: Surroundings;
  readonly #line: Line;
  readonly #outer: Transaction | undefined;
  readonly #depth: number;
  #drizzle: PostgresDatabase | undefined;
  #ended = false;
  #marked = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(surroundings: Surroundings, line: Line, outer?: Transaction) {
    this.#surroundings = surroundings;
    this.#line = line;
    this.#outer = outer;
    this.#depth = outer ? outer.#depth + 1 : 1;
  }

  innermostOpen(): Transaction | undefined {
    return this.#ended ? this.#outer?.innermostOpen() : this;
  }

  /** Runs the callback and waits for every call it started, awaited or not. */
  async perform<T>(body: PostgresBody<T>, threw: (error: unknown) => void): Promise<T> {
    try {
      const value = await this.#surroundings.current.run(this, async () => await body(this));
      requireRun(value);
      return value;
    } catch (error) {
      threw(error);
      throw error;
    } finally {
      this.#ended = true;
      await this.#last;
    }
  }

  async run<T>(operation: () => Operation<T>): Promise<T> {
    const target = this.#target();
    try {
      return await target.#inTurn(() =>
        target.#line.resending(() => target.#inOperationSavepoint((undo) => target.#line.runInside(operation(), undo))),
      );
    } catch (error) {
      throw translated(error, this.#surroundings.location);
    }
  }

  async transaction<T>(body: PostgresBody<T>): Promise<T> {
    const target = this.#target();
    const inner = new Transaction(this.#surroundings, target.#line, target);
    return await target.#inTurn(() =>
      translatingDriverErrors(this.#surroundings.location, (threw) =>
        target.#line.savepoint(`nested_${target.#depth}`, () => inner.perform(body, threw)),
      ),
    );
  }

  /**
   * The Drizzle database on this connection, usable until the transaction ends and the connection returns to the pool. Its
   * `transaction` is replaced by a savepoint, because Drizzle's would commit this transaction.
   */
  get drizzle(): PostgresDatabase {
    this.#drizzle ??= this.#makeDrizzle();
    return this.#drizzle;
  }

  #makeDrizzle(): PostgresDatabase {
    const { client } = this.#line;
    const query = async (...parameters: unknown[]): Promise<unknown> => {
      const target = this.#target();
      return await target.#inTurn(() => Reflect.apply(client.query, client, parameters));
    };
    const guarded = new Proxy(client, { get: (all, name) => (name === "query" ? query : Reflect.get(all, name, all)) });
    const { database, logger } = this.#surroundings;
    const made = transactionOn(guarded, database, logger);
    // Cast so that `tx.drizzle` has the same type as the blackboard's own database.
    const transaction: typeof database.transaction = (body) =>
      this.transaction((inner) => body(inner.drizzle as unknown as typeof made));
    return Object.assign(made, { transaction, $client: guarded }) as unknown as PostgresDatabase;
  }

  /** Returns the innermost open transaction within this one: inside a nested callback, an outer `tx` means the nested one. */
  #target(): Transaction {
    if (this.#ended) throw transactionEnded();
    const active = this.#surroundings.current.getStore()?.innermostOpen();
    return active?.isWithin(this) ? active : this;
  }

  isWithin(outer: Transaction): boolean {
    return this === outer || (this.#outer?.isWithin(outer) ?? false);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Rolls back only the failed operation, so that the transaction can continue, as on SQLite; without a savepoint, PostgreSQL
   * aborts the whole transaction. Each operation replaces the previous one's savepoint, at one round trip.
   */
  async #inOperationSavepoint<T>(work: (undo: () => Promise<unknown>) => Promise<T>): Promise<T> {
    const { client } = this.#line;
    await client.query(this.#marked ? "RELEASE operation; SAVEPOINT operation" : "SAVEPOINT operation");
    this.#marked = true;
    try {
      return await work(() => client.query("ROLLBACK TO operation"));
    } catch (error) {
      await this.#line.undo("ROLLBACK TO operation");
      throw error;
    }
  }
}

/** Translates the driver's errors, but rethrows an error thrown by the callback unchanged. */
export async function translatingDriverErrors<T>(
  location: string,
  work: (threw: (error: unknown) => void) => Promise<T>,
): Promise<T> {
  let thrown: { error: unknown } | undefined;
  try {
    return await work((error) => {
      thrown = { error };
    });
  } catch (error) {
    throw thrown && thrown.error === error ? error : translated(error, location);
  }
}
