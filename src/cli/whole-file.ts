/**
 * A file that a command makes piece by piece: whoever reads it finds the old one or all of the new one.
 */
import { createWriteStream } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { InvalidInputError } from "../index.ts";
import { messageOf } from "./output.ts";

/** Gives how many bytes were written. What `pieces` throws comes out as it is. */
export async function writeWhole(output: string, pieces: AsyncIterable<string>): Promise<number> {
  const present = await stat(output).catch(() => undefined);
  // A pipe or a device is written to; what a link points to is replaced, not the link.
  const isSpecial = present !== undefined && !present.isFile();
  const file = present ? await realpath(output) : output;
  const part = isSpecial ? file : `${file}.${process.pid}.part`;
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
    const stream = createWriteStream(part, isSpecial ? {} : { flags: "wx" });
    await pipeline(watched(), stream);
    if (!isSpecial) {
      await toDisk(part);
      await rename(part, file);
    }
    return stream.bytesWritten;
  } catch (cause) {
    if (!isSpecial) await rm(part, { force: true });
    if (failure) throw failure.error;
    throw new InvalidInputError([{ path: "--output", message: `cannot be written: ${messageOf(cause)}` }], { cause });
  }
}

async function toDisk(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
