/**
 * What the command prints: results on stdout, errors on stderr, nothing that would steer a terminal.
 */
import { once } from "node:events";
import { BlackboardError } from "../index.ts";

/** `pending` is for `status`, `migrate --dry-run` and `verify` alone: to look at an older file is no fault. */
export const exitCodes = { current: 0, error: 1, usage: 2, pending: 3 } as const;

/** A reader that has seen enough, such as `head`, ends the command quietly. */
export function endWhenNobodyReads(): void {
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

/** A line in which colours may stand: everything of it that is data went through `printable`. */
export async function printLine(text: string): Promise<void> {
  await print(`${text}\n`);
}

/** About how many characters are written at once. */
const pieceLength = 2 ** 16;

/** Texts one after another, in as few writes as their lengths allow, so that they need not be one string. */
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

/** Waits until there is room, and lets an end of the reader be noticed. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
  await new Promise(setImmediate);
}

export function printError(error: unknown, json: boolean): void {
  if (json) process.stderr.write(`${asJson({ error: describeError(error) })}\n`);
  else process.stderr.write(`${printable(messageOf(error))}\n`);
}

/** An error's code, message and fields. */
export function describeError(error: unknown): { code: string; message: string } {
  if (!(error instanceof BlackboardError)) return { code: "UNEXPECTED", message: messageOf(error) };
  return { ...error, code: error.code, message: error.message };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Any value of a row as text that a terminal shows and doesn't obey: control and formatting characters are spelled out. SQLite
 * keeps whatever another program puts into a column, text in one of numbers, and bytes anywhere.
 */
export function printable(value: unknown): string {
  return textOf(value).replace(steering, (character) => {
    const short = JSON.stringify(character).slice(1, -1);
    return short === character ? escaped(character) : short;
  });
}

/** How many bytes of a BLOB are shown. */
const shownBytes = 32;

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (!ArrayBuffer.isView(value)) return String(value);
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return `x'${bytes.toString("hex", 0, shownBytes)}${bytes.length > shownBytes ? "…" : ""}'`;
}

/** On one line. What JSON allows in a string and a terminal would obey is escaped: to a program it is the same value. */
export function asJson(value: unknown): string {
  return JSON.stringify(value).replace(steering, escaped);
}

/** Lines of JSON with the same escapes. */
export function harmless(lines: string): string {
  return lines.replace(steering, (character) => (character === "\n" ? character : escaped(character)));
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
