/**
 * A consistent copy of a database in a file of its own, made while others write: there whole or not at all.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type Database from "better-sqlite3";
import { refuseLeftovers } from "./file.ts";
import { isProcessAlive } from "./processes.ts";

/**
 * Copies what `client` sees into `file`, which must not exist yet: throws `EEXIST` otherwise, also when another process creates it
 * meanwhile. `mode` is the file's permissions, so that a copy is as private as its original.
 * @throws FileError `CANNOT_OPEN` beside a WAL or a journal that another database left there.
 */
export function writeCopy(client: Database.Database, file: string, mode = 0o644): void {
  if (!lstatSync(file, { throwIfNoEntry: false })) refuseLeftovers(file);
  // A link, since a rename would overwrite.
  withCopy(client, file, mode, (part) => linkSync(part, file));
}

/**
 * Writes the copy under a name of its own, brings it to the disk, and then calls `publish`, which gives it its name. Nothing is left
 * when that fails; the next copy to the same file removes what a killed process has left.
 */
export function withCopy(client: Database.Database, file: string, mode: number, publish: (part: string) => void): void {
  removeLeft(file);
  const part = `${file}.${process.pid}@${hostname()}.${randomUUID()}.part`;
  try {
    // VACUUM takes an empty file as its target, but no other.
    closeSync(openSync(part, "wx", mode & 0o777));
    vacuumInto(client, part);
    toDisk(part);
    publish(part);
  } finally {
    for (const ending of ["", "-journal"]) rmSync(part + ending, { force: true });
  }
  toDisk(dirname(file));
}

/** Writes what `client` sees into `file`, which is missing or empty. */
export function vacuumInto(client: Database.Database, file: string): void {
  // The pragma forbids it, although it writes nothing to the original.
  const queryOnly = client.pragma("query_only", { simple: true });
  client.pragma("query_only = OFF");
  try {
    client.prepare("VACUUM INTO ?").run(file);
  } finally {
    client.pragma(`query_only = ${queryOnly}`);
  }
}

/** Deletes the parts that killed processes of this machine have left. */
export function removeLeft(file: string): void {
  for (const { path, isAlive } of partsOf(file)) if (!isAlive) rmSync(path, { force: true });
}

/** The copies to `file` that processes of this machine are writing, or were writing when they were killed. */
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
