/**
 * What SQLite and the file system answer, as this package's errors. SQLite's codes: https://www.sqlite.org/rescode.html
 */
import { BusyError, DatabaseError, FileError } from "../errors.ts";

/** better-sqlite3's errors, also those of a second copy of it. */
export function isSqliteError(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("SQLITE_")
  );
}

/** Whether another connection stood in the way, so that the same may succeed later. */
export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}

const fileErrors: readonly [RegExp, FileError["code"], string][] = [
  // A limit on the size of a file, unlike a full disk, is a plain write error.
  [
    /^SQLITE_(FULL|IOERR_WRITE|IOERR_SHMSIZE)/,
    "DISK_FULL",
    "cannot grow: the disk is full, or a limit on the size of files is reached",
  ],
  [/^SQLITE_CORRUPT/, "CORRUPT", "is damaged: restore a copy, or save what is left with sqlite3's .recover"],
  [/^SQLITE_NOTADB/, "NOT_SQLITE", "is not an SQLite database"],
  [
    /^SQLITE_READONLY/,
    "READ_ONLY",
    "cannot be written: it was opened read-only, or its permissions or its folder's forbid it",
  ],
  [
    /^SQLITE_(CANTOPEN|PERM|AUTH|IOERR)/,
    "CANNOT_OPEN",
    "cannot be read: look at the permissions of the file and its folder, and at the disk",
  ],
];

const systemErrors: Readonly<Record<string, FileError["code"]>> = {
  ENOENT: "NO_SUCH_FILE",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EROFS: "READ_ONLY",
};

/** The error that a caller gets for one of the driver or the file system; anything else comes back as it is. */
export function translated(error: unknown, location: string): unknown {
  if (isSystemError(error)) {
    const message = `${location} cannot be opened or made: ${error.message}.`;
    return new FileError(systemErrors[error.code] ?? "CANNOT_OPEN", location, message, { cause: error });
  }
  // better-sqlite3's own word for a query of the user's that is still being iterated over.
  if (error instanceof TypeError && /busy executing a query/.test(error.message)) {
    const message = `A query of this process on ${location} is still being iterated over. Finish it first; nothing was written.`;
    return new BusyError(message, 0, { cause: error });
  }
  if (!isSqliteError(error)) return error;
  const { code, message } = error;
  if (isBusy(error))
    return new BusyError(`${location} is locked by another process (${message}).`, 0, { cause: error });
  if (code === "SQLITE_READONLY_ROLLBACK") {
    const busy = `${location} was left in the middle of a transaction, and this call may not write, so it cannot undo it. Open it once for writing.`;
    return new BusyError(busy, 0, { cause: error });
  }
  for (const [pattern, fileCode, what] of fileErrors) {
    if (pattern.test(code)) {
      return new FileError(fileCode, location, `${location} ${what} (${code}: ${message}).`, { cause: error });
    }
  }
  return new DatabaseError(`The database refused: ${message} (${code}). Nothing was written.`, { cause: error });
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}
