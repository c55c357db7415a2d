/**
 * A connection used by an operation or a transaction: prepared statements, BEGIN and COMMIT, savepoints.
 */
import type { Logger } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { rolledBack } from "../engine/engine.ts";
import { Kept } from "../engine/kept.ts";
import type { AtOnce, Atomic, Lens, Operation, Parameters, Snapshot, Step } from "../operations/operation.ts";
import { atOnceLens } from "./at-once.ts";
import { databaseOn } from "./drizzle.ts";
import { isContention, isUnlogged, isUnprepared } from "./errors.ts";
import { postgresLens } from "./lens.ts";
import { begin, isTurnOver } from "./limits.ts";
import { lockRun, type Site } from "./locks.ts";
import { nameFor } from "./naming.ts";
import type { Client, Connection } from "./pool.ts";
import { reading } from "./prepared.ts";

/** Number of statements on a connection before the first replanning; it doubles for each further one. */
const statementsBeforeReplan = 64;

type SpecialStep = AtOnce | Atomic | Snapshot;

export class Line {
  readonly client: Client;
  readonly #runId: string;
  readonly #site: Site;
  readonly #database: NodePgDatabase;
  readonly #nameFor = (text: string) => (this.#connection.naming.isNamed ? nameFor(this.client, text) : "");
  readonly #lens: Lens;
  /** Per client, because each client has a separate server process with its own prepared statements. */
  #kept = new Kept<ReturnType<typeof reading>>();
  /** Whether the kept statements have names. */
  #isNamed: boolean;
  readonly #connection: Connection;
  #broken = false;
  #executed = 0;
  #replanAt = statementsBeforeReplan;

  constructor(client: Client, connection: Connection, runId: string, logger: Logger | undefined) {
    const { schema, tables } = connection;
    this.client = client;
    this.#connection = connection;
    this.#isNamed = connection.naming.isNamed;
    this.#runId = runId;
    this.#database = databaseOn(client, logger);
    this.#site = { schema, tables };
    this.#lens = postgresLens(this.#database, tables, this.#nameFor);
  }

  /** Whether the connection may still be inside a transaction, so that the pool must discard it. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Runs an operation outside a transaction: each of its queries commits separately. */
  run<T>(operation: Operation<T>): Promise<T> {
    // The trigger that counts blockers must see what was committed while its statement waited.
    const execute = this.#connection.isStricter
      ? (step: Exclude<Step, SpecialStep>) => this.transaction(() => this.#execute(step))
      : (step: Exclude<Step, SpecialStep>) => this.#execute(step);
    const special = (step: SpecialStep) => {
      // Contention with other programs is left to the transaction, which is repeated.
      if ("atOnce" in step) return this.#atOnce(step, (error) => isUnlogged(error) || isContention(error));
      if ("snapshot" in step) {
        return this.transaction(() => this.runInside(step.snapshot()), "REPEATABLE READ READ ONLY");
      }
      const work = () => this.runInside(step.atomic());
      return step.severalRows ? this.lockedTransaction(work) : this.transaction(work);
    };
    return this.#drive(
      operation,
      (step) => this.resending(() => special(step)),
      (step) => this.resending(() => execute(step)),
    );
  }

  /**
   * Runs an operation inside a transaction. Atomic steps need no savepoint, because the run's row is already locked and the
   * whole operation is rolled back together. `undo` rolls back what the operation has done so far; without it, steps that may
   * fail are not run.
   */
  runInside<T>(operation: Operation<T>, undo?: () => Promise<unknown>): Promise<T> {
    return this.#drive(operation, async (step) => {
      if ("atOnce" in step) return undo && (await this.#atOnce(step, isUnlogged, undo));
      return await this.runInside("snapshot" in step ? step.snapshot() : step.atomic());
    });
  }

  /** Runs `work` in a transaction that waits for its turn among those of the run. */
  async lockedTransaction<T>(work: () => Promise<T>): Promise<T> {
    let isLocked = false;
    const locking = async () => {
      await lockRun(this.client, this.#site, this.#runId, this.#nameFor);
      isLocked = true;
      return await work();
    };
    for (;;) {
      try {
        return await this.resending(
          () => this.transaction(locking),
          () => !isLocked,
        );
      } catch (error) {
        if (isLocked || !isTurnOver(error, this.#connection)) throw error;
      }
    }
  }

  /**
   * Runs `work`, which is one statement or is rolled back as a whole when it fails. If the server refuses the name of a statement,
   * which it does before it executes it, runs it once more without names; the pool's other clients don't use names from then on.
   */
  async resending<T>(work: () => Promise<T>, isRepeatable = () => true): Promise<T> {
    const { naming } = this.#connection;
    const mayBeRefused = naming.isNamed && !naming.isForced;
    try {
      return await work();
    } catch (error) {
      if (!mayBeRefused || !isUnprepared(error) || !isRepeatable() || this.#broken) throw error;
      naming.isNamed = false;
      return await work();
    }
  }

  async transaction<T>(work: () => Promise<T>, level = "READ COMMITTED"): Promise<T> {
    await begin(this.client, this.#connection, level);
    return await this.#ending("COMMIT", "ROLLBACK", work);
  }

  async savepoint<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.client.query(`SAVEPOINT ${name}`);
    return await this.#ending(`RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`, work);
  }

  /** Commits after `work`. On an error, rolls back and rethrows it, even if the rollback fails. */
  async #ending<T>(done: string, undone: string, work: () => Promise<T>): Promise<T> {
    try {
      const value = await work();
      const { command } = await this.client.query(done);
      // After a failed statement, PostgreSQL executes COMMIT as ROLLBACK and reports it only in the command tag.
      if (command === "ROLLBACK") throw rolledBack();
      return value;
    } catch (error) {
      await this.undo(undone);
      throw error;
    }
  }

  async undo(command: string): Promise<void> {
    try {
      await this.client.query(command);
    } catch {
      this.#broken = true;
    }
  }

  async #drive<T>(
    operation: Operation<T>,
    special: (step: SpecialStep) => Promise<unknown>,
    execute = (step: Exclude<Step, SpecialStep>) => this.#execute(step),
  ): Promise<T> {
    let step = operation.next();
    while (!step.done) {
      const { value } = step;
      step = operation.next(await ("prepare" in value || "build" in value ? execute(value) : special(value)));
    }
    return step.value;
  }

  async #execute(step: Exclude<Step, SpecialStep>): Promise<unknown> {
    // Unnamed, so PostgreSQL does not keep it: this query is unlikely to be repeated.
    if ("build" in step) return await reading(step.build(this.#lens).prepare(""), this.client, () => "")({});
    const { prepare, parameters } = step;
    return await this.#run(
      this.#statements().get(prepare, () => reading(prepare(this.#lens), this.client, this.#nameFor)),
      parameters,
    );
  }

  /** Returns `undefined` if the statement failed as expected. */
  async #atOnce(
    { atOnce, parameters }: AtOnce,
    isExpected: (error: unknown) => boolean,
    undo?: () => Promise<unknown>,
  ) {
    const query = this.#statements().get(atOnce, () =>
      reading(atOnce(atOnceLens(this.#database, this.#site, this.#nameFor)), this.client, this.#nameFor),
    );
    const once = () => this.#run(query, parameters());
    try {
      // As for other statements: triggers must see what was committed while this one waited for the run.
      return await (this.#connection.isStricter && !undo ? this.transaction(once) : once());
    } catch (error) {
      if (!isExpected(error)) throw error;
      await undo?.();
      return undefined;
    }
  }

  /** Drops those with names when names are no longer used. */
  #statements(): Kept<ReturnType<typeof reading>> {
    const { isNamed } = this.#connection.naming;
    if (this.#isNamed !== isNamed) this.#kept = new Kept();
    this.#isNamed = isNamed;
    return this.#kept;
  }

  async #run(query: ReturnType<typeof reading>, parameters: Parameters): Promise<unknown> {
    if (this.#executed++ === this.#replanAt) await this.#replan();
    return await query(parameters);
  }

  /**
   * Discards the plans of prepared statements. The server plans for the table's size at the first uses, and replans only after
   * an ANALYZE, a minute later at the earliest. In a new database all indexes appear equally good: each claim scanned all
   * briefs of the run, 1 ms for the first and 5 ms for the six thousandth.
   */
  async #replan(): Promise<void> {
    this.#replanAt *= 2;
    await this.client.query("DISCARD PLANS");
  }
}
