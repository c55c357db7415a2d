/**
 * Encoding and decoding JSON. Values to store are checked for what JSON cannot represent and encoded once; stored text may
 * come from another program, so decoding accepts Python's extensions.
 */
import type { Json } from "../../drizzle/vocabulary.ts";
import { messageOf } from "../foreign.ts";
import { type Check, pathWithin, shown, textFlaw } from "./check.ts";

/** Deeper values overflow the stack of some JSON parsers. */
const maxDepth = 500;

/**
 * Encodes a plain object as JSON text. Refuses values that JSON cannot represent, each with its path: NaN and infinities,
 * BigInt, functions, symbols, dates, maps, class instances, `undefined` in an array, cycles, NUL and lone surrogates.
 * Omits properties that are `undefined`.
 *
 * Nearly every value is valid, so a first pass only tests that, and a second pass, which tracks paths, runs only for an
 * invalid value: on a payload of 5 MB the first takes a fifth of the time of encoding, the second as long as encoding.
 */
export function encodeObject(check: Check, path: string, value: unknown): string {
  const before = check.refusals;
  let text: string | undefined;
  let thrown: unknown;
  try {
    if (isPlainObject(value) && holds(value, maxDepth)) text = JSON.stringify(value);
  } catch (error) {
    // A getter or a proxy's trap threw; or the text exceeds the maximum length of a string.
    thrown = error;
  }
  // Text that only looks like an escape (a backslash, then "u0000") passes `explain`.
  if (text === undefined || suspicious.test(text)) explain(check, path, value, new Set());
  if (check.refusals > before) return "{}";
  if (text !== undefined) return text;
  const changing = "must not change while it is read";
  check.refuse(path, thrown === undefined ? changing : `cannot be written as JSON: ${messageOf(thrown)}`, thrown);
  return "{}";
}

/** The escapes that JSON.stringify writes for what no engine's text can store: NUL and lone surrogates. */
const suspicious = /\\u(?:0000|d[89a-f])/;

/**
 * A plain object to be stored as JSON. The type is `object`, because TypeScript does not assign interfaces to index
 * signatures; its values are checked at run time.
 */
export type PlainObject = object;

/**
 * A plain object, as far as types can tell: not an array, another iterable such as a map, a date or a function. Whatever else
 * JSON cannot represent is refused at run time.
 */
export type StoredObject = object & NoArrayDateOrFunction;

export interface NoArrayDateOrFunction {
  // biome-ignore lint/suspicious/noExplicitAny: allows properties of any name; TypeScript assigns interfaces to no other index signature.
  readonly [name: string]: any;
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.toPrimitive]?: never;
  readonly [Symbol.hasInstance]?: never;
}

type Properties = { readonly [key: string]: unknown };

/** Returns whether JSON can represent the value, apart from its strings. A cycle exceeds the depth limit. */
function holds(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      if (value === null) return true;
      if (depth === 0) return false;
      if ("toJSON" in value && typeof value.toJSON === "function") return false;
      if (isArray(value)) {
        // Not `every`, which skips holes.
        for (let index = 0; index < value.length; index++) if (!holds(value[index], depth - 1)) return false;
        return true;
      }
      if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) return false;
      for (const key of Object.keys(value)) if (value[key] !== undefined && !holds(value[key], depth - 1)) return false;
      return true;
    default:
      return false;
  }
}

/** Refuses each flaw of a value with its path. `above` contains its ancestors; a value without ancestors must be an object. */
function explain(check: Check, path: string, value: unknown, above: Set<object>): void {
  try {
    explainOwn(check, path, value, above);
  } catch (cause) {
    check.refuseUnreadable(path, cause);
  }
}

function explainOwn(check: Check, path: string, value: unknown, above: Set<object>): void {
  if (above.size === 0 && !isPlainObject(value)) {
    return check.refuse(path, `must be a plain object, got ${shown(value)}`);
  }
  if (typeof value === "string") {
    const flaw = textFlaw(value);
    if (flaw) check.refuse(path, `${flaw}, got ${shown(value)}`);
    return;
  }
  if (typeof value === "number" && !Number.isFinite(value))
    return check.refuse(path, `must be a finite number, got ${value}`);
  if (value === null || typeof value === "number" || typeof value === "boolean") return;
  if (typeof value !== "object" || !(isArray(value) || isPlainObject(value))) {
    return check.refuse(
      path,
      `must be a plain object, an array, a string, a number, a boolean or null, got ${shown(value)}`,
    );
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return check.refuse(`${path}.toJSON`, "must not be a method: its return value would be stored instead");
  }
  if (above.has(value)) return check.refuse(path, "must not be a circular reference");
  if (above.size === maxDepth) return check.refuse(path, `must not be nested more than ${maxDepth} levels deep`);
  above.add(value);
  explainItems(check, path, value, above);
  above.delete(value);
}

function explainItems(check: Check, path: string, value: readonly unknown[] | Properties, above: Set<object>): void {
  if (isArray(value)) {
    for (let index = 0; index < value.length && !check.isFull; index++) {
      explainItem(check, pathWithin(path, index), () => value[index], above);
    }
    return;
  }
  if (Object.getOwnPropertySymbols(value).length > 0) check.refuse(path, "must not have symbols as keys");
  for (const key of Object.keys(value)) {
    if (check.isFull) return;
    const at = pathWithin(path, key);
    explainItem(
      check,
      at,
      () => {
        const item = value[key];
        const flaw = item === undefined ? undefined : textFlaw(key);
        if (flaw) check.refuse(path, `the key ${shown(key)} ${flaw}`);
        // A property that is undefined is omitted.
        return item === undefined ? null : item;
      },
      above,
    );
  }
}

function explainItem(check: Check, path: string, read: () => unknown, above: Set<object>): void {
  let item: unknown;
  try {
    item = read();
  } catch (cause) {
    return check.refuseUnreadable(path, cause);
  }
  explain(check, path, item, above);
}

/** Returns whether a value is a plain array of any realm: `Array.prototype` is an array, a subclass's prototype is not. */
function isArray(value: object): value is readonly unknown[] {
  return Array.isArray(value) && Array.isArray(Object.getPrototypeOf(value));
}

function isPlainObject(value: unknown): value is Properties {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // An object of a different realm, such as a `vm` context, has that realm's Object.prototype.
  return (
    typeof prototype === "object" &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf")
  );
}

/**
 * Decodes stored JSON text. Reads Python's NaN and Infinity as null. Throws the parser's `SyntaxError` for other invalid
 * JSON.
 */
export function decodeJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    const repaired = withoutNotANumber(text);
    if (repaired === text) throw error;
    return JSON.parse(repaired);
  }
}

/** What Python's `json.dumps` writes for numbers that JSON does not have. */
const notANumber = /-?Infinity|NaN/g;

/** Replaces NaN and Infinity outside of strings. One expression for the whole text overflows the stack on megabytes of quotes. */
function withoutNotANumber(text: string): string {
  const parts: string[] = [];
  let from = 0;
  while (from < text.length) {
    const quote = text.indexOf('"', from);
    const outside = text.slice(from, quote < 0 ? text.length : quote);
    parts.push(outside.replace(notANumber, "null"));
    if (quote < 0) break;
    from = endOfString(text, quote);
    parts.push(text.slice(quote, from));
  }
  return parts.join("");
}

/** Returns the index after the closing quote of the string that begins at `quote`, or the text's length if it is not closed. */
function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}
