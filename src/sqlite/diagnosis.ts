/**
 * Determines why SQLite could not open, read or write a file, since its codes are only CANTOPEN, READONLY or BUSY. Queries the
 * file system and never opens the database or a companion: closing a descriptor would drop this process's locks on the file.
 */
import { accessSync, constants, type Dir, opendirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, parse } from "node:path";
import { codeOf } from "../foreign.ts";

/** In bytes, for the database. The path of its -journal has 512 at most in SQLite, the name 255 in most file systems. */
const maxPathBytes = 504;
const maxNameBytes = 247;

/** The number of descriptors that an open database and its companions use. */
const descriptors = 3;

const companions = ["-wal", "-shm", "-journal"];

/** Reasons by the code of a Node error. */
const systemReasons: Readonly<Record<string, string>> = {
  EMFILE: "this process has too many files open; close some files, or raise the limit (ulimit -n)",
  ENFILE: "the system has too many files open",
  ENAMETOOLONG: "the path, or a name in it, is longer than the file system allows",
  EROFS: "the file system is mounted read-only",
  EACCES: "this user has no permission",
  EPERM: "the operation is not permitted",
};

export function systemReason(code: string): string | undefined {
  return systemReasons[code];
}

/** Returns why a file cannot be opened or read; `undefined` if the system does not show a reason. */
export function whyUnreadable(location: string): string | undefined {
  const path = resolved(location);
  return whyTooLong(path) ?? whyDenied(path, constants.R_OK) ?? whyCompanion(path) ?? whyNoDescriptor();
}

/** Returns why a file cannot be written; `undefined` if only the connection is read-only. */
export function whyUnwritable(location: string): string | undefined {
  if (location === ":memory:") return undefined;
  const path = resolved(location);
  return whyDenied(path, constants.R_OK | constants.W_OK) ?? whyCompanion(path) ?? whyFolder(path);
}

/** Resolves symbolic links: SQLite creates the companions next to the target. */
function resolved(location: string): string {
  try {
    return realpathSync(location);
  } catch {
    return location;
  }
}

/** Whether a file is, or would be created, on a read-only mount. */
export function isOnReadOnlyMount(location: string): boolean {
  let path = resolved(location);
  let code = refusalOf(path, constants.W_OK);
  // For a missing file, check the nearest existing folder.
  while (code === "ENOENT" && path !== dirname(path)) {
    path = dirname(path);
    code = refusalOf(path, constants.W_OK);
  }
  return code === "EROFS";
}

/** Returns why the path is too long for SQLite, or for the file system once SQLite appends -journal. */
export function whyTooLong(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxPathBytes)
    return `its path is ${bytes} bytes long, but SQLite accepts at most ${maxPathBytes} bytes; use a shorter path`;
  const nameBytes = Buffer.byteLength(basename(path));
  if (nameBytes <= maxNameBytes) return undefined;
  return `its name is ${nameBytes} bytes long; with the -journal that SQLite appends, it exceeds the limit of the file system`;
}

function whyDenied(path: string, wanted: number): string | undefined {
  const code = refusalOf(path, wanted);
  if (code === undefined || code === "ENOENT") return undefined;
  if (code !== "EACCES") return systemReasons[code];
  const verb = wanted & constants.W_OK ? "write" : "read";
  return `this user${idOf()} has no ${verb} permission for it${ownerOf(path)}`;
}

/** Returns the reason for the first companion that this user cannot read and write. */
function whyCompanion(path: string): string | undefined {
  for (const ending of companions) {
    const file = path + ending;
    const code = refusalOf(file, constants.R_OK | constants.W_OK);
    if (code !== "EACCES" && code !== "EPERM") continue;
    const holdsData = ending !== "-shm" && statSync(file, { throwIfNoEntry: false })?.size !== 0;
    const advice = holdsData
      ? "the database needs it: do not delete it; change its owner, or let its owner open the database"
      : "delete it when no process has the database open";
    return `this user${idOf()} cannot read and write ${file}${ownerOf(file)}; ${advice}`;
  }
  return undefined;
}

function whyFolder(path: string): string | undefined {
  const folder = dirname(path);
  const code = refusalOf(folder, constants.W_OK | constants.X_OK);
  if (code !== "EACCES") return code && systemReasons[code];
  return `this user${idOf()} has no write permission for its folder${ownerOf(folder)}, where SQLite creates -wal, -shm and -journal files`;
}

/** Tests whether a database can get its descriptors by opening as many folders; a folder has no locks to lose. */
function whyNoDescriptor(): string | undefined {
  const opened: Dir[] = [];
  try {
    for (let n = 0; n < descriptors; n++) opened.push(opendirSync(parse(process.cwd()).root));
    return undefined;
  } catch (error) {
    return systemReasons[codeOf(error) ?? ""];
  } finally {
    for (const folder of opened) folder.closeSync();
  }
}

/** Returns the error code of a denied access; `undefined` if the access is allowed. */
function refusalOf(path: string, wanted: number): string | undefined {
  try {
    accessSync(path, wanted);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function idOf(): string {
  const id = process.getuid?.();
  return id === undefined ? "" : ` (id ${id})`;
}

function ownerOf(path: string): string {
  try {
    const { uid, mode } = statSync(path);
    return ` (owner id ${uid}, mode ${(mode & 0o777).toString(8).padStart(4, "0")})`;
  } catch {
    return "";
  }
}

/** The byte ranges that SQLite locks: 120 to 127 in -shm, from 2^30 in the database file. */
const firstShmByte = 120;
const lastShmByte = 127;
const firstFileByte = 2 ** 30;

/**
 * Returns the holder of the database's lock, for a message. Reads /proc/locks on Linux; returns "another connection" elsewhere or
 * if the lock has been released.
 */
export function lockHolder(location: string): string {
  const holders = holdersOf(resolved(location));
  if (holders.has(process.pid)) return "another connection of this process";
  const [pid] = holders;
  return pid === undefined ? "another connection" : `process ${pid}`;
}

function holdersOf(path: string): Set<number> {
  const holders = new Set<number>();
  const file = inodeOf(path);
  const shm = inodeOf(`${path}-shm`);
  for (const { pid, inode, start } of writeLocks()) {
    if (inode === file && start >= firstFileByte) holders.add(pid);
    if (inode === shm && start >= firstShmByte && start <= lastShmByte) holders.add(pid);
  }
  return holders;
}

function inodeOf(path: string): string | undefined {
  try {
    return statSync(path, { bigint: true }).ino.toString();
  } catch {
    return undefined;
  }
}

/** Such as `7: POSIX  ADVISORY  WRITE 31013 fe:00:2146578 120 120`. Ignores the device, which differs on some file systems. */
const lockLine = /^\d+: POSIX +ADVISORY +WRITE (?<pid>\d+) [0-9a-f]+:[0-9a-f]+:(?<inode>\d+) (?<start>\d+) /;

function writeLocks(): { pid: number; inode: string; start: number }[] {
  let text: string;
  try {
    text = readFileSync("/proc/locks", "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const { pid, inode, start } = lockLine.exec(line)?.groups ?? {};
    return inode === undefined ? [] : [{ pid: Number(pid), inode, start: Number(start) }];
  });
}
