/**
 * What PostgreSQL and node-postgres answer, as this package's errors: https://www.postgresql.org/docs/15/errcodes-appendix.html
 */

import { rolledBack } from "../engine/engine.ts";
import { BlackboardError, BusyError, ConnectionError, DatabaseError, FileError } from "../errors.ts";
import { isError, messageOf, codeOf as ownCodeOf } from "../foreign.ts";

/** Another transaction stood in the way, and the same may succeed at once: a serialization failure, a deadlock. */
export function isContention(error: unknown): boolean {
  return ["40001", "40P01"].includes(codeOf(error));
}

/** The server cannot be reached, refuses to let anybody in, or went away. */
export function isConnectionLoss(error: unknown): boolean {
  return (
    ownCodeOf(error) === "CONNECTION" ||
    connectionLoss.test(codeOf(error)) ||
    connectionMessages.test(rootOf(error).message)
  );
}

const connectionLoss = /^(08...|57P0[1-5]|25P0[34]|28...|3D000|53300|E[A-Z_]+)$/;
/** What node-postgres says without a code. */
const connectionMessages =
  /^(Connection terminated|Client has encountered a connection error|timeout e(xceeded|xpired)|Client was closed|Cannot use a pool after calling end|Query read timeout)/;

/** For what happened before anything was sent, whatever it was. */
export function unreachable(error: unknown, location: string): ConnectionError {
  const root = rootOf(error);
  return new ConnectionError(`The server at ${location} cannot be reached (${reasonOf(root)}). Nothing was written.`, {
    cause: root,
  });
}

/** The error that a caller gets for one of the driver; anything else comes back as it is. */
export function translated(error: unknown, location: string): unknown {
  if (error instanceof BlackboardError) return error;
  const cause = rootOf(error);
  const code = codeOf(error);
  const { message } = cause;
  if (isConnectionLoss(error)) {
    return new ConnectionError(
      `The server at ${location} went away (${reasonOf(cause)}). Whether the last write landed is unknown: ` +
        `with ids of your own it may be repeated.`,
      { cause },
    );
  }
  if (isContention(error) || code === "55P03" || code === "57014") {
    const busy = `${location}: other transactions stood in the way (${message}). Nothing was written; try again.`;
    return new BusyError(busy, 0, { cause });
  }
  if (code === "53100") {
    const full = `${location} cannot grow: the server's disk is full (${message}).`;
    return new FileError("DISK_FULL", location, full, { cause });
  }
  if (code === "25P02") return rolledBack({ cause });
  // A five-character state is PostgreSQL's own word.
  if (/^[0-9A-Z]{5}$/.test(code)) {
    return new DatabaseError(`The database refused: ${message} (${code}). Nothing was written.`, { cause });
  }
  if (isQueryError(error)) {
    return new DatabaseError(`The query failed: ${message}. Nothing was written.`, { cause });
  }
  return error;
}

/** Drizzle's `DrizzleQueryError`, of whichever copy of it: the only error with both. */
function isQueryError(error: unknown): boolean {
  return isError(error) && "query" in error && "params" in error;
}

/** Drizzle wraps the driver's error and puts every parameter into the message; the one below it does not. */
function rootOf(error: unknown): ErrorLike {
  let root: ErrorLike = isError(error) ? error : new Error(messageOf(error));
  for (let depth = 0; depth < 10 && isError(root.cause); depth++) root = root.cause;
  return root;
}

type ErrorLike = { readonly message: string; readonly cause?: unknown };

function codeOf(error: unknown): string {
  return ownCodeOf(rootOf(error)) ?? "";
}

/** Without a user's name: PostgreSQL's own words have it. */
function reasonOf(root: ErrorLike): string {
  const code = codeOf(root);
  if (/^28/.test(code)) return `${code}, it does not let this user in`;
  return root.message && code ? `${code}, ${root.message}` : code || root.message;
}
