/**
 * A file that a command makes out of a run: whoever reads it finds the old one or all of the new one, it is as private as the
 * run, and no database is damaged by it.
 */
import { createWriteStream, type Stats, statSync } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { InvalidInputError } from "../index.ts";
import { messageOf } from "./output.ts";

/** What a file is made from. */
export interface Origin {
  /** The run's file; `undefined` for a run on a server. */
  readonly file: string | undefined;
  /** The permissions that what is made from it may have at most. */
  readonly mode: number;
}

/** A run on a server is for those who can log in there, so what is made from it is for the user alone. */
export function originOf(location: string, { postgres }: { postgres?: string }): Origin {
  if (postgres !== undefined) return { file: undefined, mode: 0o600 };
  return { file: location, mode: statSync(location).mode & 0o777 };
}

/** Returns how many bytes were written. What `pieces` throws comes out as it is. */
export async function writeWhole(
  output: string,
  pieces: AsyncIterable<string> | Iterable<string>,
  origin: Origin,
): Promise<number> {
  const present = await statIfThere(output);
  // A pipe or a device is written to; what a link points to is replaced, not the link.
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
    // The reason that is told is the first one.
    if (!isSpecial) await rm(part, { force: true }).catch(() => undefined);
    if (failure) throw failure.error;
    throw new InvalidInputError([{ path: "--output", message: `cannot be written: ${messageOf(cause)}` }], { cause });
  }
}

/** SQLite's own files beside a database, which belong to it. */
const endings = ["-wal", "-shm", "-journal"];

/**
 * Looks at names and inodes only: to open the run's file here would drop the locks that this process holds on it.
 * @throws InvalidInputError for the run's own file, for a database that may be open, and for a part of one.
 */
async function refuseDatabase(file: string, present: Stats | undefined, origin: Origin): Promise<void> {
  const refuse = (message: string) => new InvalidInputError([{ path: "--output", message }]);
  const own = origin.file === undefined ? undefined : await realpath(origin.file);
  for (const ending of own === undefined ? [] : ["", ...endings]) {
    const stats = await statIfThere(`${own}${ending}`);
    if (stats && present && stats.dev === present.dev && stats.ino === present.ino) {
      throw refuse(`must be another file than the run's own, and ${file} is ${own}${ending}`);
    }
  }
  for (const ending of endings) {
    if (await statIfThere(file + ending)) {
      throw refuse(`must not be a database, and SQLite's ${file}${ending} lies beside it: name another file`);
    }
    const database = file.endsWith(ending) ? file.slice(0, -ending.length) : "";
    if (database !== "" && (await statIfThere(database))) {
      throw refuse(`must not be called as what SQLite keeps beside ${database}: name another file`);
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
