/**
 * Writes a command's output file: atomically, with at most the permissions of the run's file, and never over a database file.
 */
import { createWriteStream, type Stats, statSync } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { InvalidInputError } from "../errors-and-types.ts";
import { messageOf } from "./output.ts";

/** The run that an output file is made from. */
export interface Origin {
  /** The run's file; `undefined` for a run in PostgreSQL. */
  readonly file: string | undefined;
  /** Maximum permissions of the output file. */
  readonly mode: number;
}

/** Returns the origin of an output file. A run in PostgreSQL requires a login, so its output is readable only by its owner. */
export function originOf(location: string, { postgres }: { postgres?: string }): Origin {
  if (postgres !== undefined) return { file: undefined, mode: 0o600 };
  return { file: location, mode: statSync(location).mode & 0o777 };
}

/** Writes `pieces` to `output` and returns the number of bytes. Errors thrown by `pieces` are rethrown unchanged. */
export async function writeWhole(
  output: string,
  pieces: AsyncIterable<string> | Iterable<string>,
  origin: Origin,
): Promise<number> {
  const present = await statIfThere(output);
  // A pipe or device is written to directly. For a symbolic link, its target is replaced, not the link.
  const isSpecial = present !== undefined && !present.isFile();
  const file = present ? await realpath(output) : output;
  if (!isSpecial) await refuseDatabase(file, present, origin);
  const part = isSpecial ? file : `${file}.${process.pid}.part`;
  const mode = present ? origin.mode & present.mode : origin.mode;
  let failure: { error: unknown } | undefined;
  async function* watched() {
    try {
      yield* pieces;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  try {
    const stream = createWriteStream(part, isSpecial ? {} : { flags: "wx", mode });
    await pipeline(watched(), stream);
    if (!isSpecial) {
      await toDisk(part);
      await rename(part, file);
    }
    return stream.bytesWritten;
  } catch (cause) {
    // An error in cleaning up must not hide the first one.
    if (!isSpecial) await rm(part, { force: true }).catch(() => undefined);
    if (failure) throw failure.error;
    throw new InvalidInputError([{ path: "--output", message: `cannot be written: ${messageOf(cause)}` }], { cause });
  }
}

/** Endings of the companion files that SQLite keeps next to a database. */
const endings = ["-wal", "-shm", "-journal"];

/**
 * Rejects an output path that may be a database. Compares names and inodes only: opening and closing the run's file here would
 * drop the locks that this process holds on it.
 * @throws InvalidInputError for the run's own file, for a database that may be open, and for a companion file of one.
 */
async function refuseDatabase(file: string, present: Stats | undefined, origin: Origin): Promise<void> {
  const refuse = (message: string) => new InvalidInputError([{ path: "--output", message }]);
  const own = origin.file === undefined ? undefined : await realpath(origin.file);
  for (const ending of own === undefined ? [] : ["", ...endings]) {
    const stats = await statIfThere(`${own}${ending}`);
    if (stats && present && stats.dev === present.dev && stats.ino === present.ino) {
      throw refuse(`must not be the run's own file: ${file} is ${own}${ending}`);
    }
  }
  for (const ending of endings) {
    if (await statIfThere(file + ending)) {
      throw refuse(`must not be a database: ${file}${ending} exists; use a different path`);
    }
    const database = file.endsWith(ending) ? file.slice(0, -ending.length) : "";
    if (database !== "" && (await statIfThere(database))) {
      throw refuse(`must not be a companion file of the database ${database}; use a different path`);
    }
  }
}

async function statIfThere(file: string): Promise<Stats | undefined> {
  return await stat(file).catch(() => undefined);
}

async function toDisk(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
