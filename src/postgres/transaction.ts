/**
 * A transaction on a server, or a savepoint inside one. Whatever its callback calls, on `tx` or on the blackboard, belongs to
 * it; calls made side by side happen one after another, since they share one connection.
 */
import type { AsyncLocalStorage } from "node:async_hooks";
import type { Logger } from "drizzle-orm";
import { NodePgSession, NodePgTransaction } from "drizzle-orm/node-postgres";
import { PgDialect } from "drizzle-orm/pg-core";
import { type Body, requireRun, type Session } from "../engine/engine.ts";
import { ClosedError } from "../errors.ts";
import type { Operation } from "../operations/operation.ts";
import { translated } from "./errors.ts";
import type { PostgresDatabase } from "./lens.ts";
import type { Line } from "./line.ts";

/** What all transactions of a blackboard share. */
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
  #over = false;
  #marked = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(surroundings: Surroundings, line: Line, outer?: Transaction) {
    this.#surroundings = surroundings;
    this.#line = line;
    this.#outer = outer;
    this.#depth = outer ? outer.#depth + 1 : 1;
  }

  innermostOpen(): Transaction | undefined {
    return this.#over ? this.#outer?.innermostOpen() : this;
  }

  /** Runs the callback to its end, what it did not await included. */
  async perform<T>(body: PostgresBody<T>, threw: (error: unknown) => void): Promise<T> {
    try {
      const value = await this.#surroundings.current.run(this, async () => await body(this));
      requireRun(value);
      return value;
    } catch (error) {
      threw(error);
      throw error;
    } finally {
      this.#over = true;
      await this.#last;
    }
  }

  async run<T>(operation: () => Operation<T>): Promise<T> {
    const target = this.#target();
    try {
      return await target.#inTurn(() => target.#undoneAlone(() => target.#line.runInside(operation())));
    } catch (error) {
      throw translated(error, this.#surroundings.location);
    }
  }

  async transaction<T>(body: PostgresBody<T>): Promise<T> {
    const target = this.#target();
    const inner = new Transaction(this.#surroundings, target.#line, target);
    return await target.#inTurn(() =>
      sparing(this.#surroundings.location, (threw) =>
        target.#line.savepoint(`nested_${target.#depth}`, () => inner.perform(body, threw)),
      ),
    );
  }

  /**
   * Drizzle's, on this connection while the transaction lasts: afterwards the connection is somebody else's. Its own
   * `transaction` would commit in the middle of this one.
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
    const { fullSchema, schema, tableNamesMap } = database._;
    const tables = schema && { fullSchema, schema, tableNamesMap };
    const dialect = new PgDialect();
    const made = new NodePgTransaction<typeof fullSchema, NonNullable<typeof schema>>(
      dialect,
      new NodePgSession(guarded, dialect, tables, logger && { logger }),
      tables,
    );
    // Part of the seam: to the user it is the same kind of database, only inside a transaction.
    const transaction: typeof database.transaction = (body) =>
      this.transaction((inner) => body(inner.drizzle as unknown as typeof made));
    return Object.assign(made, { transaction, $client: guarded }) as unknown as PostgresDatabase;
  }

  /** An outer `tx` used inside an inner callback belongs to the inner one, as on SQLite, instead of waiting for its end. */
  #target(): Transaction {
    if (this.#over) throw new ClosedError("This transaction is over. Use the blackboard, or begin another one.");
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
   * An operation that fails is undone and the transaction can go on, as on SQLite; PostgreSQL by itself would give all of it
   * up. One savepoint moves along from operation to operation: one round trip more for each.
   */
  async #undoneAlone<T>(work: () => Promise<T>): Promise<T> {
    await this.#line.client.query(this.#marked ? "RELEASE operation; SAVEPOINT operation" : "SAVEPOINT operation");
    this.#marked = true;
    try {
      return await work();
    } catch (error) {
      await this.#line.undo("ROLLBACK TO operation");
      throw error;
    }
  }
}

/** Translates the driver's errors, but what a callback threw comes out as it is. */
export async function sparing<T>(location: string, work: (threw: (error: unknown) => void) => Promise<T>): Promise<T> {
  let thrown: { error: unknown } | undefined;
  try {
    return await work((error) => {
      thrown = { error };
    });
  } catch (error) {
    throw thrown && thrown.error === error ? error : translated(error, location);
  }
}
