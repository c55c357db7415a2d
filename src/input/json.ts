/**
 * JSON in and out. What comes in is checked for what JSON cannot hold faithfully and encoded once; what comes out may have
 * been written by another program and is read with its faults.
 */
import type { Json } from "../../drizzle/vocabulary.ts";
import { messageOf } from "../foreign.ts";
import { type Check, pathWithin, shown, textFlaw } from "./check.ts";

/** Deeper values overflow the stack of other programs' parsers. */
const maxDepth = 500;

/**
 * Encodes a plain object as JSON text, or refuses what JSON cannot hold faithfully, each with its path: NaN and infinities,
 * BigInt, functions, symbols, dates, maps, instances of classes, `undefined` in an array, cycles, NUL and lone surrogates.
 * A property that is `undefined` is left out.
 *
 * Nearly every value is sound, so one bare pass says only whether it is, and a second one that knows where it is explains
 * what is not: on a payload of 5 MB the first takes a fifth of the time of writing it, the second as long as that.
 */
export function encodeObject(check: Check, path: string, value: unknown): string {
  const before = check.refusals;
  let text: string | undefined;
  let thrown: unknown;
  try {
    if (isPlainObject(value) && holds(value, maxDepth)) text = JSON.stringify(value);
  } catch (error) {
    // A getter or a proxy's trap; or the text would be longer than a string can be.
    thrown = error;
  }
  // What merely looks like an escape is explained without a flaw.
  if (text === undefined || suspicious.test(text)) explain(check, path, value, new Set());
  if (check.refusals > before) return "{}";
  if (text !== undefined) return text;
  const changing = "must not change while it is read";
  check.refuse(path, thrown === undefined ? changing : `cannot be written as JSON: ${messageOf(thrown)}`, thrown);
  return "{}";
}

/** The escapes that JSON.stringify writes for what neither engine's text can hold: NUL and lone surrogates. */
const suspicious = /\\u(?:0000|d[89a-f])/;

/**
 * What is given to be stored as JSON: a plain object. `object`, since TypeScript lets no interface pass as an index
 * signature; what it holds is checked when it is written.
 */
export type PlainObject = object;

type Properties = { readonly [key: string]: unknown };

/** Whether JSON can hold the value, its strings aside. A cycle is deeper than any limit. */
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
        // Not `every`, which passes over holes.
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

/** Refuses each flaw of a value with its path. `above` holds the containers that the value is in; without any it must be an object. */
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
    return check.refuse(`${path}.toJSON`, "must not be a method: what it gives would be stored in its place");
  }
  if (above.has(value)) return check.refuse(path, "must not contain itself");
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
        // A property that is undefined is left out.
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

/** An array itself, of this realm or another: in each of them `Array.prototype` is one, and that of a class is none. */
function isArray(value: object): value is readonly unknown[] {
  return Array.isArray(value) && Array.isArray(Object.getPrototypeOf(value));
}

function isPlainObject(value: unknown): value is Properties {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // An object of another realm, such as a `vm` context, has that realm's Object.prototype.
  return (
    typeof prototype === "object" &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf")
  );
}

/**
 * Decodes stored JSON text. Python's NaN and Infinity are read as null. Throws the parser's `SyntaxError` for other text
 * that is not JSON.
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

/** What Python's `json.dumps` writes for what JSON does not have. */
const notANumber = /-?Infinity|NaN/g;

/** String by string: one expression for all of it overflows the stack on megabytes of quotes. */
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

/** Behind the closing quote of the string that begins at `quote`; the end of the text where it is not closed. */
function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}
