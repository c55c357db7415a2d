/**
 * One connection for as long as an operation or a transaction has it: statements prepared on it, BEGIN and COMMIT, savepoints.
 */
import type { Logger } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { rolledBack } from "../engine/engine.ts";
import { Kept } from "../engine/kept.ts";
import type { Atomic, Lens, Operation, Snapshot, Step } from "../operations/operation.ts";
import { postgresLens } from "./lens.ts";
import { lockRun } from "./locks.ts";
import type { Client } from "./pool.ts";
import { nameFor, reading } from "./prepared.ts";

/** After so many statements on a connection their plans are made anew, and then whenever there have been twice as many. */
const statementsBeforePlans = 64;

export class Line {
  readonly client: Client;
  readonly #runId: string;
  readonly #lens: Lens;
  /** Another client of the pool is another server process, which knows nothing of them. */
  readonly #kept = new Kept<ReturnType<typeof reading>>();
  #broken = false;
  #executed = 0;
  #planAnewAt = statementsBeforePlans;

  constructor(client: Client, runId: string, logger: Logger | undefined) {
    this.client = client;
    this.#runId = runId;
    this.#lens = postgresLens(drizzle(client, logger ? { logger } : {}), (text) => nameFor(client, text));
  }

  /** Whether it may be in the middle of something, so that nobody else should get it. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Outside a transaction: each of its queries commits by itself. */
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
   * Inside one, where the run's row is held already and the whole operation is undone together: what is atomic in it needs no
   * savepoint of its own.
   */
  runInside<T>(operation: Operation<T>): Promise<T> {
    return this.#drive(operation, (step) => this.runInside("snapshot" in step ? step.snapshot() : step.atomic()));
  }

  lockRun(): Promise<void> {
    return lockRun(this.client, this.#runId);
  }

  async transaction<T>(work: () => Promise<T>, level = "READ COMMITTED"): Promise<T> {
    // Said, since a database may have another default.
    await this.client.query(`BEGIN ISOLATION LEVEL ${level}`);
    return await this.#ending("COMMIT", "ROLLBACK", work);
  }

  async savepoint<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.client.query(`SAVEPOINT ${name}`);
    return await this.#ending(`RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`, work);
  }

  /** On an error undoes and gives that error, also where undoing fails for want of a connection. */
  async #ending<T>(done: string, undone: string, work: () => Promise<T>): Promise<T> {
    try {
      const value = await work();
      const { command } = await this.client.query(done);
      // After a statement that failed, PostgreSQL takes COMMIT for ROLLBACK and says so only here.
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
    // Without a name, and so forgotten: its like may never come again.
    if ("build" in step) return await reading(step.build(this.#lens).prepare(""))({});
    const { prepare } = step;
    const query = this.#kept.get(prepare, () => reading(prepare(this.#lens)));
    if (this.#executed++ === this.#planAnewAt) await this.#planAnew();
    return await query(step.parameters);
  }

  /**
   * The server plans a prepared statement for the size that a table has at its first uses, and anew only when it was analysed,
   * a minute later at best. In a fresh database any index is as good as another: a claim went through all briefs of the run
   * for every one it took, 1 ms for the first and 5 for the six thousandth.
   */
  async #planAnew(): Promise<void> {
    this.#planAnewAt *= 2;
    await this.client.query("DISCARD PLANS");
  }
}
