/**
 * Translates errors of PostgreSQL and node-postgres: https://www.postgresql.org/docs/15/errcodes-appendix.html
 */

import { rejected, rolledBack } from "../engine/engine.ts";
import { BlackboardError, BusyError, ConnectionError, DatabaseError, FileError, MigrationError } from "../errors.ts";
import { isError, isQueryError, messageOf, codeOf as ownCodeOf } from "../foreign.ts";

/** Returns whether an error is a serialization failure or a deadlock, so that an immediate retry may succeed. */
export function isContention(error: unknown): boolean {
  return ["40001", "40P01"].includes(codeOf(error));
}

/** Returns whether a statement failed because it could not store its event: see `at-once.ts`. */
export function isUnlogged(error: unknown): boolean {
  return codeOf(error) === "22012";
}

/**
 * Returns whether the server connection lacks a statement that the client prepared by name, or already has it. Both happen before
 * the statement is executed.
 */
export function isUnprepared(error: unknown): boolean {
  return ["26000", "42P05"].includes(codeOf(error));
}

/** A statement that was cancelled, since those that keep it from a lock make no progress. */
export class LockWait extends Error {
  readonly waitedMs: number;
  constructor(waitedMs: number) {
    super(`no lock in ${Math.round(waitedMs)} ms`);
    this.waitedMs = waitedMs;
  }
}

/** Returns whether a statement did not get a lock within the server's `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === "55P03";
}

/** Returns whether the server cancelled a statement: for a limit of its own, or because a user asked it to. */
export function isCancelled(error: unknown): boolean {
  return codeOf(error) === "57014";
}

/** Returns whether the server is unreachable, refuses connections, is read-only, or the connection was lost. */
export function isConnectionLoss(error: unknown): boolean {
  return (
    ownCodeOf(error) === "CONNECTION" ||
    codeOf(error) === readOnlyServer ||
    connectionLoss.test(codeOf(error)) ||
    connectionMessages.test(rootOf(error).message)
  );
}

/** After a failover, connections to the old server must be dropped. */
const readOnlyServer = "25006";
const connectionLoss = /^(08...|57P0[1-5]|25P0[34]|28...|3D000|53300|E[A-Z_]+)$/;
/** Messages of node-postgres errors without a code. */
const connectionMessages =
  /^(Connection terminated|Client has encountered a connection error|timeout e(xceeded|xpired)|Client was closed|Cannot use a pool after calling end|Query read timeout|no answer in)/;

/** Returns the error for any failure to connect, before a statement was sent. */
export function unreachable(error: unknown, location: string): ConnectionError {
  const root = rootOf(error);
  return new ConnectionError(`Cannot connect to the server at ${location} (${reasonOf(root)}). Nothing was written.`, {
    cause: root,
  });
}

/** Translates an error of the driver; returns any other error unchanged. */
export function translated(error: unknown, location: string): unknown {
  if (error instanceof BlackboardError) return error;
  const cause = rootOf(error);
  const code = codeOf(error);
  const { message } = cause;
  if (code === readOnlyServer) {
    return new ConnectionError(
      `The server at ${location} is read-only (${reasonOf(cause)}). Nothing was written; retry when it accepts writes again.`,
      { cause },
    );
  }
  if (code === "25P03") {
    return new ConnectionError(
      `A transaction at ${location} made no call for longer than \`transactionTimeoutMs\`, so the server ended it ` +
        `(${reasonOf(cause)}). It was rolled back.`,
      { cause },
    );
  }
  if (isConnectionLoss(error)) {
    return new ConnectionError(
      `Lost the connection to the server at ${location} (${reasonOf(cause)}). Whether the last write was committed is ` +
        `unknown; repeating it is safe if you chose its ids.`,
      { cause },
    );
  }
  if (isCancelled(error)) {
    const raise = message.includes("statement timeout") ? ", or raise `statement_timeout`" : "";
    const cancelled = `The server at ${location} cancelled the statement (${reasonOf(cause)}). Nothing was written; retry${raise}.`;
    return new BusyError(cancelled, 0, { cause });
  }
  if (isContention(error) || isLockTimeout(error) || cause instanceof LockWait) {
    const busy = `${location}: conflict with other transactions (${message}). Nothing was written; retry.`;
    return new BusyError(busy, cause instanceof LockWait ? cause.waitedMs : 0, { cause });
  }
  if (code === "53100") {
    const full = `Cannot write to ${location}: the server's disk is full (${message}).`;
    return new FileError("DISK_FULL", location, full, { cause });
  }
  if (isUnprepared(error)) {
    const lacking = `Statements can't be prepared by name at ${location} (${message}): a pooler may be between, such as PgBouncer without max_prepared_statements. Nothing was written; leave \`preparedStatements\` out, or set it to false.`;
    return new DatabaseError(lacking, { cause });
  }
  if (code === "25P02") return rolledBack({ cause });
  if (isLost(cause, code)) {
    const lost =
      `The schema at ${location} no longer has what its migrations created (${message}): it was renamed, dropped or changed ` +
      `while it was open. Nothing was written. Open it again, with the schema's new name as \`schema\`.`;
    return new MigrationError("SCHEMA_MISMATCH", location, lost, { cause });
  }
  // A five-character code is an SQLSTATE of PostgreSQL.
  if (/^[0-9A-Z]{5}$/.test(code)) return rejected(message, code, { cause });
  if (isQueryError(error)) {
    return new DatabaseError(`The query failed: ${message}. Nothing was written.`, { cause });
  }
  return error;
}

/** Returns whether a table or column of ours is missing, and not one that a user's trigger names. */
function isLost(cause: ErrorLike, code: string): boolean {
  const within = "where" in cause ? cause.where : undefined;
  const isOurs = typeof within !== "string" || within.includes("run_blackboard_");
  return isOurs && ["3F000", "42P01", "42703"].includes(code);
}

/** Returns the driver's error: Drizzle wraps it in one whose message contains every parameter. */
function rootOf(error: unknown): ErrorLike {
  let root: ErrorLike = isError(error) ? error : new Error(messageOf(error));
  for (let depth = 0; depth < 10 && isError(root.cause); depth++) root = root.cause;
  return root;
}

type ErrorLike = { readonly message: string; readonly cause?: unknown };

function codeOf(error: unknown): string {
  return ownCodeOf(rootOf(error)) ?? "";
}

/** Returns a reason without the user name, which PostgreSQL's message contains. */
function reasonOf(root: ErrorLike): string {
  const code = codeOf(root);
  if (/^28/.test(code)) return `${code}, authentication failed`;
  return root.message && code ? `${code}, ${root.message}` : code || root.message;
}
