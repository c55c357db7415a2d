/**
 * The service: what a blackboard can do, for both engines. `BlackboardOperations` is what the blackboard and a transaction's
 * `tx` share; each method is one operation, whose meaning stands in `operations/`.
 */
import { inspect } from "node:util";
import type { BriefStatus, EventKind, RunStatus, WorkstreamStatus } from "../drizzle/vocabulary.ts";
import { type Body, type Engine, type Mode, type Result, requireRun, type Session } from "./engine/engine.ts";
import { InvalidInputError } from "./errors.ts";
import { type HeldClaim, type HoldOptions, holdClaim } from "./hold-claim.ts";
import { Check } from "./input/check.ts";
import type { PlainObject } from "./input/json.ts";
import type { AnyRoles, Roles } from "./input/roles.ts";
import { type BriefFilter, listBriefs } from "./operations/brief-lists.ts";
import { incrementBriefRetry, updateBriefResult, updateBriefStatus } from "./operations/brief-updates.ts";
import { createBrief, getBrief, spawnBrief } from "./operations/briefs.ts";
import { type ClaimRequest, claimBrief } from "./operations/claims.ts";
import { type BlackboardEvent, type EventFilter, listEvents, logEvent, type NewEvent } from "./operations/events.ts";
import { type ClaimRef, type LeaseOptions, releaseClaim, renewClaim } from "./operations/held-claims.ts";
import { type BriefRef, completeBrief, escalateBrief, failBrief, retryBrief } from "./operations/lifecycle.ts";
import type { Context, Operation } from "./operations/operation.ts";
import type { Page } from "./operations/pages.ts";
import type { BriefOf, ClaimOf, NewBrief, ResultInput, RoleName } from "./operations/roles.ts";
import { createRun, getRun, type Run, updateRunStatus } from "./operations/runs.ts";
import type { From } from "./operations/status.ts";
import { getRunSummary, type RunSummary } from "./operations/summary.ts";
import { type BriefTree, getBriefTree } from "./operations/tree.ts";
import {
  createWorkstream,
  getWorkstream,
  listWorkstreams,
  type NewWorkstream,
  updateWorkstreamStatus,
  type Workstream,
  type WorkstreamFilter,
} from "./operations/workstreams.ts";
import { quoted, shown } from "./shown.ts";
import { type WatchOptions, watchEvents } from "./watch.ts";

/**
 * Runs an operation that is no method: the functions of the package that look at a run as a whole. Not exported to users.
 */
export let perform: <M extends Mode, T>(
  board: BlackboardOperations<M>,
  operation: (context: Context) => Operation<T>,
) => Result<M, T>;

/**
 * What can be done with a run. Values come back at once on SQLite (`"sync"`), as promises on PostgreSQL (`"async"`): code
 * that awaits runs on both.
 *
 * Every method throws `InvalidInputError` for what it cannot take, before anything reaches the database; `ClosedError` after
 * the end; `BusyError` when others kept the database locked for too long; `FileError` and `DatabaseError` for what the
 * database refused; reads of rows that another program wrote may throw `UnreadableRowError`. Further errors stand with the
 * method. Nothing was written when one is thrown.
 */
export class BlackboardOperations<M extends Mode, R extends Roles = AnyRoles, Database = unknown> {
  static {
    perform = (board, operation) => {
      if (typeof board !== "object" || board === null || !(#session in board)) {
        const message = `must be a blackboard that this copy of run-blackboard opened, got ${shown(board)}`;
        throw new InvalidInputError([{ path: "board", message }]);
      }
      return board.#session.run(() => operation(board.#context));
    };
  }
  readonly #session: Session<M, Database>;
  readonly #context: Context;

  /** @internal Made by `openBlackboard` and by `transaction`. */
  constructor(session: Session<M, Database>, context: Context) {
    this.#session = session;
    this.#context = context;
  }

  /**
   * Where rows get the types that `roles` declares for them: what a role's schema gave was stored, and is what is read. The
   * compiler cannot follow it through a database.
   */
  #run<T>(operation: () => Operation<unknown>): Result<M, T> {
    return this.#session.run(operation as () => Operation<T>);
  }

  get runId(): string {
    return this.#context.runId;
  }

  /**
   * The Drizzle database behind it, for queries of your own over the tables of `run-blackboard/schema`. Read anywhere; write
   * inside a `transaction`, through its `tx.drizzle`.
   *
   * ```ts
   * board.drizzle.select({ n: count() }).from(schema.briefs).where(like(schema.briefs.role, "review%")).all();
   * ```
   */
  get drizzle(): Database {
    return this.#session.drizzle;
  }

  /**
   * Creates the run's row, `pending`. Every other write needs it. Again with the same goal: the stored row, nothing written.
   * @throws ConflictError with another goal.
   */
  createRun(goal: string): Result<M, Run> {
    return this.#session.run(() => createRun(this.#context, goal));
  }

  /**
   * Sets the run's status, any to any; with `from`, only if the present one is among those.
   * @throws NotFoundError without `createRun`; TransitionError when `from` does not hold, with the actual status.
   */
  updateRunStatus(status: RunStatus, options?: From<RunStatus>): Result<M, Run> {
    return this.#session.run(() => updateRunStatus(this.#context, status, options));
  }

  /**
   * Creates a workstream, `pending`. Again with the same id and data: the stored row, nothing written.
   * @throws NotFoundError without `createRun`; ConflictError for a known id with other data.
   */
  createWorkstream(workstream: NewWorkstream): Result<M, Workstream> {
    return this.#session.run(() => createWorkstream(this.#context, workstream));
  }

  /**
   * Sets a workstream's status, any to any; with `from`, only if the present one is among those.
   * @throws NotFoundError; TransitionError when `from` does not hold.
   */
  updateWorkstreamStatus(
    workstreamId: string,
    status: WorkstreamStatus,
    options?: From<WorkstreamStatus>,
  ): Result<M, Workstream> {
    return this.#session.run(() => updateWorkstreamStatus(this.#context, workstreamId, status, options));
  }

  /**
   * Creates a brief, `pending`. Its parent and workstream, where it names any, must exist in this run. Again with the same id
   * and data: the stored row as it is by now, nothing written; status, result and retry count are not compared.
   * @throws NotFoundError for the run, the parent or the workstream; ConflictError for a known id with other data.
   */
  createBrief<K extends RoleName<R>>(brief: NewBrief<R, K>): Result<M, BriefOf<R, K>> {
    return this.#run(() => createBrief(this.#context, brief));
  }

  /**
   * Sets a brief's status, any to any; with `from`, only if the present one is among those. Logs no event.
   * @throws NotFoundError; TransitionError when `from` does not hold.
   */
  updateBriefStatus(briefId: string, status: BriefStatus, options?: From<BriefStatus>): Result<M, BriefOf<R>> {
    return this.#run(() => updateBriefStatus(this.#context, briefId, status, options));
  }

  /**
   * Stores a brief's result and sets it `done`, whatever it was. Logs no event.
   * @throws NotFoundError.
   */
  updateBriefResult(briefId: string, result: PlainObject): Result<M, BriefOf<R>> {
    return this.#run(() => updateBriefResult(this.#context, briefId, result));
  }

  /**
   * Counts one more retry of a brief; its status stays. Logs no event.
   * @throws NotFoundError; InvalidInputError when the count is 2^31 - 1 already.
   */
  incrementBriefRetry(briefId: string): Result<M, BriefOf<R>> {
    return this.#run(() => incrementBriefRetry(this.#context, briefId));
  }

  /**
   * Appends an event, of a brief or of the run as a whole. Again with the same id and data: the stored event.
   * @throws NotFoundError for the run or the brief; ConflictError for a known id with other data.
   */
  logEvent(kind: EventKind, event?: NewEvent): Result<M, BlackboardEvent> {
    return this.#session.run(() => logEvent(this.#context, kind, event));
  }

  /**
   * The run's columns, its workstreams and briefs counted by status, its events by kind, and the newest event's `seq`: one
   * snapshot.
   * @throws NotFoundError without `createRun`.
   */
  getRunSummary(): Result<M, RunSummary> {
    return this.#session.run(() => getRunSummary(this.#context));
  }

  getRun(): Result<M, Run | undefined> {
    return this.#session.run(() => getRun(this.#context));
  }

  getWorkstream(workstreamId: string): Result<M, Workstream | undefined> {
    return this.#session.run(() => getWorkstream(this.#context, workstreamId));
  }

  getBrief(briefId: string): Result<M, BriefOf<R> | undefined> {
    return this.#run(() => getBrief(this.#context, briefId));
  }

  /** Oldest first, by `createdAt`, then by id; 100 a page unless `limit` says otherwise. Nothing where there is no run. */
  listWorkstreams(filter?: WorkstreamFilter): Result<M, Page<Workstream, string>> {
    return this.#session.run(() => listWorkstreams(this.#context, filter));
  }

  /**
   * Oldest first, by `createdAt`, then by id; 100 a page unless `limit` says otherwise. Nothing where there is no run.
   *
   * ```ts
   * for (let page = board.listBriefs({ status: "failed" }); ; page = board.listBriefs({ status: "failed", after: page.next })) {
   *   for (const brief of page.items) console.log(brief.briefId);
   *   if (page.next === null) break;
   * }
   * ```
   */
  listBriefs<K extends RoleName<R> = RoleName<R>>(filter?: BriefFilter<R, K>): Result<M, Page<BriefOf<R, K>, string>> {
    return this.#run(() => listBriefs(this.#context, filter));
  }

  /** In order of `seq`, those behind `after`; 100 a page unless `limit` says otherwise. Nothing where there is no run. */
  listEvents(filter?: EventFilter): Result<M, Page<BlackboardEvent, number>> {
    return this.#session.run(() => listEvents(this.#context, filter));
  }

  /**
   * Creates a brief and logs `spawned`, in one commit. Again with the same id and data: the stored row, nothing written, no
   * second event.
   * @throws as `createBrief` does.
   */
  spawnBrief<K extends RoleName<R>>(brief: NewBrief<R, K>, detail?: PlainObject): Result<M, BriefOf<R, K>> {
    return this.#run(() => spawnBrief(this.#context, brief, detail));
  }

  /**
   * Hands a brief out, to nobody else until the lease is over: one whose lease has run out, the longest ago first; otherwise
   * the oldest pending one. `undefined` when there is none. A takeover counts a retry and logs `retried` with the previous
   * agent; with `maxRetries` those that have used theirs up are failed instead, and the next one is looked for.
   *
   * ```ts
   * const claim = board.claimBrief({ agentId: "coder-1", leaseMs: 60_000, role: "coder", maxRetries: 3 });
   * if (claim) board.completeBrief(claim, { changed: 3 });
   * ```
   */
  claimBrief<K extends RoleName<R> = RoleName<R>>(request: ClaimRequest<R, K>): Result<M, ClaimOf<R, K> | undefined> {
    return this.#run(() => claimBrief(this.#context, request));
  }

  /**
   * Makes the lease end `leaseMs` from now. Gives the claim with its new end and the brief as it is.
   * @throws LostClaimError when the claim is not the current one any more: drop the work. NotFoundError.
   */
  renewClaim<C extends ClaimRef>(claim: C, options: LeaseOptions): Result<M, C> {
    return this.#run(() => renewClaim(this.#context, claim, options));
  }

  /**
   * Gives a brief back: pending again, held by nobody, its attempt kept. Logs no event.
   * @throws LostClaimError when the claim is not the current one any more; NotFoundError.
   */
  releaseClaim(claim: ClaimRef): Result<M, BriefOf<R>> {
    return this.#run(() => releaseClaim(this.#context, claim));
  }

  /**
   * Stores the result, sets the brief `done` and logs `completed`, in one commit. By claim: only while it is the current one;
   * again with the same claim and an equal result: the stored brief, nothing written, so that a caller who did not hear the
   * answer may repeat. By id: from `pending` or `active`, whoever holds it.
   * @throws LostClaimError, TransitionError, NotFoundError; InvalidInputError with the role's schema's paths.
   */
  completeBrief<K extends RoleName<R>>(
    claim: ClaimOf<R, K>,
    result: ResultInput<R, K>,
    detail?: PlainObject,
  ): Result<M, BriefOf<R, K>>;
  completeBrief(briefId: string, result: PlainObject, detail?: PlainObject): Result<M, BriefOf<R>>;
  completeBrief(ref: BriefRef, result: unknown, detail?: PlainObject): Result<M, BriefOf<R>> {
    return this.#run(() => completeBrief(this.#context, ref, result, detail));
  }

  /**
   * Sets the brief `failed` and logs `failed`, in one commit; from `pending` or `active`, or by its current claim.
   * @throws LostClaimError, TransitionError, NotFoundError.
   */
  failBrief(ref: BriefRef, detail?: PlainObject): Result<M, BriefOf<R>> {
    return this.#run(() => failBrief(this.#context, ref, detail));
  }

  /**
   * Sets the brief `pending`, held by nobody, counts a retry and logs `retried`, in one commit; from `pending`, `active` or
   * `failed`, or by its current claim.
   * @throws LostClaimError, TransitionError, NotFoundError; InvalidInputError when the count is 2^31 - 1 already.
   */
  retryBrief(ref: BriefRef, detail?: PlainObject): Result<M, BriefOf<R>> {
    return this.#run(() => retryBrief(this.#context, ref, detail));
  }

  /**
   * Sets the brief `failed` and logs `escalated`, in one commit: it is for somebody above. From `pending` or `active`, or by
   * its current claim.
   * @throws LostClaimError, TransitionError, NotFoundError.
   */
  escalateBrief(ref: BriefRef, detail?: PlainObject): Result<M, BriefOf<R>> {
    return this.#run(() => escalateBrief(this.#context, ref, detail));
  }

  /**
   * The run's briefs as a tree of any depth, each with the statuses of itself and all below it counted; or, by id, one brief
   * and what hangs below it. One snapshot. Oldest first on every level; empty where there is no run. A brief whose parent is
   * not in the run is a root. `cycles` names those that other programs left without a way to any root: they stand under none,
   * though the run's `totals` count them; one of them asked for is a root with what hangs below it, each once.
   * @throws NotFoundError for an unknown brief.
   */
  getBriefTree(briefId?: string): Result<M, BriefTree<R>> {
    return this.#run(() => getBriefTree(this.#context, briefId));
  }

  /**
   * Runs `fn` in a transaction: all that it writes, or nothing if it throws; its value, or what it threw, comes out as it
   * is. Inside, `tx` and the blackboard itself both belong to the transaction; another one within it is a savepoint, undone
   * alone when it throws. Transactions of one run happen as if one after another, and `fn` runs once.
   *
   * `fn` must not be a generator or return an iterator, whose body would not have run; on SQLite it must not return a promise:
   * InvalidInputError, and rolled back. After the end `tx` throws ClosedError.
   *
   * ```ts
   * board.transaction((tx) => {
   *   tx.updateBriefResult("b-1", { ok: true });
   *   tx.logEvent("completed", { briefId: "b-1" });
   * });
   * ```
   */
  transaction<T>(fn: (tx: BlackboardOperations<M, R, Database>) => Body<M, T>): Result<M, T> {
    const check = new Check();
    check.callable("fn", fn);
    const kind = check.refusals === 0 ? kindOf(fn) : "Function";
    if (kind.endsWith("GeneratorFunction"))
      check.refuse("fn", "must not be a generator: calling one runs nothing of it");
    check.done();
    return this.#session.transaction((session) => {
      const value = fn(new BlackboardOperations<M, R, Database>(session, this.#context));
      requireRun(value);
      return value;
    }, kind === "AsyncFunction");
  }
}

/** What a function is, in whatever realm it was made: "Function", "AsyncFunction", "GeneratorFunction", "AsyncGeneratorFunction". */
function kindOf(fn: object): string {
  try {
    return Object.prototype.toString.call(fn).slice("[object ".length, -1);
  } catch {
    // A getter or a proxy's trap; calling it will say what is wrong.
    return "Function";
  }
}

/**
 * The state of one run. Made by `openBlackboard`; the class is exported as a type for functions that take one:
 * `Blackboard<"sync">` for a file, `Blackboard<Mode>` for either engine.
 */
export class Blackboard<M extends Mode, R extends Roles = AnyRoles, Database = unknown> extends BlackboardOperations<
  M,
  R,
  Database
> {
  /** The file's absolute path, or the server and database without credentials. */
  readonly location: string;
  readonly #engine: Engine<M, Database>;
  readonly #watching: Context;

  /** @internal Made by `openBlackboard`. */
  constructor(engine: Engine<M, Database>, context: Context) {
    super(engine, context);
    this.location = engine.location;
    this.#engine = engine;
    this.#watching = context;
  }

  /**
   * Every event after `after` (0 when left out, the beginning), this process's and others', in order of `seq`, none twice and
   * none missed; then waits for more, and keeps the process alive meanwhile. Ends, without an error, when `signal` aborts, the
   * blackboard closes, or the loop is left. To go on after a crash, give the last `seq` that was dealt with as `after`. Events
   * are read a page at a time, as fast as they are taken; each iteration begins anew. A PostgreSQL server that goes away is
   * waited for.
   *
   * ```ts
   * const { lastSeq } = board.getRunSummary();
   * for await (const event of board.watchEvents({ after: lastSeq, signal })) console.log(event.kind, event.briefId);
   * ```
   *
   * InvalidInputError and ClosedError are thrown by the call, other errors come out of the iteration: FileError `READ_ONLY`,
   * after all that is there, where `readonly` had to read a snapshot of the file.
   */
  watchEvents(options?: WatchOptions): AsyncIterable<BlackboardEvent> {
    return watchEvents(this.#engine, this.#watching, options);
  }

  /**
   * Renews the claim while `work` runs, now and at each third of the lease, and gives what `work` gives; always a promise.
   * When the claim is lost, or could not be renewed before the lease was over, or `signal` aborts, the signal given to `work`
   * aborts and the promise rejects with the LostClaimError or the signal's reason; it does not wait for `work` then. A
   * database that is busy or away is asked again as long as the lease lasts. It neither completes nor releases.
   *
   * ```ts
   * const result = await board.holdClaim(claim, { leaseMs: 60_000 }, (signal) => askModel(claim.brief.payload, { signal }));
   * board.completeBrief(claim, result);
   * ```
   */
  holdClaim<T>(claim: HeldClaim, options: HoldOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const lease = {
      renew: (leaseMs: number) => this.renewClaim(claim, { leaseMs }),
      requireStorage: () => this.#engine.requireStorage(),
    };
    return holdClaim(lease, claim, options, work);
  }

  /** Idempotent. Any other call after it throws `ClosedError`. */
  close(): Result<M, void> {
    return this.#engine.close();
  }

  override toString(): string {
    return `Blackboard(${quoted(this.runId, 200)} at ${this.location})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
