/**
 * The public API for both engines. `BlackboardOperations` is the interface that a blackboard and a transaction's `tx` share;
 * each method runs one operation, which is implemented in `operations/`.
 */
import type { BriefStatus, EventKind, RunStatus, WorkstreamStatus } from "../drizzle/vocabulary.ts";
import { type Body, type Engine, type Mode, type Result, requireRun, type Session } from "./engine/engine.ts";
import { InvalidInputError } from "./errors.ts";
import { type HeldClaim, type HoldOptions, holdClaim, type Save } from "./hold-claim.ts";
import { Check } from "./input/check.ts";
import type { StoredObject } from "./input/json.ts";
import type { AnyRoles, Roles } from "./input/roles.ts";
import { Looks } from "./looks.ts";
import { type BriefFilter, listBriefs } from "./operations/brief-lists.ts";
import { incrementBriefRetry, updateBriefResult, updateBriefStatus } from "./operations/brief-updates.ts";
import { createBrief, getBrief, spawnBrief } from "./operations/briefs.ts";
import { type ClaimsRequest, claimBriefs } from "./operations/claim-briefs.ts";
import { type ClaimRequest, claimBrief } from "./operations/claims.ts";
import { type Completed, type Completion, completeBriefs } from "./operations/complete-briefs.ts";
import {
  type BlackboardEvent,
  type EventFilter,
  listEvents,
  logEvent,
  type StorableEvent,
} from "./operations/events.ts";
import {
  type ClaimRef,
  type DelayOptions,
  type LeaseOptions,
  type RenewOptions,
  releaseClaim,
  renewClaim,
} from "./operations/held-claims.ts";
import { type BriefRef, completeBrief, escalateBrief, failBrief, retryBrief } from "./operations/lifecycle.ts";
import type { Context, Operation } from "./operations/operation.ts";
import type { Page } from "./operations/pages.ts";
import { type Renewed, renewClaims } from "./operations/renew-claims.ts";
import type { BriefOf, ClaimOf, ClaimResult, RoleName, StorableBrief } from "./operations/roles.ts";
import { createRun, getRun, type Run, updateRunStatus } from "./operations/runs.ts";
import { spawnBriefs } from "./operations/spawn-briefs.ts";
import type { From } from "./operations/status.ts";
import { getRunSummary, type RunSummary } from "./operations/summary.ts";
import { type BriefTree, getBriefTree } from "./operations/tree.ts";
import type { WaitFilter } from "./operations/wait-filters.ts";
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
import { traced, traceMethods } from "./trace.ts";
import { type WaitOptions, waitForBrief, waitForBriefs } from "./wait.ts";
import { type WatchOptions, watchEvents } from "./watch.ts";

/** `util.inspect.custom`, without Node's types in those of the package. */
const inspected: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/**
 * Runs an operation that is not a method, for package-level functions such as `summarizeRun`. Not exported to users.
 */
export let perform: <M extends Mode, T>(
  name: string,
  board: BlackboardOperations<M>,
  operation: (context: Context) => Operation<T>,
) => Result<M, T>;

/**
 * The operations on a run. Methods return values on SQLite (`"sync"`) and promises on PostgreSQL (`"async"`): code that uses
 * `await` runs on both.
 *
 * Every method throws `InvalidInputError` for invalid arguments, before anything is sent to the database; `ClosedError` after
 * `close()` or the end of the transaction; `BusyError` when another process kept the database locked for too long;
 * `FileError` and `DatabaseError` for an error of the database; `UnreadableRowError` when another program stored an invalid
 * value. Each method documents its further errors. When a method throws, it has written nothing.
 */
export class BlackboardOperations<M extends Mode, R extends Roles = AnyRoles, Database = unknown> {
  static {
    perform = (name, board, operation) => {
      if (typeof board !== "object" || board === null || !(#session in board)) {
        const message = `must be a blackboard that this copy of run-blackboard opened, got ${shown(board)}`;
        throw new InvalidInputError([{ path: "board", message }]);
      }
      return traced(name, board.runId, [], () => board.#session.run(() => operation(board.#context)));
    };
  }
  readonly #session: Session<M, Database>;
  readonly #context: Context;

  /** @internal Created by `openBlackboard` and by `transaction`. */
  constructor(session: Session<M, Database>, context: Context) {
    this.#session = session;
    this.#context = context;
  }

  /**
   * Casts rows to the types declared by `roles`: the stored value is the output of the role's schema, which the compiler
   * cannot trace through a database.
   */
  #run<T>(operation: () => Operation<unknown>): Result<M, T> {
    return this.#session.run(operation as () => Operation<T>);
  }

  get runId(): string {
    return this.#context.runId;
  }

  /**
   * The Drizzle database, for your own queries over the tables of `run-blackboard/schema`. Read with it anywhere; write only
   * inside a `transaction`, with its `tx.drizzle`.
   *
   * ```ts
   * board.drizzle.select({ n: count() }).from(schema.briefs).where(like(schema.briefs.role, "review%")).all();
   * ```
   */
  get drizzle(): Database {
    return this.#session.drizzle;
  }

  /**
   * Creates the run with status `pending`. Every other write requires it. If the run exists with the same goal, returns it
   * unchanged.
   * @throws ConflictError if the run exists with a different goal.
   */
  createRun(goal: string): Result<M, Run> {
    return this.#session.run(() => createRun(this.#context, goal));
  }

  /**
   * Sets the run's status. Any transition is allowed unless `from` lists the statuses it may start from.
   * @throws NotFoundError before `createRun`; TransitionError if the current status is not in `from`.
   */
  updateRunStatus(status: RunStatus, options?: From<RunStatus>): Result<M, Run> {
    return this.#session.run(() => updateRunStatus(this.#context, status, options));
  }

  /**
   * Creates a workstream with status `pending`. If it exists with the same data, returns it unchanged.
   * @throws NotFoundError before `createRun`; ConflictError if the id exists with different data.
   */
  createWorkstream(workstream: NewWorkstream): Result<M, Workstream> {
    return this.#session.run(() => createWorkstream(this.#context, workstream));
  }

  /**
   * Sets a workstream's status. Any transition is allowed unless `from` lists the statuses it may start from.
   * @throws NotFoundError; TransitionError if the current status is not in `from`.
   */
  updateWorkstreamStatus(
    workstreamId: string,
    status: WorkstreamStatus,
    options?: From<WorkstreamStatus>,
  ): Result<M, Workstream> {
    return this.#session.run(() => updateWorkstreamStatus(this.#context, workstreamId, status, options));
  }

  /**
   * Creates a brief with status `pending`. Its parent and workstream, if given, must exist in this run. If the brief exists
   * with the same data, returns its current row unchanged; status, result and retry count are not compared.
   * @throws NotFoundError for the run, the parent or the workstream; ConflictError if the id exists with different data.
   */
  createBrief<K extends RoleName<R>>(brief: StorableBrief<R, K>): Result<M, BriefOf<R, K>> {
    return this.#run(() => createBrief(this.#context, brief));
  }

  /**
   * Sets a brief's status. Any transition is allowed unless `from` lists the statuses it may start from. Logs no event.
   * @throws NotFoundError; TransitionError if the current status is not in `from`.
   */
  updateBriefStatus(briefId: string, status: BriefStatus, options?: From<BriefStatus>): Result<M, BriefOf<R>> {
    return this.#run(() => updateBriefStatus(this.#context, briefId, status, options));
  }

  /**
   * Stores a brief's result and sets its status to `done` from any status. Logs no event.
   * @throws NotFoundError.
   */
  updateBriefResult(briefId: string, result: StoredObject): Result<M, BriefOf<R>> {
    return this.#run(() => updateBriefResult(this.#context, briefId, result));
  }

  /**
   * Increments a brief's retry count. Does not change its status. Logs no event.
   * @throws NotFoundError; InvalidInputError if the count is already 2^31 - 1.
   */
  incrementBriefRetry(briefId: string): Result<M, BriefOf<R>> {
    return this.#run(() => incrementBriefRetry(this.#context, briefId));
  }

  /**
   * Appends an event to the run, optionally for a brief. If an event with this id exists with the same data, returns it.
   * @throws NotFoundError for the run or the brief; ConflictError if the id exists with different data.
   */
  logEvent(kind: EventKind, event?: StorableEvent): Result<M, BlackboardEvent> {
    return this.#session.run(() => logEvent(this.#context, kind, event));
  }

  /**
   * Returns the run's columns, the counts of its workstreams and briefs by status and of its events by kind, and the newest
   * event's `seq`, from one snapshot.
   * @throws NotFoundError before `createRun`.
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

  /**
   * Returns a page of workstreams, oldest first by `createdAt`, then by id; at most `limit`, by default 100. Empty if the run
   * does not exist.
   */
  listWorkstreams(filter?: WorkstreamFilter): Result<M, Page<Workstream, string>> {
    return this.#session.run(() => listWorkstreams(this.#context, filter));
  }

  /**
   * Returns a page of briefs, oldest first by `createdAt`, then by id; at most `limit`, by default 100. Empty if the run does
   * not exist.
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

  /**
   * Returns a page of events with a `seq` greater than `after`, in order of `seq`; at most `limit`, by default 100. Empty if
   * the run does not exist.
   */
  listEvents(filter?: EventFilter): Result<M, Page<BlackboardEvent, number>> {
    return this.#session.run(() => listEvents(this.#context, filter));
  }

  /**
   * Creates a brief and logs `spawned`, in one commit. If the brief exists with the same data, returns its current row
   * unchanged and logs no event.
   * @throws the same errors as `createBrief`.
   */
  spawnBrief<K extends RoleName<R>>(brief: StorableBrief<R, K>, detail?: StoredObject): Result<M, BriefOf<R, K>> {
    return this.#run(() => spawnBrief(this.#context, brief, detail));
  }

  /**
   * Spawns 1 to 1,000 briefs in one commit, all or none, each like `spawnBrief` with `detail`. A brief may name as parent or in
   * `after` one that comes before it in the list; at most 10,000 entries of `after` altogether. An id twice is a repeat.
   *
   * ```ts
   * board.spawnBriefs([
   *   { briefId: "write", tier: 1, role: "coder" },
   *   { briefId: "review", tier: 1, role: "reviewer", after: ["write"] },
   * ]);
   * ```
   * @throws the errors of `spawnBrief` for the first brief that fails; InvalidInputError with the index in the path, such as
   * `briefs[3].tier`.
   */
  spawnBriefs<K extends RoleName<R>>(
    briefs: readonly StorableBrief<R, K>[],
    detail?: StoredObject,
  ): Result<M, BriefOf<R, K>[]> {
    return this.#run(() => spawnBriefs(this.#context, briefs, detail));
  }

  /**
   * Claims the next brief: first one whose lease has expired (longest-expired first), otherwise the oldest pending one. No
   * other agent can claim it until the lease expires. Returns `undefined` if there is no brief to claim. Taking over an
   * expired claim increments the retry count and logs `retried` with the previous agent. With `maxRetries`, an expired brief
   * that has no retries left is set to `failed` instead, and the next one is tried.
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
   * Claims up to `limit` briefs (1 to 1,000) in one commit: those that as many calls of `claimBrief` would return, in that order.
   * Returns [] if none can be claimed.
   */
  claimBriefs<K extends RoleName<R> = RoleName<R>>(request: ClaimsRequest<R, K>): Result<M, ClaimOf<R, K>[]> {
    return this.#run(() => claimBriefs(this.#context, request));
  }

  /**
   * Extends the lease to `leaseMs` from now. Returns the claim with the new expiry and the current brief. `progress`, a JSON object,
   * replaces what is stored: it is kept when the brief is retried or taken over, so the next agent can continue from it.
   * @throws LostClaimError if the claim has been superseded: discard the work; NotFoundError.
   */
  renewClaim<C extends ClaimRef>(claim: C, options: RenewOptions): Result<M, C> {
    return this.#run(() => renewClaim(this.#context, claim, options));
  }

  /**
   * Renews 1 to 1,000 claims in one commit, each like `renewClaim`. Claims that are lost don't keep the others from being renewed:
   * `lost` has an error for each of them.
   */
  renewClaims<C extends ClaimRef>(claims: readonly C[], options: LeaseOptions): Result<M, Renewed<C>> {
    return this.#run(() => renewClaims(this.#context, claims, options));
  }

  /**
   * Releases the claim: the brief becomes pending and unclaimed; `attempt` is unchanged. Logs no event. With `delayMs`, the brief
   * can't be claimed for that long; without, it can immediately.
   * @throws LostClaimError if the claim has been superseded; NotFoundError.
   */
  releaseClaim(claim: ClaimRef, options?: DelayOptions): Result<M, BriefOf<R>> {
    return this.#run(() => releaseClaim(this.#context, claim, options));
  }

  /**
   * Stores the result, sets the brief's status to `done` and logs `completed`, in one commit. With a claim, only while the
   * claim is current; repeating the call with the same claim and an equal result returns the stored brief unchanged, so a
   * call whose response was lost may be repeated. With an id, from `pending` or `active`, regardless of its claim.
   * @throws LostClaimError, TransitionError, NotFoundError; InvalidInputError with the paths reported by the role's schema.
   */
  completeBrief(briefId: string, result: StoredObject, detail?: StoredObject): Result<M, BriefOf<R>>;
  completeBrief<K extends RoleName<R>>(
    claim: ClaimOf<R, K>,
    result: ClaimResult<R, K>,
    detail?: StoredObject,
  ): Result<M, BriefOf<R, K>>;
  completeBrief(ref: BriefRef, result: unknown, detail?: StoredObject): Result<M, BriefOf<R>> {
    return this.#run(() => completeBrief(this.#context, ref, result, detail));
  }

  /**
   * Completes 1 to 1,000 briefs in one commit, each like `completeBrief`. Those that are refused don't keep the others from being
   * completed: in the order of the completions, returns each brief or the error. Results of briefs that exist are validated
   * before anything is written: one that its role's schema refuses throws, and none is completed.
   *
   * ```ts
   * const claims = board.claimBriefs({ agentId: "coder-1", leaseMs: 60_000, limit: 32 });
   * board.completeBriefs(claims.map((claim) => ({ ref: claim, result: { ok: true } })));
   * ```
   * @throws InvalidInputError with the index in the path, such as `completions[3].result`.
   */
  completeBriefs(completions: readonly Completion[]): Result<M, Completed<R>[]> {
    return this.#run(() => completeBriefs(this.#context, completions));
  }

  /**
   * Sets the brief's status to `failed` and logs `failed`, in one commit. With an id, from `pending` or `active`; with a
   * claim, only while it is current.
   * @throws LostClaimError, TransitionError, NotFoundError.
   */
  failBrief(ref: BriefRef, detail?: StoredObject): Result<M, BriefOf<R>> {
    return this.#run(() => failBrief(this.#context, ref, detail));
  }

  /**
   * Sets the brief to `pending` and unclaimed, increments its retry count and logs `retried`, in one commit. With an id, from
   * `pending`, `active` or `failed`; with a claim, only while it is current. With `delayMs`, it can't be claimed for that long.
   * @throws LostClaimError, TransitionError, NotFoundError; InvalidInputError if the count is already 2^31 - 1.
   */
  retryBrief(ref: BriefRef, detail?: StoredObject, options?: DelayOptions): Result<M, BriefOf<R>> {
    return this.#run(() => retryBrief(this.#context, ref, detail, options));
  }

  /**
   * Sets the brief's status to `failed` and logs `escalated`, in one commit, to hand the brief to a higher tier. With an id,
   * from `pending` or `active`; with a claim, only while it is current.
   * @throws LostClaimError, TransitionError, NotFoundError.
   */
  escalateBrief(ref: BriefRef, detail?: StoredObject): Result<M, BriefOf<R>> {
    return this.#run(() => escalateBrief(this.#context, ref, detail));
  }

  /**
   * Returns the run's briefs as a tree, or one brief and its descendants, from one snapshot. Each node counts the statuses of
   * its brief and descendants; siblings are ordered oldest first. Empty if the run does not exist. A brief whose parent is
   * missing from the run is a root. `cycles` lists the briefs whose parents, as written by another program, form a cycle. They
   * are not under any root, but are included in `totals`. Asking for one by id returns it as the root of its descendants.
   * @throws NotFoundError for an unknown brief.
   */
  getBriefTree(briefId?: string): Result<M, BriefTree<R>> {
    return this.#run(() => getBriefTree(this.#context, briefId));
  }

  /**
   * Runs `fn` in a transaction and returns its value. If `fn` throws, rolls everything back and rethrows the error unchanged.
   * Inside, calls on `tx` and on the blackboard itself belong to the transaction; a nested transaction is a savepoint, rolled
   * back alone if its callback throws. The transactions of one run are serialized. `fn` runs exactly once.
   *
   * If `fn` is a generator or returns an iterator, whose body would not have run, or on SQLite returns a promise, throws
   * InvalidInputError and rolls back. After the transaction has ended, `tx` throws ClosedError.
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
      check.refuse("fn", "must not be a generator: calling it does not run its body");
    check.done();
    return this.#session.transaction((session) => {
      const value = fn(new BlackboardOperations<M, R, Database>(session, this.#context));
      requireRun(value);
      return value;
    }, kind === "AsyncFunction");
  }
}

/** The same cast as `#run`, for a promise. */
function typed<T>(brief: Promise<unknown>): Promise<T> {
  return brief as Promise<T>;
}

/** Returns the kind of a function of any realm: "Function", "AsyncFunction", "GeneratorFunction" or "AsyncGeneratorFunction". */
function kindOf(fn: object): string {
  try {
    return Object.prototype.toString.call(fn).slice("[object ".length, -1);
  } catch {
    // A getter or a proxy's trap threw; calling the function will report the error.
    return "Function";
  }
}

/**
 * The state of one run, opened by `openBlackboard`. Use the class as a parameter type: `Blackboard<"sync">` for a file,
 * `Blackboard<Mode>` for either engine.
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
  readonly #looks: Looks;

  /** @internal Created by `openBlackboard`. */
  constructor(engine: Engine<M, Database>, context: Context) {
    super(engine, context);
    this.location = engine.location;
    this.#engine = engine;
    this.#watching = context;
    this.#looks = new Looks(engine, context);
  }

  /**
   * Returns an async iterable of the events after `after` (default 0, the beginning), from all processes, in order of `seq`,
   * each exactly once; then waits for new ones and keeps the process alive. Ends without an error when `signal` aborts, the
   * blackboard closes, or the loop is left. To resume after a crash, pass the last `seq` you handled as `after`. Events are
   * read page by page as you consume them; every iteration starts at `after`. While a PostgreSQL server is unreachable, the
   * watch keeps polling.
   *
   * ```ts
   * const { lastSeq } = board.getRunSummary();
   * for await (const event of board.watchEvents({ after: lastSeq, signal })) console.log(event.kind, event.briefId);
   * ```
   *
   * The call throws InvalidInputError and ClosedError; the iteration throws other errors: FileError `READ_ONLY` after the last
   * existing event if `readonly` had to read a snapshot of the file.
   */
  watchEvents(options?: WatchOptions): AsyncIterable<BlackboardEvent> {
    return watchEvents(this.#engine, this.#watching, options);
  }

  /**
   * Resolves with the brief when it is `done` or `failed`, immediately if it already is; whichever process changed it, also by
   * an update that logs no event. A change back between two looks may be missed. Waits keep the process alive, and while a
   * PostgreSQL server is unreachable they keep waiting. Inside a transaction it sees only committed data.
   *
   * ```ts
   * const { status, result } = await board.waitForBrief("plan", { signal });
   * ```
   *
   * @throws NotFoundError if the brief does not exist, also when it is deleted meanwhile; the signal's reason; ClosedError when
   * the blackboard closes; FileError `READ_ONLY` if `readonly` had to read a snapshot of the file in which it is not finished.
   */
  waitForBrief(briefId: string, options?: WaitOptions): Promise<BriefOf<R>> {
    return typed(waitForBrief(this.#looks, briefId, options));
  }

  /**
   * Resolves when none of the briefs that match is `pending` or `active`, with their number by status; immediately with zeros if
   * none matches. Briefs that match are counted when the wait ends, including those created meanwhile. Otherwise like
   * `waitForBrief`.
   *
   * ```ts
   * const { done, failed } = await board.waitForBriefs({ parentBriefId: "plan" }, { signal });
   * ```
   *
   * @throws InvalidInputError for a filter without a field; NotFoundError for an id of `briefIds` that does not exist, also when
   * that brief is deleted meanwhile; otherwise like `waitForBrief`.
   */
  waitForBriefs<K extends RoleName<R> = RoleName<R>>(
    filter: WaitFilter<R, K>,
    options?: WaitOptions,
  ): Promise<Record<BriefStatus, number>> {
    return waitForBriefs(this.#looks, this.#watching, filter, options);
  }

  /**
   * Runs `work` while renewing the claim immediately and then every third of the lease. Resolves with `work`'s result, on both
   * engines. If the claim is lost, cannot be renewed before the lease expires, or `signal` aborts, aborts the signal passed to
   * `work` and rejects with the LostClaimError or the signal's reason, without waiting for `work`. That the brief was failed,
   * retried, taken over or deleted is noticed about as soon as a watch would notice it (50 ms on SQLite, 200 ms on PostgreSQL).
   * While the database is busy, unreachable, read-only or its disk is full, retries until the lease expires. Neither completes
   * nor releases the brief.
   *
   * `save(progress)`, the second argument of `work`, stores `progress` and renews the lease, see `renewClaim`. It rejects when
   * the claim is lost, with InvalidInputError for an invalid object, and with ClosedError after `work` has ended.
   *
   * ```ts
   * const result = await board.holdClaim(claim, { leaseMs: 60_000 }, (signal) => askModel(claim.brief.payload, { signal }));
   * board.completeBrief(claim, result);
   * ```
   */
  holdClaim<T>(
    claim: HeldClaim,
    options: HoldOptions,
    work: (signal: AbortSignal, save: Save) => Promise<T>,
  ): Promise<T> {
    return holdClaim((lease) => this.renewClaim(claim, lease), this.#looks, claim, options, work);
  }

  /** Closes the blackboard. Idempotent. Any other call afterwards throws `ClosedError`. */
  close(): Result<M, void> {
    return this.#engine.close();
  }

  override toString(): string {
    return `Blackboard(${quoted(this.runId, 200)} at ${this.location})`;
  }

  [inspected](): string {
    return this.toString();
  }
}

// Not inside the classes: a bundler renames a class that refers to itself by name. Watching has no end to measure.
traceMethods(BlackboardOperations.prototype, []);
traceMethods(Blackboard.prototype, ["watchEvents", "toString"]);
