/** Measures a file of any size, with the memory of one chunk. */
import { constants, open } from "node:fs/promises";
import { languageOf } from "./languages.ts";
import type { FileResult } from "./roles.ts";

const chunkBytes = 256 * 1024;
/** As in git, a file with a NUL in its first 8,000 bytes is binary. */
const binaryWithinBytes = 8000;

/**
 * Measures a file. Throws if it cannot be measured, and the signal's reason when that aborts. Does not follow links, and does not
 * block on opening a pipe without a writer.
 */
export async function measure(path: string, signal: AbortSignal): Promise<FileResult> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new Error("not a regular file");
    const text = new TextMeasure();
    const buffer = Buffer.allocUnsafe(Math.min(status.size + 1, chunkBytes));
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return { ...text.finish(), language: languageOf(path) };
      const chunk = buffer.subarray(0, bytesRead);
      if (text.bytes === 0 && chunk.subarray(0, binaryWithinBytes).includes(0)) {
        return { bytes: status.size, lines: 0, language: "binary", longestLine: 0, todos: 0 };
      }
      text.add(chunk);
    }
  } finally {
    await file.close();
  }
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const isWordByte = Uint8Array.from({ length: 256 }, (_, byte) => Number(/\w/.test(String.fromCharCode(byte))));
/** Written in two halves, so that a search for open tasks in this program does not find them. */
const [todo, fixme] = [asNumber("TO", "DO"), asNumber("FIX", "ME")];

/** Measures text in chunks, which may end within a line, a word or a character. */
class TextMeasure {
  bytes = 0;
  #lines = 0;
  #longestLine = 0;
  #todos = 0;
  #length = 0;
  #isTodo = false;
  #word = 0;
  #last = newline;

  /** Adds a chunk. A plain loop over local variables: fields or `for…of` would take twice as long for gigabytes. */
  add(chunk: Buffer): void {
    let length = this.#length;
    let word = this.#word;
    let last = this.#last;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] as number;
      if (isWordByte[byte]) {
        word = word * 256 + byte;
      } else {
        if (word === todo || word === fixme) this.#isTodo = true;
        word = 0;
      }
      if (byte === newline) {
        this.#endLine(last === carriageReturn ? length - 1 : length);
        length = 0;
      } else if ((byte & 0xc0) !== 0x80) {
        length++;
      }
      last = byte;
    }
    this.bytes += chunk.length;
    this.#length = length;
    this.#word = word;
    this.#last = last;
  }

  finish(): Omit<FileResult, "language"> {
    const { bytes } = this;
    if (this.#last !== newline) this.add(Buffer.of(newline));
    return { bytes, lines: this.#lines, longestLine: this.#longestLine, todos: this.#todos };
  }

  #endLine(length: number): void {
    this.#lines++;
    this.#longestLine = Math.max(this.#longestLine, length);
    if (this.#isTodo) this.#todos++;
    this.#isTodo = false;
  }
}

/** Returns a word as a number in base 256. A longer word always has a larger number, so long and short words never collide. */
function asNumber(...parts: string[]): number {
  return Buffer.from(parts.join("")).reduce((number, byte) => number * 256 + byte, 0);
}
