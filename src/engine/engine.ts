/**
 * The interface of an engine: running operations, transactions, closing. An engine handles the driver and waiting for locks;
 * it does not depend on the meaning of operations.
 */
import { setMaxListeners } from "node:events";
import { types } from "node:util";
import { ClosedError, DatabaseError, InvalidInputError } from "../errors.ts";
import { has } from "../foreign.ts";
import type { Operation } from "../operations/operation.ts";

/** `"sync"`: methods return values (SQLite). `"async"`: methods return promises (PostgreSQL). */
export type Mode = "sync" | "async";
export type Result<M extends Mode, T> = M extends "sync" ? T : Promise<T>;

/** What the compiler names for an async callback on SQLite: its property says why. */
export interface SynchronousCallback {
  readonly "A SQLite transaction ends when its callback returns: await outside of it, or use PostgreSQL": never;
}
type NoPromise<T> = T extends PromiseLike<unknown> ? T & SynchronousCallback : T;
/** Return type of a transaction's callback. Not a promise on SQLite, whose transactions cannot wait for one. */
export type Body<M extends Mode, T> = M extends "sync" ? NoPromise<T> : T | Promise<T>;

/** Runs operations on the blackboard's own connection or inside a transaction. */
export interface Session<M extends Mode, Database> {
  readonly drizzle: Database;
  /**
   * Runs the queries of an operation in sequence, outside a transaction each in a separate commit. Waits while another
   * connection writes. Throws drivers' errors as `BlackboardError`, and `ClosedError` after the end.
   */
  run<T>(operation: () => Operation<T>): Result<M, T>;
  /**
   * Runs `body` once in a transaction; inside a transaction, in a savepoint. Rolls back if `body` throws, and rethrows the
   * error unchanged. `isAsync` is true if the user's callback is known to be async before it runs.
   */
  transaction<T>(body: (session: Session<M, Database>) => Body<M, T>, isAsync: boolean): Result<M, T>;
}

export interface Engine<M extends Mode, Database> extends Session<M, Database> {
  /** The file's path, or the server and database without credentials. */
  readonly location: string;
  /** Aborts when the engine is closed; its reason is the `ClosedError` that later calls throw. */
  readonly closed: AbortSignal;
  /** Default polling interval of a watch, in milliseconds; depends on the cost of a poll. */
  readonly pollMs: number;
  /**
   * Polls for a watch or for waits: runs a read operation on committed data, even when called inside a transaction. Returns `undefined`,
   * at almost no cost, if nothing can have changed since version `seen` or reading is not possible now. Throws `BusyError`
   * immediately, without waiting, if another process blocks reading.
   * @throws FileError if no new data can ever become visible, or the file is no longer at its path.
   */
  look<T>(seen: string | undefined, operation: () => Operation<T>): Result<M, Found<T> | undefined>;
  /** Idempotent. */
  close(): Result<M, void>;
}

/** The result of a poll. `value` includes everything committed up to `version` of the database. */
export interface Found<T> {
  readonly version: string;
  readonly value: T;
}

/** Returns the error for a callback that continued after an error that made the database roll the transaction back. */
export function rolledBack(options?: ErrorOptions): DatabaseError {
  return new DatabaseError(
    "The database rolled this transaction back after an earlier error; further writes would not be part of it. " +
      "Let that error propagate out of the callback, or wrap the statement that may fail in a nested transaction.",
    options,
  );
}

/** Returns the error for a statement that the database rejected for a reason of no other class, such as a constraint. */
export function rejected(message: string, code: string, options: ErrorOptions): DatabaseError {
  return new DatabaseError(`The database rejected the statement: ${message} (${code}). Nothing was written.`, options);
}

/** Returns the error for a call after `close()`. */
export function closedAt(location: string): ClosedError {
  return new ClosedError(`The blackboard at ${location} is closed. Open it again.`);
}

/** Returns the error for a call of `tx` after its transaction has ended. */
export function transactionEnded(): ClosedError {
  return new ClosedError("This transaction has ended. Use the blackboard, or start another transaction.");
}

/** Returns the error for `close()` inside a callback, where the transaction could be neither committed nor rolled back. */
export function closedInside(): InvalidInputError {
  return new InvalidInputError([
    { path: "close", message: "must not be called inside a transaction; close the blackboard after it has ended" },
  ]);
}

/**
 * Refuses a generator or another iterator returned by a transaction's callback, because its body has not run.
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
 * Allows any number of listeners on a signal without a warning. A signal of a different realm, such as jsdom's, has no limit,
 * and Node throws when setting one.
 */
export function allowManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // Not a Node signal.
  }
}
