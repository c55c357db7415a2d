// The public contract, word for word as it was agreed: types.test-d.ts holds the package against it.
// biome-ignore-all format: word for word, so that it can be compared.
// biome-ignore-all assist/source/organizeImports: word for word.
// biome-ignore-all lint/suspicious/noExplicitAny: the agreed text says any where no roles are declared.
// biome-ignore-all lint/complexity/noBannedTypes: {} is the agreed test for "may be left out".
/**
 * The public contract of run-blackboard, as types. Programs outside compile and run against these names, shapes and
 * behaviours; the implementation is free behind them. It compiles as it stands (strict, drizzle-orm 0.45).
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Logger } from "drizzle-orm";
import type { Database as Sqlite } from "better-sqlite3";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";

// ---------------------------------------------------------------------------------------------- vocabulary and rows

export declare const runStatuses: readonly ["pending", "active", "review", "done", "failed"];
export declare const workstreamStatuses: readonly ["pending", "active", "blocked", "done", "failed"];
export declare const briefStatuses: readonly ["pending", "active", "done", "failed"];
export declare const eventKinds: readonly ["spawned", "completed", "failed", "escalated", "retried"];
export type RunStatus = (typeof runStatuses)[number];
export type WorkstreamStatus = (typeof workstreamStatuses)[number];
export type BriefStatus = (typeof briefStatuses)[number];
export type EventKind = (typeof eventKinds)[number];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
/**
 * What is given to be stored as JSON: a plain object. `object`, since TypeScript lets no interface pass as an index
 * signature; checked when written: an array, a Date, whatever JSON can't hold faithfully, is an InvalidInputError with
 * its path. For compile-time types declare `roles`.
 */
export type PlainObject = object;
/** ISO 8601, UTC. Written here as `2026-11-22T06:40:15.123Z`; rows of the reference read as they stand. */
export type Timestamp = string;

export interface Run {
  runId: string;
  goal: string;
  status: RunStatus;
  createdAt: Timestamp;
  updatedAt: Timestamp;
}
export interface Workstream {
  workstreamId: string;
  runId: string;
  name: string;
  tier: number;
  status: WorkstreamStatus;
  ownerAgentId: string | null;
  createdAt: Timestamp;
  updatedAt: Timestamp;
}
export interface Brief<Payload = JsonObject, Result = JsonObject, Role extends string = string> {
  briefId: string;
  runId: string;
  parentBriefId: string | null;
  workstreamId: string | null;
  tier: number;
  role: Role;
  status: BriefStatus;
  /** `{}` when none was given, or the row says NULL. */
  payload: Payload;
  result: Result | null;
  retryCount: number;
  /** How many times it was claimed; the fencing token of the latest claim. */
  attempt: number;
  claimedBy: string | null;
  /** When the latest claim was made; kept when the brief is finished, null once it is pending again. */
  claimedAt: Timestamp | null;
  leaseExpiresAt: Timestamp | null;
  /** Among briefs that can be claimed, the highest priority goes first. */
  priority: number;
  /** A pending brief can't be claimed before this time; null: at once. A claim clears it. */
  notBefore: Timestamp | null;
  /** How many of the briefs that it comes `after` are not done. A pending brief can't be claimed while this is above 0; a takeover doesn't look at it. */
  waitsFor: number;
  /** What an agent saved with `renewClaim`, for itself or for the next agent that claims the brief. */
  progress: JsonObject | null;
  createdAt: Timestamp;
  updatedAt: Timestamp;
}
export interface BlackboardEvent {
  /** Strictly increasing within a run in commit order; gaps are allowed. */
  seq: number;
  eventId: string;
  runId: string;
  briefId: string | null;
  kind: EventKind;
  /** `{}` when none was given, or the row says NULL. */
  detail: JsonObject;
  createdAt: Timestamp;
}
/** The run's columns and its counts, in one snapshot: every status and kind is there, 0 where there is none. */
export interface RunSummary extends Run {
  /** `seq` of the newest event, 0 if there is none: show this state, then watch from here. */
  lastSeq: number;
  workstreams: Record<WorkstreamStatus, number>;
  briefs: Record<BriefStatus, number>;
  events: Record<EventKind, number>;
}

// ------------------------------------------------------------------------------------------------------------ roles

/**
 * What a role's briefs carry. Any Standard Schema library (zod, valibot, arktype) will do; synchronous validation. Other
 * keys than these two are refused on open: a misspelt one would switch validation off.
 */
export interface RoleSchemas {
  payload?: StandardSchemaV1<any, any> | undefined;
  result?: StandardSchemaV1<any, any> | undefined;
}
export type Roles = Record<string, RoleSchemas>;
/** No roles declared: any role, any plain object. */
type Untyped<R extends Roles> = string extends keyof R ? true : [keyof R] extends [never] ? true : false;

export type RoleName<R extends Roles> = Untyped<R> extends true ? string : keyof R & string;
type Input<S> = S extends StandardSchemaV1<infer I, any> ? I : PlainObject;
type Output<S> = S extends StandardSchemaV1<any, infer O> ? (unknown extends O ? JsonObject : O) : JsonObject;
/**
 * With `roles`, a union over the declared roles, so `brief.role` narrows `brief.payload`. Without, any role. Rows are not
 * validated again when read: one that another program wrote, or an older schema, may differ from its type.
 */
export type BriefOf<R extends Roles, K extends RoleName<R> = RoleName<R>> =
  Untyped<R> extends true ? Brief : { [N in K]: Brief<Output<R[N]["payload"]>, Output<R[N]["result"]>, N> }[K];
export type ResultInput<R extends Roles, K extends RoleName<R>> = Untyped<R> extends true ? PlainObject : { [N in K]: Input<R[N]["result"]> }[K];

// ----------------------------------------------------------------------------------------------------------- inputs
// `undefined` counts as left out everywhere, and null where a row may have null. Unknown names are refused.

export interface NewBriefBase {
  /** A UUIDv7 when left out. */
  briefId?: string | undefined;
  parentBriefId?: string | null | undefined;
  workstreamId?: string | null | undefined;
  /** An integer from 0 to 2^31 - 1, as are retryCount and a workstream's tier. */
  tier: number;
  retryCount?: number | undefined;
  /** An integer from -2^31 to 2^31 - 1; 0 when left out. */
  priority?: number | undefined;
  /** Can't be claimed before this time. */
  notBefore?: Date | undefined;
  /** Briefs of this run that must be done first, at most 1,000; a repeated id counts once. They must exist, so no cycle can arise. */
  after?: readonly string[] | undefined;
}
type PayloadOf<S> = S extends StandardSchemaV1<infer I, any>
  ? {} extends I ? { payload?: I | undefined } : { payload: I }
  : { payload?: PlainObject | null | undefined };
export type NewBrief<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> = Untyped<R> extends true
  ? NewBriefBase & { role: K; payload?: PlainObject | null | undefined }
  : { [N in K]: NewBriefBase & { role: N } & PayloadOf<R[N]["payload"]> }[K];
export interface NewEvent {
  /** A UUIDv7 when left out. Again with the same id and data: the stored event. */
  eventId?: string | undefined;
  briefId?: string | null | undefined;
  detail?: PlainObject | undefined;
}

export interface NewWorkstream {
  workstreamId?: string | undefined;
  name: string;
  tier: number;
  ownerAgentId?: string | null | undefined;
}
/** Compare-and-set: the update happens only if the present status is one of these. */
export interface From<Status> {
  from?: Status | readonly Status[] | undefined;
}
export interface Page<T, Cursor> {
  items: T[];
  /** Pass as `after` for the next page; null when this was the last one, also when it was just full. */
  next: Cursor | null;
}
interface PageRequest<Cursor> {
  after?: Cursor | undefined;
  /** 1 to 1000; 100 when left out. */
  limit?: number | undefined;
}
/**
 * Briefs and workstreams come oldest first: by createdAt, then by id. `null` for a parent or a workstream means those
 * that have none. An array means any of these, an empty one none. A cursor not from here is an InvalidInputError.
 */
export interface BriefFilter<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> extends PageRequest<string> {
  status?: BriefStatus | readonly BriefStatus[] | undefined;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | null | undefined;
  parentBriefId?: string | null | undefined;
  /** true: pending, nothing left to wait for, its time has come. false: the other pending ones. Looks at neither the run's nor a workstream's status. */
  ready?: boolean | undefined;
}
export interface WorkstreamFilter extends PageRequest<string> {
  status?: WorkstreamStatus | readonly WorkstreamStatus[] | undefined;
}
export interface EventFilter extends PageRequest<number> {
  kinds?: readonly EventKind[] | undefined;
  briefId?: string | undefined;
}
export interface BriefNode<R extends Roles = Roles> {
  brief: BriefOf<R>;
  children: BriefNode<R>[];
  /** Statuses of this brief and all below it. */
  totals: Record<BriefStatus, number>;
}
export interface BriefTree<R extends Roles = Roles> {
  /** Briefs without a parent in this run, oldest first; or the one asked for. */
  roots: BriefNode<R>[];
  /** All briefs of the run, those in cycles too; or the one asked for and all below it. */
  totals: Record<BriefStatus, number>;
  /** Ids of the briefs whose chain of parents never reaches a root, in order; they stand under no root. */
  cycles: string[];
}

// ----------------------------------------------------------------------------------------------------------- claims

/** Plain data: it may be sent to another process and used there. */
export interface Claim<B extends Brief<any, any> = Brief> {
  brief: B;
  /** The brief's role, here too, so that `claim.role` narrows the claim. */
  role: B["role"];
  attempt: number;
  agentId: string;
  leaseExpiresAt: Timestamp;
}
/** A union over the roles asked for. */
export type ClaimOf<R extends Roles, K extends RoleName<R> = RoleName<R>> = Untyped<R> extends true ? Claim : { [N in K]: Claim<BriefOf<R, N>> }[K];
export interface ClaimRequest<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> {
  agentId: string;
  /** 1 to 2^31 - 1 milliseconds. The lease is over when the clock reaches `leaseExpiresAt`. */
  leaseMs: number;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | undefined;
  /** From 0. A brief whose lease runs out when its `retryCount` has reached this is failed instead of handed out again. */
  maxRetries?: number | undefined;
}
/** Which briefs to wait for: the fields of `BriefFilter` that don't change, or ids. At least one field. */
export interface WaitFilter<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> {
  briefIds?: readonly string[] | undefined;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | null | undefined;
  parentBriefId?: string | null | undefined;
}
export interface WaitOptions {
  signal?: AbortSignal | undefined;
  /** As for `watchEvents`; the waits of one blackboard share their looks, at the shortest interval. */
  pollMs?: number | undefined;
}
/** What `completeBriefs` did with one of its completions, in their order. */
export type Completed<R extends Roles> =
  | { brief: BriefOf<R>; error?: undefined }
  | { brief?: undefined; error: LostClaimError | TransitionError | NotFoundError };
/** By claim: only while it is the current one (same attempt, brief active and claimed). By id: whoever holds the brief. */
export type BriefRef = string | { brief: { briefId: string }; attempt: number };

// ------------------------------------------------------------------------------------------------------- the service

export type Mode = "sync" | "async";
export type Result<M extends Mode, T> = M extends "sync" ? T : Promise<T>;
type NoPromise<T> = T extends PromiseLike<unknown> ? never : T;

export interface BlackboardOperations<M extends Mode, R extends Roles = any, Database = unknown> {
  readonly runId: string;
  /** The Drizzle database behind it, for queries of your own; write through the one of a `transaction`. */
  readonly drizzle: Database;

  createRun(goal: string): Result<M, Run>;
  updateRunStatus(status: RunStatus, options?: From<RunStatus>): Result<M, Run>;
  createWorkstream(workstream: NewWorkstream): Result<M, Workstream>;
  updateWorkstreamStatus(workstreamId: string, status: WorkstreamStatus, options?: From<WorkstreamStatus>): Result<M, Workstream>;
  createBrief<K extends RoleName<R>>(brief: NewBrief<R, K>): Result<M, BriefOf<R, K>>;
  updateBriefStatus(briefId: string, status: BriefStatus, options?: From<BriefStatus>): Result<M, BriefOf<R>>;
  updateBriefResult(briefId: string, result: PlainObject): Result<M, BriefOf<R>>;
  incrementBriefRetry(briefId: string): Result<M, BriefOf<R>>;
  logEvent(kind: EventKind, event?: NewEvent): Result<M, BlackboardEvent>;
  getRunSummary(): Result<M, RunSummary>;

  getRun(): Result<M, Run | undefined>;
  getWorkstream(workstreamId: string): Result<M, Workstream | undefined>;
  getBrief(briefId: string): Result<M, BriefOf<R> | undefined>;
  listWorkstreams(filter?: WorkstreamFilter): Result<M, Page<Workstream, string>>;
  listBriefs<K extends RoleName<R> = RoleName<R>>(filter?: BriefFilter<R, K>): Result<M, Page<BriefOf<R, K>, string>>;
  listEvents(filter?: EventFilter): Result<M, Page<BlackboardEvent, number>>;
  getBriefTree(briefId?: string): Result<M, BriefTree<R>>;

  spawnBrief<K extends RoleName<R>>(brief: NewBrief<R, K>, detail?: PlainObject): Result<M, BriefOf<R, K>>;
  claimBrief<K extends RoleName<R> = RoleName<R>>(request: ClaimRequest<R, K>): Result<M, ClaimOf<R, K> | undefined>;
  /** `progress` replaces what is stored; left out, it stays. */
  renewClaim<C extends Claim<any>>(claim: C, options: { leaseMs: number; progress?: PlainObject | null | undefined }): Result<M, C>;
  /** `delayMs` (0 to 2^31 - 1; 0 when left out) sets `notBefore`, or clears it with 0. */
  releaseClaim(claim: Claim<any>, options?: { delayMs?: number | undefined }): Result<M, BriefOf<R>>;
  completeBrief<K extends RoleName<R>>(claim: ClaimOf<R, K>, result: ResultInput<R, K>, detail?: PlainObject): Result<M, BriefOf<R, K>>;
  completeBrief(briefId: string, result: PlainObject, detail?: PlainObject): Result<M, BriefOf<R>>;
  failBrief(ref: BriefRef, detail?: PlainObject): Result<M, BriefOf<R>>;
  retryBrief(ref: BriefRef, detail?: PlainObject, options?: { delayMs?: number | undefined }): Result<M, BriefOf<R>>;
  escalateBrief(ref: BriefRef, detail?: PlainObject): Result<M, BriefOf<R>>;

  // Lists: one transaction, at most 24 statements for up to 200 entries and 44 for 1,000. 1 to 1,000 entries. All input is checked
  // first, with the index in the path (`briefs[3].tier`); then the first entry that fails, in order, throws. One reading of the clock.

  /**
   * Each as `spawnBrief`, all or none; an id twice in the list is a repeat or a ConflictError. A brief may name as parent or in
   * `after` one that comes before it in the list. At most 10,000 entries of `after` in all.
   */
  spawnBriefs<K extends RoleName<R>>(briefs: readonly NewBrief<R, K>[], detail?: PlainObject): Result<M, BriefOf<R, K>[]>;
  /** Up to `limit` briefs (1 to 1,000), those that so many `claimBrief` would have returned, in that order; [] when there is none. */
  claimBriefs<K extends RoleName<R> = RoleName<R>>(request: ClaimRequest<R, K> & { limit: number }): Result<M, ClaimOf<R, K>[]>;
  /** Each as `renewClaim`; those that are lost don't keep the others from being renewed. */
  renewClaims<C extends Claim<any>>(claims: readonly C[], options: { leaseMs: number }): Result<M, { renewed: C[]; lost: (LostClaimError | NotFoundError)[] }>;
  /**
   * Each as `completeBrief`; those that are refused don't keep the others from being completed. Results of briefs that exist are
   * validated before any write: one that its role's schema refuses throws, and none is completed.
   */
  completeBriefs(completions: readonly { ref: BriefRef; result: PlainObject; detail?: PlainObject | undefined }[]): Result<M, Completed<R>[]>;

  /**
   * All of it or nothing; the callback's value comes back. On SQLite it must not return a promise: InvalidInputError, and
   * rolled back. Transactions of one run happen as if one after another, and the callback runs once. Inside it, `tx` and
   * the blackboard itself both belong to the transaction; a transaction within one is a savepoint, undone alone when it
   * throws. After the end `tx` throws ClosedError.
   */
  transaction<T>(fn: (tx: BlackboardOperations<M, R, Database>) => M extends "sync" ? NoPromise<T> : T | Promise<T>): Result<M, T>;
}

/**
 * As a class, exported. `Blackboard<"sync">` without roles is any blackboard, for functions that take one;
 * `Blackboard<Mode>` one of either engine, for functions that await.
 */
export interface Blackboard<M extends Mode, R extends Roles = any, Database = unknown> extends BlackboardOperations<M, R, Database> {
  /** The file, or the server and database without credentials. */
  readonly location: string;

  /**
   * Renews the claim at each third of the lease while `work` runs, and gives what it gives. When the claim is lost, or
   * could not be renewed before the lease was over, or `signal` aborts, the signal given to `work` aborts; the promise
   * then rejects with LostClaimError, or with the signal's reason. It neither completes nor releases.
   */
  holdClaim<T>(
    claim: Claim<any>,
    options: { leaseMs: number; signal?: AbortSignal | undefined },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /**
   * The brief, when it is done or failed (at once if it is already). A change back between two looks may be missed. Rejects with
   * NotFoundError (also when it is deleted), the signal's reason, ClosedError. A waiting wait keeps the process alive.
   */
  waitForBrief(briefId: string, options?: WaitOptions): Promise<BriefOf<R>>;
  /**
   * Briefs by status, when none of those that match is pending or active; zeros at once where none matches. Briefs that wait for
   * a failed one stay pending, so this waits with them. NotFoundError for an id that doesn't exist.
   */
  waitForBriefs<K extends RoleName<R> = RoleName<R>>(filter: WaitFilter<R, K>, options?: WaitOptions): Promise<Record<BriefStatus, number>>;
  /**
   * Every event after `after` (0 when left out, the beginning), this process's and others', in order of `seq`, then
   * waits for more. Ends, without an error, when `signal` aborts or the blackboard closes.
   */
  watchEvents(options?: { after?: number | undefined; pollMs?: number | undefined; signal?: AbortSignal | undefined }): AsyncIterable<BlackboardEvent>;
  /** Idempotent. Any call after it throws ClosedError. */
  close(): Result<M, void>;
}

interface CommonOptions<R extends Roles> {
  /** One path segment, 1 to 128 characters: no separators, no control characters, not `.` or `..`. */
  runId: string;
  /** "auto" (the default) brings the schema up to date; "check" throws MIGRATION_PENDING when it is not, or absent. */
  migrate?: "auto" | "check" | undefined;
  roles?: R | undefined;
  clock?: (() => Date) | undefined;
  newId?: (() => string) | undefined;
  logger?: Logger | undefined;
}
export interface OpenOptions<R extends Roles = Roles> extends CommonOptions<R> {
  /** Directory that holds `<runId>/blackboard.db`; "runs" when left out. */
  root?: string | undefined;
  /** An explicit file instead, or ":memory:". */
  file?: string | undefined;
  /** False: a missing file is an error (NO_SUCH_FILE) and none is made. */
  create?: boolean | undefined;
  /** Never changes the file or what its WAL holds; -shm and an empty -wal may appear beside it. */
  readonly?: boolean | undefined;
  /** "full" (the default) survives power loss, as the reference does; "normal" may lose the last commits, never the file. */
  synchronous?: "full" | "normal" | undefined;
  /** How long a call waits for other writers once open. 5000. */
  busyTimeoutMs?: number | undefined;
  /** How long opening waits for others, before its own migrations start. 60000. */
  migrateTimeoutMs?: number | undefined;
}
export declare function openBlackboard<R extends Roles = Roles>(
  options: OpenOptions<R>,
): Blackboard<"sync", R, BetterSQLite3Database<any> & { $client: Sqlite }> & Disposable;

/**
 * From "run-blackboard/postgres". Tables live in a schema of their own; neither search_path nor temporary tables matter. Given a
 * Pool, closing the blackboard leaves it open, and while the blackboard is open a dying server does not end the process.
 * Blackboards with an equal connection string share a pool, which ends with the last of them. Every function that takes
 * `connection` takes `schema`, too. Error classes and types come from "run-blackboard/errors", which imports no driver.
 */
export interface PostgresOptions<R extends Roles = Roles> extends CommonOptions<R> {
  connection: string | Pool;
  /** The PostgreSQL schema that holds the tables, `run_blackboard` when left out; created when it is missing. 1 to 63 bytes. */
  schema?: string | undefined;
  /** After so many milliseconds without progress a transaction or call of ours ends, on the server and here. 30000. */
  transactionTimeoutMs?: number | undefined;
}
export declare function openPostgresBlackboard<R extends Roles = Roles>(
  options: PostgresOptions<R>,
): Promise<Blackboard<"async", R, NodePgDatabase<any> & { $client: Pool }> & AsyncDisposable>;

// ------------------------------------------------------------------------------------------------------- migrations

export interface MigrationStatus {
  /** The absolute path. */
  location: string;
  /** absent: no file. empty: no tables. reference: written by the reference, not adopted yet. */
  state: "absent" | "empty" | "reference" | "pending" | "current";
  /** Tags, such as "0001_events_seq", oldest first. */
  applied: string[];
  pending: string[];
}
export type BlackboardLocation = { runId: string; root?: string | undefined } | { file: string };
/**
 * Reads only: never makes or changes a file, its WAL included. MigrationError or FileError for one it cannot explain,
 * BusyError for one that another program has locked against reading.
 */
export declare function migrationStatus(location: BlackboardLocation): MigrationStatus;
/**
 * Brings one existing file up to date; an absent one is NO_SUCH_FILE. `backup` writes a consistent copy beside it first, if
 * anything is pending, and returns its path; it stays when the migration fails. The status is that after it, or with
 * `dryRun`, which changes nothing, that before.
 */
export declare function migrateBlackboard(
  location: BlackboardLocation & { dryRun?: boolean | undefined; backup?: boolean | undefined; migrateTimeoutMs?: number | undefined },
): MigrationStatus & { backup?: string };

// ----------------------------------------------------------------------------------------------------------- errors

export type Entity = "run" | "workstream" | "brief" | "event";
export declare class BlackboardError extends Error {
  readonly code: string;
}
export declare class InvalidInputError extends BlackboardError {
  readonly code: "INVALID_INPUT";
  /** Where and what, e.g. `{ path: "tier", message: "must be an integer from 0 to 2147483647, got -1" }`. */
  readonly issues: readonly { path: string; message: string }[];
}
export declare class NotFoundError extends BlackboardError {
  readonly code: "NOT_FOUND";
  readonly entity: Entity;
  readonly id: string;
}
/** A create with an id that is taken by something else; an event's, when `newId` repeats itself. */
export declare class ConflictError extends BlackboardError {
  readonly code: "CONFLICT";
  readonly entity: Entity;
  readonly id: string;
  /** The fields that differ from the stored row. */
  readonly fields: readonly string[];
}
export declare class TransitionError extends BlackboardError {
  readonly code: "TRANSITION";
  readonly entity: Entity;
  readonly id: string;
  readonly actual: string;
  readonly allowed: readonly string[];
}
/** The claim used is not the current one: another attempt, or the brief is no longer active. Drop the work. */
export declare class LostClaimError extends BlackboardError {
  readonly code: "LOST_CLAIM";
  readonly briefId: string;
  /** The attempt of the claim that was used, and the brief as it is now. */
  readonly attempt: number;
  readonly current: { status: BriefStatus; attempt: number; claimedBy: string | null };
}
export declare class ClosedError extends BlackboardError {
  readonly code: "CLOSED";
}
export declare class BusyError extends BlackboardError {
  readonly code: "BUSY";
  readonly waitedMs: number;
}
export declare class FileError extends BlackboardError {
  /** NO_SUCH_FILE: there is none and none was to be made. CANNOT_OPEN: it, or its folder, can't be read. */
  readonly code: "NO_SUCH_FILE" | "CANNOT_OPEN" | "NOT_SQLITE" | "CORRUPT" | "READ_ONLY" | "DISK_FULL";
  readonly file: string;
}
export declare class MigrationError extends BlackboardError {
  readonly code:
    | "NOT_A_BLACKBOARD" // an SQLite file with other tables
    | "SCHEMA_MISMATCH" // the four tables' names with other columns; `differences` says which
    | "SCHEMA_TOO_NEW" // migrated by a newer version
    | "MIGRATION_EDITED" // an applied migration's text has changed since
    | "UNKNOWN_MIGRATION" // an applied migration this version never had
    | "MIGRATION_OUT_OF_ORDER" // a migration older than the newest applied one was never applied
    | "MIGRATION_PENDING" // migrate: "check" or readonly, and the file is behind
    | "MIGRATION_FAILED"; // a statement failed, is forbidden, or broke a reference; all rolled back; `migration`, `statement`, cause
  readonly location: string;
  readonly migration?: string;
  /** Its SQL. */
  readonly statement?: string;
  readonly differences?: readonly string[];
}
/** A row that another program wrote and that cannot be read, such as a payload that is not JSON (Python's NaN is read as null). */
export declare class UnreadableRowError extends BlackboardError {
  readonly code: "UNREADABLE_ROW";
  readonly entity: Entity;
  readonly id: string;
  readonly column: string;
}
/** What the database refused for a reason of its own, such as a user's trigger; the driver's error is the cause. */
export declare class DatabaseError extends BlackboardError {
  readonly code: "DATABASE";
}
/** PostgreSQL only: the server cannot be reached, or went away; whether the last write landed is unknown, so bring your own ids and repeat. */
export declare class ConnectionError extends BlackboardError {
  readonly code: "CONNECTION";
}
