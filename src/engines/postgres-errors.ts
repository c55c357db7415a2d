/**
 * What PostgreSQL and node-postgres answer, as this package's errors: https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
import { BlackboardError, BusyError, ConnectionError, DatabaseError, FileError } from "../errors.ts";

/** Another transaction stood in the way, and the same may succeed at once: a serialization failure, a deadlock. */
export function isContention(error: unknown): boolean {
  return ["40001", "40P01"].includes(codeOf(error));
}

/** The server cannot be reached, refuses to let anybody in, or went away. */
export function isConnectionLoss(error: unknown): boolean {
  return connectionLoss.test(codeOf(error)) || connectionMessages.test(rootOf(error).message);
}

const connectionLoss = /^(08...|57P0[1-5]|28...|3D000|53300|E[A-Z]+)$/;
/** What node-postgres says without a code. */
const connectionMessages =
  /^(Connection terminated|Client has encountered a connection error|timeout e(xceeded|xpired)|The server does not support SSL|SASL|Client was closed|Cannot use a pool after calling end)/;

/** The error that a caller gets for one of the driver; anything else comes back as it is. */
export function translated(error: unknown, location: string): unknown {
  if (error instanceof BlackboardError) return error;
  const root = rootOf(error);
  const code = codeOf(error);
  const { message } = root;
  if (isConnectionLoss(error)) {
    return new ConnectionError(
      `The server at ${location} cannot be reached, or went away (${code || message}). Whether the last write landed is unknown: ` +
        `with ids of your own it may be repeated.`,
      { cause: root },
    );
  }
  if (isContention(error) || code === "55P03" || code === "57014") {
    return new BusyError(
      `${location}: other transactions stood in the way (${message}). Nothing was written; try again.`,
      0,
      {
        cause: root,
      },
    );
  }
  if (code === "53100") {
    return new FileError("DISK_FULL", location, `${location} cannot grow: the server's disk is full (${message}).`, {
      cause: root,
    });
  }
  // A five-character state is PostgreSQL's own word.
  if (/^[0-9A-Z]{5}$/.test(code)) {
    return new DatabaseError(`The database refused: ${message} (${code}). Nothing was written.`, { cause: root });
  }
  return error;
}

/** Drizzle wraps the driver's error and puts every parameter into the message; the one below it does not. */
function rootOf(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error));
  while (root.cause instanceof Error) root = root.cause;
  return root;
}

function codeOf(error: unknown): string {
  const root = rootOf(error);
  return "code" in root && typeof root.code === "string" ? root.code : "";
}
