/**
 * Parses JSON Lines from text or bytes that arrive in chunks of any size. node:readline does not work here: it also splits at
 * U+2028, which is valid inside a JSON string.
 */
import { types } from "node:util";
import { InvalidInputError } from "../errors.ts";
import { has, isThenable } from "../foreign.ts";
import { shown } from "../input/check.ts";

/** A stream of text, or of bytes in UTF-8. */
export type Chunks = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

export interface JsonLine {
  /** Starts at 1. */
  readonly line: number;
  readonly value: unknown;
}

/** About the maximum length of a string in Node: rejects a file without line breaks before it exhausts memory. */
const maxLineLength = 2 ** 28;

/**
 * Yields the value of each line; skips empty lines.
 * @throws InvalidInputError for a line that is not valid JSON.
 */
export async function* jsonLines(chunks: Chunks): AsyncGenerator<JsonLine, void, void> {
  let line = 0;
  for await (const text of lines(chunks)) {
    line++;
    if (text.trim() !== "") yield { line, value: parse(text, line) };
  }
}

async function* lines(chunks: Chunks): AsyncGenerator<string, void, void> {
  let unfinished = "";
  for await (const text of decoded(chunks)) {
    const parts = text.split("\n");
    const last = parts.pop() ?? "";
    for (const part of parts) {
      yield unfinished + part;
      unfinished = "";
    }
    unfinished += last;
    if (unfinished.length > maxLineLength) {
      throw refusedLine(undefined, `exceeds ${maxLineLength} characters: the text is not JSON Lines`);
    }
  }
  yield unfinished;
}

async function* decoded(chunks: Chunks): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes: Uint8Array | undefined) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw refusedLine(undefined, "is not valid UTF-8", cause);
    }
  };
  for await (const chunk of pieces(chunks)) yield typeof chunk === "string" ? chunk : decode(chunk);
  yield decode(undefined);
}

async function* pieces(chunks: Chunks): AsyncGenerator<string | Uint8Array, void, void> {
  // Iterating over a string would yield single characters.
  if (typeof chunks === "string") return yield chunks;
  if (Symbol.asyncIterator in chunks) {
    for await (const chunk of chunks) yield requirePiece(chunk);
    return;
  }
  // `for await` would read `then` of each chunk, which throws for a revoked proxy.
  for (const chunk of chunks) yield requirePiece(isThenable(chunk) ? await chunk : chunk);
}

function requirePiece(chunk: unknown): string | Uint8Array {
  if (typeof chunk === "string" || types.isUint8Array(chunk)) return chunk;
  throw refusedLine(undefined, `must be text or bytes, got ${shown(chunk)}`);
}

function parse(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refusedLine(line, `is not valid JSON: ${shown(text)}`, cause);
  }
}

/** @throws InvalidInputError if `chunks` is neither a string nor an iterable. */
export function checkChunks(chunks: unknown): asserts chunks is Chunks {
  const isStream =
    typeof chunks === "string" ||
    (typeof chunks === "object" &&
      chunks !== null &&
      has(chunks, (one) => Symbol.asyncIterator in one || Symbol.iterator in one));
  if (isStream) return;
  const message = `must be a stream or another iterable of text or bytes, got ${shown(chunks)}`;
  throw new InvalidInputError([{ path: "text", message }]);
}

export function refusedLine(line: number | undefined, message: string, cause?: unknown): InvalidInputError {
  const path = line === undefined ? "a line" : `line ${line}`;
  return new InvalidInputError([{ path, message }], cause === undefined ? undefined : { cause });
}

/** Prefixes the paths of an `InvalidInputError` with the line; returns any other error unchanged. */
export function atLine(line: number, error: unknown): unknown {
  if (!(error instanceof InvalidInputError)) return error;
  return new InvalidInputError(error.issues.map(({ path, message }) => ({ path: `line ${line}, ${path}`, message })));
}
