/**
 * A consistent copy of a database in a file of its own, made while others write: there whole or not at all.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";

/**
 * Copies what `client` sees into `file`, which must not be there yet: `EEXIST` otherwise, also when somebody makes it
 * meanwhile. The copy is written under a name of its own, reaches the disk, and only then gets its name; nothing is left
 * when that fails. `mode` is the file's permissions, so that a copy is as private as what it is a copy of.
 */
export function writeCopy(client: Database.Database, file: string, mode = 0o644): void {
  const part = `${file}.${process.pid}-${randomUUID()}.part`;
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

function toDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
