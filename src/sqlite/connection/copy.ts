/**
 * Writes a consistent copy of a database to a new file, atomically, while other processes write to the original.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type Database from "better-sqlite3";
import { refuseLeftovers } from "./file.ts";
import { isProcessAlive } from "./processes.ts";

/**
 * Copies what `client` sees to `file`. Throws `EEXIST` if the file exists, or if another process creates it in the meantime. `mode`
 * is the permissions of the copy, so that it is as private as the original.
 * @throws FileError `CANNOT_OPEN` if another database left a WAL or a journal next to `file`.
 */
export function writeCopy(client: Database.Database, file: string, mode = 0o644): void {
  if (!lstatSync(file, { throwIfNoEntry: false })) refuseLeftovers(file, undefined);
  // A rename would overwrite an existing file; a hard link fails.
  withCopy(client, file, mode, (part) => linkSync(part, file));
}

/**
 * Writes the copy under a temporary name, flushes it to disk, and then calls `publish`, which moves it to its final name. Removes
 * the temporary file on failure; the next copy to the same file removes those of killed processes.
 */
export function withCopy(client: Database.Database, file: string, mode: number, publish: (part: string) => void): void {
  removeLeftovers(file);
  const part = `${file}.${process.pid}@${hostname()}.${randomUUID()}.part`;
  try {
    // The target of VACUUM INTO must be missing or empty.
    closeSync(openSync(part, "wx", mode & 0o777));
    vacuumInto(client, part);
    toDisk(part);
    publish(part);
  } finally {
    for (const ending of ["", "-journal"]) rmSync(part + ending, { force: true });
  }
  toDisk(dirname(file));
}

/** Copies what `client` sees to `file`, which must be missing or empty. */
export function vacuumInto(client: Database.Database, file: string): void {
  // query_only forbids VACUUM INTO, although it does not write to the original.
  const queryOnly = client.pragma("query_only", { simple: true });
  client.pragma("query_only = OFF");
  try {
    client.prepare("VACUUM INTO ?").run(file);
  } finally {
    client.pragma(`query_only = ${queryOnly}`);
  }
}

/** Deletes the temporary files of killed processes on this machine. */
export function removeLeftovers(file: string): void {
  for (const { path, isAlive } of partsOf(file)) if (!isAlive) rmSync(path, { force: true });
}

/** Returns the temporary files for copies to `file`, of live and of killed processes on this machine. */
export function partsOf(file: string): { path: string; isAlive: boolean }[] {
  const folder = dirname(file);
  const start = `${basename(file)}.`;
  return readdirSync(folder).flatMap((name) => {
    if (!name.startsWith(start)) return [];
    const [, pid, host] = /^(\d+)@(.+)\.[0-9a-f-]{36}\.part(?:-journal)?$/.exec(name.slice(start.length)) ?? [];
    return host === hostname() ? [{ path: join(folder, name), isAlive: isProcessAlive(Number(pid)) }] : [];
  });
}

function toDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
