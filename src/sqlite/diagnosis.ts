/**
 * Why SQLite could not open, read or write a file: it says only CANTOPEN, READONLY or BUSY. Asks the system about paths, and never
 * opens the database or a file beside it: closing a descriptor of one would drop the locks that this process holds on it.
 */
import { accessSync, constants, type Dir, opendirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, parse } from "node:path";
import { codeOf } from "../foreign.ts";

/** SQLite's limits, in bytes: 512 for the path of the longest file beside the database, 255 for its name in most file systems. */
const maxPathBytes = 504;
const maxNameBytes = 247;

/** How many descriptors an open database and the files beside it take. */
const descriptors = 3;

const companions = ["-wal", "-shm", "-journal"];

/** What an error of Node's says by its code alone. */
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

/** Why a file cannot be opened or read, as far as the system tells. */
export function whyUnreadable(location: string): string | undefined {
  const path = resolved(location);
  return whyTooLong(path) ?? whyDenied(path, constants.R_OK) ?? whyCompanion(path) ?? whyNoDescriptor();
}

/** Why a file cannot be written; `undefined` when nothing but the connection forbids it. */
export function whyUnwritable(location: string): string | undefined {
  if (location === ":memory:") return undefined;
  const path = resolved(location);
  return whyDenied(path, constants.R_OK | constants.W_OK) ?? whyCompanion(path) ?? whyFolder(path);
}

/** With a symbolic link, SQLite's own files are beside its target. */
function resolved(location: string): string {
  try {
    return realpathSync(location);
  } catch {
    return location;
  }
}

/** Whether a file is, or would be, where nothing can be written at all. */
export function isOnReadOnlyMount(location: string): boolean {
  let path = resolved(location);
  let code = refusalOf(path, constants.W_OK);
  // The first folder that there is, where the file is yet to be made.
  while (code === "ENOENT" && path !== dirname(path)) {
    path = dirname(path);
    code = refusalOf(path, constants.W_OK);
  }
  return code === "EROFS";
}

/** Beyond SQLite's limits, or with the files that it adds beyond those of the file system. */
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

/** The first file beside the database that this user may not use. */
function whyCompanion(path: string): string | undefined {
  for (const ending of companions) {
    const file = path + ending;
    const code = refusalOf(file, constants.R_OK | constants.W_OK);
    if (code !== "EACCES" && code !== "EPERM") continue;
    const holdsData = ending !== "-shm" && statSync(file, { throwIfNoEntry: false })?.size !== 0;
    const advice = holdsData
      ? "it contains the latest writes: do not delete it; change its owner, or let its owner open the database"
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

/** Opens as many as a database takes, since those that it had taken are free again. A folder has no locks to lose. */
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

/** The code with which the system refuses an access; `undefined` when it does not. */
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

/** Where SQLite locks: in -shm the bytes from 120 to 127, in the database itself those from 2^30. */
const firstShmByte = 120;
const lastShmByte = 127;
const firstFileByte = 2 ** 30;

/**
 * Who has the database locked, for a message. Linux tells in /proc/locks; elsewhere, and once the lock is free again, it is
 * "another connection".
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

/** Such as `7: POSIX  ADVISORY  WRITE 31013 fe:00:2146578 120 120`. The device is not compared: some file systems report another one. */
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
