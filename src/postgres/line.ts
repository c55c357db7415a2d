/**
 * A connection used by an operation or a transaction: prepared statements, BEGIN and COMMIT, savepoints.
 */
import type { Logger } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { rolledBack } from "../engine/engine.ts";
import { Kept } from "../engine/kept.ts";
import type { Atomic, Lens, Operation, Snapshot, Step } from "../operations/operation.ts";
import { postgresLens } from "./lens.ts";
import { lockRun } from "./locks.ts";
import type { Client, Connection } from "./pool.ts";
import { nameFor, reading } from "./prepared.ts";

/** Number of statements on a connection before the first replanning; it doubles for each further one. */
const statementsBeforeReplan = 64;

export class Line {
  readonly client: Client;
  readonly #runId: string;
  readonly #schema: string;
  readonly #lens: Lens;
  /** Per client, because each client has a separate server process with its own prepared statements. */
  readonly #kept = new Kept<ReturnType<typeof reading>>();
  #broken = false;
  #executed = 0;
  #replanAt = statementsBeforeReplan;

  constructor(client: Client, { schema, tables }: Connection, runId: string, logger: Logger | undefined) {
    this.client = client;
    this.#runId = runId;
    this.#schema = schema;
    this.#lens = postgresLens(drizzle(client, logger ? { logger } : {}), tables, (text) => nameFor(client, text));
  }

  /** Whether the connection may still be inside a transaction, so that the pool must discard it. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Runs an operation outside a transaction: each of its queries commits separately. */
  run<T>(operation: Operation<T>): Promise<T> {
    return this.#drive(operation, (step) =>
      "snapshot" in step
        ? this.transaction(() => this.runInside(step.snapshot()), "REPEATABLE READ READ ONLY")
        : this.transaction(async () => {
            if (step.severalRows) await this.lockRun();
            return await this.runInside(step.atomic());
          }),
    );
  }

  /**
   * Runs an operation inside a transaction. Atomic steps need no savepoint, because the run's row is already locked and the
   * whole operation is rolled back together.
   */
  runInside<T>(operation: Operation<T>): Promise<T> {
    return this.#drive(operation, (step) => this.runInside("snapshot" in step ? step.snapshot() : step.atomic()));
  }

  lockRun(): Promise<void> {
    return lockRun(this.client, this.#schema, this.#runId);
  }

  async transaction<T>(work: () => Promise<T>, level = "READ COMMITTED"): Promise<T> {
    // Explicit, because a database may have a different default.
    await this.client.query(`BEGIN ISOLATION LEVEL ${level}`);
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

  async #drive<T>(operation: Operation<T>, nested: (step: Atomic | Snapshot) => Promise<unknown>): Promise<T> {
    let step = operation.next();
    while (!step.done) {
      const { value } = step;
      step = operation.next(await ("atomic" in value || "snapshot" in value ? nested(value) : this.#execute(value)));
    }
    return step.value;
  }

  async #execute(step: Exclude<Step, Atomic | Snapshot>): Promise<unknown> {
    // Unnamed, so PostgreSQL does not keep it: this query is unlikely to be repeated.
    if ("build" in step) return await reading(step.build(this.#lens).prepare(""))({});
    const { prepare } = step;
    const query = this.#kept.get(prepare, () => reading(prepare(this.#lens)));
    if (this.#executed++ === this.#replanAt) await this.#replan();
    return await query(step.parameters);
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
