/**
 * Printing: results to stdout, errors to stderr, without characters that control a terminal.
 */
import { once } from "node:events";
import { BlackboardError } from "../errors-and-types.ts";
import { messageFor } from "./messages.ts";

/** `pending` is only for `status`, `migrate --dry-run` and `verify`; other commands accept a file with pending migrations. */
export const exitCodes = { current: 0, error: 1, usage: 2, pending: 3 } as const;

/** Exits silently when the reader of a pipe, such as `head`, closes it. */
export function exitOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit();
      throw error;
    });
  }
}

export async function printJson(value: unknown): Promise<void> {
  await print(`${asJson(value)}\n`);
}

/** Prints a line that may contain colour codes; all data in it must have passed through `printable`. */
export async function printLine(text: string): Promise<void> {
  await print(`${text}\n`);
}

/** Approximate number of characters per write. */
const pieceLength = 2 ** 16;

/** Prints the texts in writes of about `pieceLength` characters, without joining all of them into one string. */
export async function printAll(texts: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let piece = "";
  for await (const text of texts) {
    if (piece !== "" && piece.length + text.length > pieceLength) {
      await print(piece);
      piece = "";
    }
    piece += text;
  }
  if (piece !== "") await print(piece);
}

/** Writes to stdout and waits for `drain` if the buffer is full. Yields once, so that a closed pipe is noticed. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
  await new Promise(setImmediate);
}

export function printError(error: unknown, json: boolean): void {
  if (json) process.stderr.write(`${asJson({ error: describeError(error) })}\n`);
  else process.stderr.write(`${printable(messageOf(error))}\n`);
}

/** Returns an error's code, message and fields for JSON output. */
export function describeError(error: unknown): { code: string; message: string } {
  if (!(error instanceof BlackboardError)) return { code: "UNEXPECTED", message: messageOf(error) };
  return { ...error, code: error.code, message: messageFor(error) };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? messageFor(error) : String(error);
}

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Whether a text has characters that control a terminal, line breaks among them. */
export function steers(text: string): boolean {
  return text.search(steering) !== -1;
}

/**
 * Converts any value of a row to text that is safe to print: control and formatting characters are escaped. The value may be of
 * any type, because SQLite stores text or BLOBs in any column.
 */
export function printable(value: unknown): string {
  return textOf(value).replace(steering, (character) => {
    const short = JSON.stringify(character).slice(1, -1);
    return short === character ? escaped(character) : short;
  });
}

/** Maximum number of bytes of a BLOB to print. */
const shownBytes = 32;

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (!ArrayBuffer.isView(value)) return String(value);
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return `x'${bytes.toString("hex", 0, shownBytes)}${bytes.length > shownBytes ? "…" : ""}'`;
}

/** Returns JSON on one line, with characters that control a terminal escaped; it parses to the same value. */
export function asJson(value: unknown): string {
  return JSON.stringify(value).replace(steering, escaped);
}

/** Applies the same escapes to lines of JSON. */
export function harmless(lines: string): string {
  return lines.replace(steering, (character) => (character === "\n" ? character : escaped(character)));
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
