/**
 * What the file system says of a database file and of the companions that SQLite keeps beside it.
 *
 * Only by calls that open nothing: when a process closes any descriptor of a file, it drops every lock that it holds on the
 * file, those of its SQLite connections included. Another program may then take itself for the last user of the file and
 * delete the WAL with commits in it. `docs/files.md` says more.
 */
import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { FileError } from "../../errors.ts";

/** -wal: commits that are not in the file yet. -journal: how to undo an unfinished transaction. -shm: an index of the WAL. */
export const companions = ["-wal", "-journal", "-shm"] as const;
type Companion = (typeof companions)[number];

/** SQLite's header has 100 bytes. It takes a shorter file for an empty one and overwrites it. */
const headerBytes = 100;

/** The size in bytes; `undefined` for a missing file. Throws `CANNOT_OPEN` for what is not a file. */
export function sizeOf(location: string): number | undefined {
  const stats = statSync(location, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isFile()) return stats.size;
  throw new FileError("CANNOT_OPEN", location, `${location} is not a file. Specify a different path.`);
}

/** The size of a companion in bytes, 0 for a missing one. */
export function companionSize(location: string, companion: Companion): number {
  return statSync(location + companion, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Throws `NOT_SQLITE` for a file that is too short to be a database, yet not empty; `CANNOT_OPEN` for an empty one beside a WAL,
 * which SQLite deletes even when it only reads. A journal there may be that of the process that creates the file at this moment.
 */
export function requireHeader(location: string, bytes: number): void {
  if (bytes >= headerBytes) return;
  if (bytes === 0) return refuseLeftovers(location, ["-wal"]);
  const message = `${location} is not a SQLite database: it has ${bytes} bytes, but a database has at least ${headerBytes}. It was not changed.`;
  throw new FileError("NOT_SQLITE", location, message);
}

export function noSuchFile(location: string): FileError {
  const message = `File not found: ${location}. Check \`runId\`, \`root\` and \`file\`, or open it with \`create: true\`.`;
  return new FileError("NO_SUCH_FILE", location, message);
}

/** The file must exist and be long enough for a database, or empty. Returns its size in bytes. */
export function requireFile(location: string): number {
  const bytes = sizeOf(location);
  if (bytes === undefined) throw noSuchFile(location);
  requireHeader(location, bytes);
  return bytes;
}

/**
 * Refuses to create a database at a path beside which another database left a WAL or a journal: SQLite would delete them, or
 * apply them to the new file.
 */
export function refuseLeftovers(
  location: string,
  kinds: readonly ("-wal" | "-journal")[] = ["-wal", "-journal"],
): void {
  const left = kinds.find((companion) => companionSize(location, companion) > 0);
  if (left === undefined) return;
  const message =
    `${location}${left} belongs to a database that is no longer at ${location}, and contains its latest writes. ` +
    `Move that database back, or delete the ${left} if you do not need it. Nothing was changed.`;
  throw new FileError("CANNOT_OPEN", location, message);
}

/**
 * Whether -wal and -shm may be created beside the file: SQLite gives them the file's mode, and if it runs as root the file's
 * owner, too. Left by a different user, or without the right to write, they would keep the owner from writing.
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

/** New files in a folder with this bit get the folder's group. */
const setGroupId = 0o2000;

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
