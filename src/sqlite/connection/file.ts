/**
 * Checks a database file and SQLite's companion files next to it through the file system.
 *
 * Never opens a file: when a process closes any descriptor of a file, it drops all of its locks on the file, including those of
 * its SQLite connections. Another process may then conclude that it is the last user of the file and delete a WAL that contains
 * commits. See `docs/files.md`.
 */
import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { FileError } from "../../errors.ts";

/** -wal: commits that are not yet in the file. -journal: the data to roll back an unfinished transaction. -shm: the WAL's index. */
export const companions = ["-wal", "-journal", "-shm"] as const;
type Companion = (typeof companions)[number];

/** The size of SQLite's header. SQLite treats a shorter file as empty and overwrites it. */
const headerBytes = 100;

/**
 * Returns the size in bytes; `undefined` for a missing file.
 * @throws FileError `CANNOT_OPEN` if the path is not a file.
 */
export function sizeOf(location: string): number | undefined {
  const stats = statSync(location, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isFile()) return stats.size;
  throw new FileError("CANNOT_OPEN", location, `${location} is not a file. Specify a different path.`);
}

/** Returns the size of a companion in bytes, 0 if it is missing. */
export function companionSize(location: string, companion: Companion): number {
  return statSync(location + companion, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * @throws FileError `NOT_SQLITE` for a file that is too short to be a database, but not empty; `CANNOT_OPEN` for an empty file with
 * a WAL, which SQLite would delete even when reading.
 */
export function requireHeader(location: string, bytes: number): void {
  if (bytes >= headerBytes) return;
  if (bytes === 0) return refuseLeftovers(location, bytes);
  const message = `${location} is not a SQLite database: it has ${bytes} bytes, but a database has at least ${headerBytes}. It was not changed.`;
  throw new FileError("NOT_SQLITE", location, message);
}

export function noSuchFile(location: string): FileError {
  const message = `File not found: ${location}. Check \`runId\`, \`root\` and \`file\`, or open it with \`create: true\`.`;
  return new FileError("NO_SUCH_FILE", location, message);
}

/**
 * Returns the size of an existing file in bytes.
 * @throws FileError if it is missing, or too short to be a database and not empty.
 */
export function requireFile(location: string): number {
  const bytes = sizeOf(location);
  if (bytes === undefined) throw noSuchFile(location);
  requireHeader(location, bytes);
  return bytes;
}

/**
 * Rejects a path for a new database if another database left a WAL or a journal next to it: SQLite would delete them, or apply
 * them to the new file. `bytes` is the size of the file there: 0, or `undefined` if it is missing.
 * @throws FileError `CANNOT_OPEN`.
 */
export function refuseLeftovers(location: string, bytes: 0 | undefined): void {
  // An empty file's journal may be that of a process that is creating the database.
  const kinds = bytes === 0 ? (["-wal"] as const) : (["-wal", "-journal"] as const);
  const left = kinds.find((companion) => companionSize(location, companion) > 0);
  // Another process may have created the database, and so its companions, since its size was read.
  if (left === undefined || sizeOf(location) !== bytes) return;
  const message =
    `${location}${left} belongs to a database that is no longer at ${location}, and is needed to recover that database. ` +
    `Move that database back, or delete the ${left} if you do not need it. Nothing was changed.`;
  throw new FileError("CANNOT_OPEN", location, message);
}

/**
 * Whether this process may create -wal and -shm next to the file. SQLite copies the file's mode to them and, as root, its owner. If
 * they belonged to a different user, or were read-only, the owner could no longer write to the database.
 */
export function mayCreateCompanions(location: string): boolean {
  const file = statSync(location);
  return isWritable(location) && isWritable(dirname(location)) && ownerCanUse(file, dirname(location));
}

function ownerCanUse(file: Stats, folder: string): boolean {
  const [user, group] = [process.geteuid?.(), process.getegid?.()];
  // Windows has neither.
  if (user === undefined) return true;
  if ((file.mode & constants.S_IWUSR) === 0) return false;
  if (user === 0 || user === file.uid || (file.mode & constants.S_IWOTH) !== 0) return true;
  const { mode, gid } = statSync(folder);
  const inherited = (mode & setGroupId) !== 0 ? gid : group;
  return (file.mode & constants.S_IWGRP) !== 0 && inherited === file.gid;
}

/** New files in a folder with this bit inherit the folder's group. */
const setGroupId = 0o2000;

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
