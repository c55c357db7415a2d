/**
 * Opening the file itself. What is wrong with it is found out before better-sqlite3 would make or overwrite something.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { FileError } from "../errors.ts";
import { isBusy, translated } from "./sqlite-errors.ts";
import { openReader } from "./sqlite-reader.ts";
import { waiting } from "./waiting.ts";

export interface ConnectionOptions {
  /** An absolute path, or ":memory:". */
  readonly location: string;
  readonly create: boolean;
  readonly readonly: boolean;
  readonly synchronous: "full" | "normal";
  /** How long to wait for others, in milliseconds. */
  readonly migrateTimeoutMs: number;
}

/**
 * How long SQLite itself waits for a lock before it says BUSY, in milliseconds: short, since the waiting in `waiting.ts` is
 * the fair one, but not nothing, for queries that users run on the connection themselves.
 */
const shortTimeoutMs = 5;

/** SQLite's header has 100 bytes. It takes a shorter file for an empty one and overwrites it. */
const headerBytes = 100;

/** @throws FileError, BusyError. */
export function connect(options: ConnectionOptions): Database.Database {
  const { location, readonly, migrateTimeoutMs } = options;
  try {
    if (location !== ":memory:") prepareFile(options);
    // Setting a pragma reads the file, which somebody may be putting into WAL mode.
    return waiting(() => (readonly ? openReader(location) : openWriter(options)), isBusy, migrateTimeoutMs, location);
  } catch (error) {
    throw translated(error, location);
  }
}

function openWriter({ location, create, synchronous }: ConnectionOptions): Database.Database {
  const client = new Database(location, { fileMustExist: !create, timeout: shortTimeoutMs });
  try {
    client.pragma(`synchronous = ${synchronous}`);
    client.pragma("foreign_keys = ON");
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

function prepareFile({ location, create, readonly }: ConnectionOptions): void {
  const bytes = sizeOf(location);
  if (bytes !== undefined) return requireHeader(location, bytes);
  if (readonly || !create) throw noSuchFile(location);
  mkdirSync(dirname(location), { recursive: true });
}

/** Throws `NOT_SQLITE` for a file that is too short to be one, yet not empty. */
export function requireHeader(location: string, bytes: number): void {
  if (bytes === 0 || bytes >= headerBytes) return;
  const message = `${location} is not an SQLite database: it has ${bytes} bytes, and one has at least ${headerBytes}. It was not changed.`;
  throw new FileError("NOT_SQLITE", location, message);
}

export function noSuchFile(location: string): FileError {
  const message = `There is no file ${location}, and none was to be made. Look at runId, root and file, or let it be created.`;
  return new FileError("NO_SUCH_FILE", location, message);
}

/** @throws FileError where that cannot be found out. */
export function isAbsent(location: string): boolean {
  try {
    return location === ":memory:" || sizeOf(location) === undefined;
  } catch (error) {
    throw translated(error, location);
  }
}

/** Of a file; `undefined` where there is none. */
export function sizeOf(location: string): number | undefined {
  const stats = statSync(location, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isFile()) return stats.size;
  throw new FileError("CANNOT_OPEN", location, `${location} is not a file. Name another one.`);
}
