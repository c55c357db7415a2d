/**
 * PostgreSQL through node-postgres. A single operation takes a client out of the pool for as long as it lasts; a transaction
 * has one of its own, and whatever its callback calls, on `tx` or on the blackboard, belongs to it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setMaxListeners } from "node:events";
import type { Logger } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import * as tables from "../../drizzle/schema.postgres.ts";
import { ClosedError } from "../errors.ts";
import type { KeptQuery, Lens, Operation, Prepared, Step } from "../operations/operation.ts";
import { type Body, closedAt, closedInside, type Engine, type Found, rolledBack, type Session } from "./engine.ts";
import { isConnectionLoss, isContention, translated } from "./postgres-errors.ts";
import { postgresLens } from "./postgres-lens.ts";
import { lockRun } from "./postgres-locks.ts";
import type { Client, Connection, Pool } from "./postgres-pool.ts";

/** The Drizzle database behind a blackboard on a server. */
export type PostgresDatabase = NodePgDatabase<typeof tables> & { $client: Pool };

export interface PostgresEngineOptions {
  readonly connection: Connection;
  readonly runId: string;
  readonly logger: Logger | undefined;
}

export interface PostgresSnapshot {
  run<T>(operation: () => Operation<T>): Promise<T>;
  close(): Promise<void>;
}

/** A client with its lens and the statements that were prepared on it: one of the pool's may be another server process. */
interface Line {
  readonly client: Client;
  readonly runId: string;
  readonly lens: Lens;
  readonly drizzle: PostgresDatabase;
  readonly kept: Map<KeptQuery["prepare"], Prepared<unknown>>;
}

/** How often a single operation is begun again after a deadlock or a serialization failure. */
const maxAttempts = 5;

export class PostgresEngine implements Engine<"async", PostgresDatabase> {
  readonly drizzle: PostgresDatabase;
  readonly location: string;
  /** A look is a round trip to the server. */
  readonly pollMs = 200;
  readonly #connection: Connection;
  readonly #runId: string;
  readonly #logger: Logger | undefined;
  readonly #lines = new WeakMap<Client, Line>();
  /** The innermost transaction that a callback is running in. */
  readonly #current = new AsyncLocalStorage<Transaction>();
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor({ connection, runId, logger }: PostgresEngineOptions) {
    this.#connection = connection;
    setMaxListeners(0, this.closed);
    this.location = connection.location;
    this.#runId = runId;
    this.#logger = logger;
    this.drizzle = drizzle(connection.pool, { schema: tables, ...(logger && { logger }) });
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  run<T>(operation: () => Operation<T>): Promise<T> {
    const transaction = this.#openTransaction();
    return transaction ? transaction.run(operation) : this.#runAlone(operation);
  }

  transaction<T>(body: (session: Session<"async", PostgresDatabase>) => Body<"async", T>): Promise<T> {
    const outer = this.#openTransaction();
    return outer ? outer.transaction(body) : this.#transactionAlone(body);
  }

  /**
   * What was committed at one moment, to be read for as long as wanted on a connection of its own. Nothing is locked.
   * `close` gives the connection back.
   */
  async snapshot(): Promise<PostgresSnapshot> {
    const { location } = this;
    const client = await this.#connection.pool.connect().catch((error) => {
      throw translated(error, location);
    });
    const line = this.#lineOf(client);
    const query = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw translated(error, location);
      }
    };
    const close = async () => {
      const broken = await client.query("ROLLBACK").then(
        () => false,
        () => true,
      );
      client.release(broken);
    };
    try {
      await query(() => client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    } catch (error) {
      await close();
      throw error;
    }
    return { run: (operation) => query(() => drive(operation(), new Steps(line, 1))), close };
  }

  /**
   * Looks each time: that is one range of an index, and no question is cheaper. Notifications would not do without it: they
   * are lost with the connection, do not pass a pooler, and make commits wait for each other.
   */
  async look<T>(_: string | undefined, operation: () => Operation<T>): Promise<Found<T>> {
    // The caller's pool, that he has ended: no server will ever come back there.
    if (this.#connection.pool.ending) throw closedAt(this.location);
    return { version: "", value: await this.#runAlone(operation) };
  }

  async close(): Promise<void> {
    if (this.#openTransaction()) throw closedInside();
    this.#closed.abort(closedAt(this.location));
    this.#closing ??= this.#connection.close();
    await this.#closing;
  }

  #openTransaction(): Transaction | undefined {
    return this.#current.getStore()?.innermostOpen();
  }

  async #runAlone<T>(operation: () => Operation<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#withLine((line) => drive(operation(), new Steps(line, 0)));
      } catch (error) {
        if (!isContention(error) || attempt === maxAttempts) throw translated(error, this.location);
      }
    }
  }

  async #transactionAlone<T>(body: (session: Session<"async", PostgresDatabase>) => Body<"async", T>): Promise<T> {
    return await sparing(this.location, (threw) =>
      this.#withLine((line) =>
        begin(line, async () => {
          await lockRun(line.client, line.runId);
          const transaction = new Transaction(this.#current, line, 1, undefined, this.location);
          return await transaction.perform(body, threw);
        }),
      ),
    );
  }

  async #withLine<T>(work: (line: Line) => Promise<T>): Promise<T> {
    if (this.#closing) throw closedAt(this.location);
    const client = await this.#connection.pool.connect();
    let broken = false;
    try {
      return await work(this.#lineOf(client));
    } catch (error) {
      broken = isConnectionLoss(error);
      throw error;
    } finally {
      client.release(broken);
    }
  }

  #lineOf(client: Client): Line {
    const present = this.#lines.get(client);
    if (present) return present;
    const logger = this.#logger;
    const database = drizzle(client, { schema: tables, ...(logger && { logger }) });
    // To the user it is the same kind of database, only inside a transaction.
    const line = {
      client,
      runId: this.#runId,
      lens: postgresLens(database),
      drizzle: database as unknown as PostgresDatabase,
      kept: new Map(),
    };
    this.#lines.set(client, line);
    return line;
  }
}

/** A transaction or a savepoint. Calls made side by side happen one after another: they share one connection. */
class Transaction implements Session<"async", PostgresDatabase> {
  readonly drizzle: PostgresDatabase;
  readonly #current: AsyncLocalStorage<Transaction>;
  readonly #line: Line;
  readonly #depth: number;
  readonly outer: Transaction | undefined;
  readonly #location: string;
  #over = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    current: AsyncLocalStorage<Transaction>,
    line: Line,
    depth: number,
    outer: Transaction | undefined,
    location: string,
  ) {
    this.#current = current;
    this.#line = line;
    this.#depth = depth;
    this.outer = outer;
    this.#location = location;
    this.drizzle = line.drizzle;
  }

  innermostOpen(): Transaction | undefined {
    return this.#over ? this.outer?.innermostOpen() : this;
  }

  /** Runs the callback to its end, what it did not await included. */
  async perform<T>(
    body: (session: Session<"async", PostgresDatabase>) => Body<"async", T>,
    threw: (error: unknown) => void,
  ): Promise<T> {
    try {
      return await this.#current.run(this, async () => await body(this));
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
      return await target.#inTurn(() => drive(operation(), new Steps(target.#line, target.#depth)));
    } catch (error) {
      throw translated(error, this.#location);
    }
  }

  transaction<T>(body: (session: Session<"async", PostgresDatabase>) => Body<"async", T>): Promise<T> {
    const target = this.#target();
    const inner = new Transaction(target.#current, target.#line, target.#depth + 1, target, this.#location);
    return target.#inTurn(() =>
      sparing(this.#location, (threw) => savepoint(target.#line, target.#depth, () => inner.perform(body, threw))),
    );
  }

  /** An outer `tx` used inside an inner callback belongs to the inner one, as on SQLite, instead of waiting for its end. */
  #target(): Transaction {
    if (this.#over) throw new ClosedError("This transaction is over. Use the blackboard, or begin another one.");
    const active = this.#current.getStore()?.innermostOpen();
    return active !== undefined && isWithin(active, this) ? active : this;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function isWithin(inner: Transaction, outer: Transaction): boolean {
  return inner === outer || (inner.outer !== undefined && isWithin(inner.outer, outer));
}

/** Executes the steps of an operation on one client, so many transactions and savepoints deep. */
class Steps {
  readonly #line: Line;
  readonly #depth: number;

  constructor(line: Line, depth: number) {
    this.#line = line;
    this.#depth = depth;
  }

  async execute(step: Step): Promise<unknown> {
    const { lens, kept } = this.#line;
    if ("atomic" in step) {
      const work = () => drive(step.atomic(), new Steps(this.#line, this.#depth + 1));
      // Inside a transaction its run's row is held already.
      if (this.#depth > 0) return await savepoint(this.#line, this.#depth, work);
      return await begin(this.#line, async () => {
        if (step.severalRows) await lockRun(this.#line.client, this.#line.runId);
        return await work();
      });
    }
    if ("snapshot" in step) {
      const work = () => drive(step.snapshot(), new Steps(this.#line, this.#depth + 1));
      return await (this.#depth === 0 ? begin(this.#line, work, "REPEATABLE READ READ ONLY") : work());
    }
    if ("build" in step) {
      const query = step.build(lens);
      return await query.prepare(lens.nameOf(query)).execute({});
    }
    let query = kept.get(step.prepare);
    if (!query) {
      query = step.prepare(lens);
      kept.set(step.prepare, query);
    }
    return await query.execute(step.parameters);
  }
}

async function drive<T>(operation: Operation<T>, steps: Steps): Promise<T> {
  let step = operation.next();
  while (!step.done) step = operation.next(await steps.execute(step.value));
  return step.value;
}

async function begin<T>(line: Line, work: () => Promise<T>, level = "READ COMMITTED"): Promise<T> {
  await line.client.query(`BEGIN ISOLATION LEVEL ${level}`);
  return await ending(line, "COMMIT", "ROLLBACK", work);
}

async function savepoint<T>(line: Line, depth: number, work: () => Promise<T>): Promise<T> {
  const name = `nested_${depth}`;
  await line.client.query(`SAVEPOINT ${name}`);
  return await ending(line, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`, work);
}

/** Translates the driver's errors, but what a callback threw comes out as it is. */
async function sparing<T>(location: string, work: (threw: (error: unknown) => void) => Promise<T>): Promise<T> {
  let thrown: { error: unknown } | undefined;
  try {
    return await work((error) => {
      thrown = { error };
    });
  } catch (error) {
    throw thrown && thrown.error === error ? error : translated(error, location);
  }
}

/** On an error undoes and gives that error, also where undoing fails for want of a connection. */
async function ending<T>({ client }: Line, done: string, undone: string, work: () => Promise<T>): Promise<T> {
  try {
    const value = await work();
    const { command } = await client.query(done);
    // After a statement that failed, PostgreSQL takes COMMIT for ROLLBACK and says so only here.
    if (command === "ROLLBACK") throw rolledBack();
    return value;
  } catch (error) {
    await client.query(undone).catch(() => undefined);
    throw error;
  }
}
