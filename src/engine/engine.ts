/**
 * What an engine owes the blackboard: to run operations, to open transactions, to close. It knows drivers and waiting; what
 * an operation means it does not know.
 */
import { setMaxListeners } from "node:events";
import { types } from "node:util";
import { ClosedError, DatabaseError, InvalidInputError } from "../errors.ts";
import { has } from "../foreign.ts";
import type { Operation } from "../operations/operation.ts";

/** SQLite answers at once, PostgreSQL with promises. */
export type Mode = "sync" | "async";
export type Result<M extends Mode, T> = M extends "sync" ? T : Promise<T>;

type NoPromise<T> = T extends PromiseLike<unknown> ? never : T;
/** What a transaction's callback may return: on SQLite the value itself, since nothing waits for a promise there. */
export type Body<M extends Mode, T> = M extends "sync" ? NoPromise<T> : T | Promise<T>;

/** A place to run operations: the blackboard's own connection, or a transaction on it. */
export interface Session<M extends Mode, Database> {
  readonly drizzle: Database;
  /**
   * Runs an operation: its queries one after another, outside a transaction each in a commit of its own. Waits while
   * others write. Drivers' errors come out as `BlackboardError`. `ClosedError` after the end.
   */
  run<T>(operation: () => Operation<T>): Result<M, T>;
  /**
   * Runs `body` once in a transaction, a savepoint inside another. All of it or nothing; what `body` throws comes out as
   * it is. `isAsync` says of the callback behind `body` what can be known before it runs.
   */
  transaction<T>(body: (session: Session<M, Database>) => Body<M, T>, isAsync: boolean): Result<M, T>;
}

export interface Engine<M extends Mode, Database> extends Session<M, Database> {
  /** The file, or the server and database without credentials. */
  readonly location: string;
  /** Aborts when this is closed, with the `ClosedError` of any later call as its reason. */
  readonly closed: AbortSignal;
  /** How often a watch looks, in milliseconds, unless its caller says otherwise: what its looks cost decides. */
  readonly pollMs: number;
  /**
   * A watch's look: runs an operation that reads, on what is committed, although the caller may stand in a transaction. Gives
   * `undefined` where it could find nothing new since the look that gave the version `seen`, or must not look now; then it
   * costs next to nothing. `BusyError` at once, without waiting, where others keep it from reading.
   * @throws FileError where nothing new will ever be seen.
   */
  look<T>(seen: string | undefined, operation: () => Operation<T>): Result<M, Found<T> | undefined>;
  /**
   * For what waits without calling anything: throws the error that any call would throw because the file is no longer at its
   * path. Returns where there is no such file.
   */
  requireStorage(): void;
  /** Idempotent. */
  close(): Result<M, void>;
}

/** What a look found, and the version of the database at which it is certain to have been there already. */
export interface Found<T> {
  readonly version: string;
  readonly value: T;
}

/** For a callback that went on after an error with which the database had given the whole transaction up. */
export function rolledBack(options?: ErrorOptions): DatabaseError {
  return new DatabaseError(
    "The database rolled this transaction back after an earlier error, and what is written now would not be part of it. " +
      "Let that error leave the callback, or put what may fail into a transaction of its own inside.",
    options,
  );
}

/** Of any call after `close()`. */
export function closedAt(location: string): ClosedError {
  return new ClosedError(`The blackboard at ${location} is closed. Open it again.`);
}

/** `close()` in a callback: the transaction could neither be kept nor given up in good order. */
export function closedInside(): InvalidInputError {
  return new InvalidInputError([
    { path: "close", message: "must not be called inside a transaction; close when it is over" },
  ]);
}

/**
 * Refuses what a transaction's callback returned if that is a generator or another iterator: its body has not run.
 * @throws InvalidInputError.
 */
export function requireRun(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (!types.isGeneratorObject(value) && !has(value, isIterator)) return;
  const message = "must not return a generator or another iterator: its body has not run; nothing was written";
  throw new InvalidInputError([{ path: "fn", message }]);
}

function isIterator(value: object): boolean {
  return (
    "next" in value && typeof value.next === "function" && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

/**
 * Lets a signal have any number of listeners without a warning. One of another realm, such as jsdom's, has no such limit, and
 * Node refuses to set one.
 */
export function allowManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // Not one of Node's.
  }
}
