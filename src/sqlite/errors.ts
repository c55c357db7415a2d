/**
 * Translates the errors of SQLite and the file system. SQLite's result codes: https://www.sqlite.org/rescode.html
 */

import { closedAt, rejected } from "../engine/engine.ts";
import { BusyError, FileError } from "../errors.ts";
import { codeOf, driverErrorOf, isError, messageOf } from "../foreign.ts";
import { isOnReadOnlyMount, lockHolder, systemReason, whyTooLong, whyUnreadable, whyUnwritable } from "./diagnosis.ts";

/** Whether the error is better-sqlite3's, also from a second copy of the package or another realm. */
export function isSqliteError(error: unknown): error is { code: string; message: string } {
  return isError(error) && (codeOf(error)?.startsWith("SQLITE_") ?? false);
}

/** Whether another connection holds a lock, so that a retry may succeed. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(driverErrorOf(error)) ?? "");
}

/** A class of SQLite errors that concern the file. */
interface FileProblem {
  readonly pattern: RegExp;
  readonly code: FileError["code"];
  readonly what: string;
  /** Returns the cause, where the code alone does not determine it. */
  why?(location: string): string | undefined;
  /** The text if `why` finds no cause. */
  readonly otherwise?: string;
}

const readOnly: FileProblem = {
  pattern: /^SQLITE_READONLY/,
  code: "READ_ONLY",
  what: "cannot be written",
  why: whyUnwritable,
  otherwise: "it was opened read-only",
};

const fileProblems: readonly FileProblem[] = [
  {
    // Exceeding a file size limit is IOERR_WRITE, a full disk is FULL.
    pattern: /^SQLITE_(FULL|IOERR_WRITE|IOERR_SHMSIZE)/,
    code: "DISK_FULL",
    what: "cannot be extended",
    otherwise: "the disk is full, or a file size limit was reached",
  },
  {
    pattern: /^SQLITE_CORRUPT/,
    code: "CORRUPT",
    what: "is corrupt",
    otherwise: "restore a backup, or recover the readable rows with sqlite3's .recover",
  },
  { pattern: /^SQLITE_NOTADB/, code: "NOT_SQLITE", what: "is not a SQLite database" },
  readOnly,
  {
    pattern: /^SQLITE_(CANTOPEN|PERM|AUTH|IOERR)/,
    code: "CANNOT_OPEN",
    what: "cannot be read",
    why: whyUnreadable,
    otherwise: "check the permissions of the file and its folder, and the disk",
  },
];

const systemErrors: Readonly<Record<string, FileError["code"]>> = {
  ENOENT: "NO_SUCH_FILE",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EROFS: "READ_ONLY",
};

/** Returns this package's error for one of the driver or the file system; returns any other error unchanged. */
export function translated(thrown: unknown, location: string): unknown {
  const error = driverErrorOf(thrown);
  if (isSystemError(error)) return ofSystem(error, location);
  if (isSqliteError(error)) return ofSqlite(error, location);
  return ofDriver(error, location) ?? thrown;
}

function ofSystem(error: SystemError, location: string): FileError {
  // For nested folders on a read-only mount, Node's recursive mkdir fails with ENOENT.
  const isHidden = error.code === "ENOENT" && error.syscall === "mkdir" && isOnReadOnlyMount(location);
  const systemCode = isHidden ? "EROFS" : error.code;
  const reason = (systemCode === "ENAMETOOLONG" ? whyTooLong(location) : undefined) ?? systemReason(systemCode);
  const why = reason === undefined ? error.message : `${reason} (${error.message})`;
  const code = systemErrors[systemCode] ?? "CANNOT_OPEN";
  return new FileError(code, location, `${location} cannot be opened or created: ${why}.`, { cause: error });
}

function ofSqlite(error: { code: string; message: string }, location: string): Error {
  const { code, message } = error;
  if (isBusy(error)) {
    return new BusyError(`${location} is locked by ${lockHolder(location)} (${message}).`, 0, { cause: error });
  }
  if (code === "SQLITE_READONLY_ROLLBACK") {
    const busy = `${location} has a hot journal: a process died during a transaction, and a read-only call cannot roll it back. Open it once for writing.`;
    return new BusyError(busy, 0, { cause: error });
  }
  const found = fileProblems.find(({ pattern }) => pattern.test(code));
  if (!found) return rejected(message, code, { cause: error });
  const reason = found.why?.(location);
  // On a read-only mount SQLite cannot create the -shm file and fails with CANTOPEN.
  const isReadOnly = found.code === "CANNOT_OPEN" && reason === undefined && isOnReadOnlyMount(location);
  const problem = isReadOnly ? readOnly : found;
  const why = reason ?? problem.why?.(location) ?? problem.otherwise;
  const text = `${location} ${problem.what}${why === undefined ? "" : `: ${why}`} (${code}: ${message}).`;
  return new FileError(problem.code, location, text, { cause: error });
}

/** Translates the errors that better-sqlite3 throws without a code. */
function ofDriver(error: unknown, location: string): Error | undefined {
  if (!isError(error) || codeOf(error) !== undefined) return undefined;
  const message = messageOf(error);
  if (/database connection is busy executing a query/.test(message)) {
    const busy = `This process is still iterating over a query on ${location}. Finish the iteration first; nothing was written.`;
    return new BusyError(busy, 0, { cause: error });
  }
  // A callback, such as the clock, has closed the connection.
  if (message === "The database connection is not open") return closedAt(location);
  if (message === "Cannot open database because the directory does not exist") {
    const absent = `${location} cannot be opened: its folder does not exist.`;
    return new FileError("NO_SUCH_FILE", location, absent, { cause: error });
  }
  return undefined;
}

type SystemError = { code: string; message: string; syscall: unknown };

function isSystemError(error: unknown): error is SystemError {
  return isError(error) && "syscall" in error && codeOf(error) !== undefined;
}
