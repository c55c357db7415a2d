/**
 * A consistent copy of a database in a file of its own, made while others write: there whole or not at all.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type Database from "better-sqlite3";
import { codeOf } from "../foreign.ts";

/**
 * Copies what `client` sees into `file`, which must not be there yet: `EEXIST` otherwise, also when somebody makes it
 * meanwhile. The copy is written under a name of its own, reaches the disk, and only then gets its name; nothing is left
 * when that fails. What a process that was killed has left is removed by the next copy to the same file. `mode` is the file's
 * permissions, so that a copy is as private as what it is a copy of.
 */
export function writeCopy(client: Database.Database, file: string, mode = 0o644): void {
  removeLeft(file);
  const part = `${file}.${process.pid}@${hostname()}.${randomUUID()}.part`;
  try {
    // VACUUM takes an empty file as its target, but no other.
    closeSync(openSync(part, "wx", mode & 0o777));
    client.prepare("VACUUM INTO ?").run(part);
    toDisk(part);
    // A link, since a rename would overwrite.
    linkSync(part, file);
  } finally {
    for (const ending of ["", "-journal"]) rmSync(part + ending, { force: true });
  }
  toDisk(dirname(file));
}

/** Parts whose process, on this machine, is no more. */
function removeLeft(file: string): void {
  const folder = dirname(file);
  const start = `${basename(file)}.`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(start)) continue;
    const [, pid, host] = /^(\d+)@(.+)\.[0-9a-f-]{36}\.part(?:-journal)?$/.exec(name.slice(start.length)) ?? [];
    if (host === hostname() && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks and does nothing.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

function toDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
