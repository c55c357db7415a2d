/**
 * Formats user values for messages: escaped, on one line, bounded. Nothing here runs user code (getters, proxy traps,
 * `toString`) or throws, and the time is at most linear in the size of the value.
 *
 * `util.inspect` is unsuitable: it writes every key in full and runs a class's custom inspection.
 */
import { types } from "node:util";

/** Maximum length of a formatted value, of a string and of a key in it, in characters. */
const maxShown = 100;
const maxString = 60;
const maxItems = 3;
/** Maximum length of a list of names, in characters. */
const maxList = 300;

/** Control and format characters (bidirectional ones among them), line and paragraph separators, lone surrogates. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f" };

/** Returns the text with control characters escaped, cut to `most` characters. */
export function escaped(text: string, most: number): string {
  return cut(text.slice(0, most + 1).replace(unsafe, escapeCharacter), most);
}

/** Joins the lines of a message into one of at most `most` characters. */
export function oneLine(text: string, most: number): string {
  const lines = text.slice(0, most + 1).split("\n");
  return escaped(lines.length === 1 ? text : lines.map((line) => line.trim()).join(" "), most);
}

/** Returns an id, a status or a name in double quotes, escaped as in JSON. */
export function quoted(text: string, most = maxShown): string {
  const whole = `"${text.slice(0, most).replace(/["\\]/g, "\\$&").replace(unsafe, escapeCharacter)}"`;
  return text.length <= most && whole.length <= most ? whole : `${cut(`${whole}…`, most)}"`;
}

/** Joins names with commas, each cut: as many as fit, at most twenty, then the number of the rest. */
export function listed(names: readonly string[]): string {
  let text = "";
  for (const [index, name] of names.entries()) {
    const longer = `${text}${index === 0 ? "" : ", "}${escaped(name, maxString)}`;
    if (index === 20 || longer.length > maxList) return `${text} and ${names.length - index} more`;
    text = longer;
  }
  return text;
}

/** Formats a value in the style of `util.inspect`, cut to 100 characters. */
export function shown(value: unknown): string {
  try {
    return cut(format(value, 1), maxShown);
  } catch {
    return "a value that cannot be shown";
  }
}

function escapeCharacter(character: string): string {
  const known = short[character];
  if (known !== undefined) return known;
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const splitsPair = /[\ud800-\udbff]/.test(text.charAt(most - 2));
  return `${text.slice(0, splitsPair ? most - 2 : most - 1)}…`;
}

function format(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return formatString(value);
    case "bigint":
      // Formatting a number of a million digits takes more than linear time.
      return BigInt.asIntN(256, value) === value ? `${value}n` : "a bigint of more than 256 bits";
    case "symbol":
      return `Symbol(${escaped(value.description ?? "", maxString)})`;
    case "function":
      return formatFunction(value);
    case "object":
      return value === null ? "null" : formatObject(value, depth);
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

function formatString(text: string): string {
  const start = text.slice(0, maxString);
  const quote = ["'", '"', "`"].find((one) => !start.includes(one)) ?? "'";
  const inside = start.replace(/\\/g, "\\\\").replaceAll(quote, `\\${quote}`).replace(unsafe, escapeCharacter);
  const more = text.length - start.length;
  return more > 0 ? `${quote}${inside}${quote}... ${more} more characters` : `${quote}${inside}${quote}`;
}

function formatFunction(value: object): string {
  if (types.isProxy(value)) return formatProxy(value);
  const name = ownText(value, "name");
  const kind = Function.prototype.toString.call(value).startsWith("class") ? "class" : "Function";
  return name ? `[${kind}: ${escaped(name, maxString)}]` : `[${kind} (anonymous)]`;
}

function formatObject(value: object, depth: number): string {
  // A proxy's traps are user code.
  if (types.isProxy(value)) return formatProxy(value);
  if (types.isDate(value)) return formatDate(value);
  const name = classOf(value);
  if (types.isNativeError(value)) {
    return `${name ?? "Error"}: ${escaped(ownText(value, "message") ?? "", maxString)}`;
  }
  // Every item or character of these is a key.
  if (ArrayBuffer.isView(value) || types.isBoxedPrimitive(value)) return `[${name ?? "Object"}]`;
  const isArray = Array.isArray(value);
  if (depth < 0) return isArray ? "[Array]" : `[${name ?? "Object: null prototype"}]`;
  if (isArray) return formatArray(value, depth, name);
  const items = formatProperties(value, depth);
  const body = items === "" ? "{}" : `{ ${items} }`;
  if (name === "Object") return body;
  return `${name ?? "[Object: null prototype]"} ${body}`;
}

function formatProxy(value: object): string {
  return isRevoked(value) ? "<Revoked Proxy>" : "[Proxy]";
}

/** Returns whether a value is a revoked proxy, on which every operation throws. Runs no trap. */
export function isRevoked(value: unknown): boolean {
  try {
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
}

function formatDate(value: Date): string {
  const time = Date.prototype.getTime.call(value);
  return Number.isNaN(time) ? "Invalid Date" : new Date(time).toISOString();
}

function formatArray(value: readonly unknown[], depth: number, name: string | undefined): string {
  const { length } = value;
  const items = Array.from({ length: Math.min(length, maxItems) }, (_, index) => formatProperty(value, index, depth));
  if (length > maxItems) items.push(`... ${length - maxItems} more item${length === maxItems + 1 ? "" : "s"}`);
  const body = items.length === 0 ? "[]" : `[ ${items.join(", ")} ]`;
  return name === "Array" ? body : `${name ?? "[Array: null prototype]"}(${length}) ${body}`;
}

function formatProperties(value: object, depth: number): string {
  let text = "";
  for (const key of Object.keys(value)) {
    if (text.length > maxShown) break;
    const name = isName(key) ? key : formatString(key);
    text += `${text === "" ? "" : ", "}${name}: ${formatProperty(value, key, depth)}`;
  }
  return text;
}

function formatProperty(value: object, key: PropertyKey, depth: number): string {
  const property = Object.getOwnPropertyDescriptor(value, key);
  if (!property) return "<empty>";
  return "value" in property ? format(property.value, depth - 1) : "[Getter]";
}

/** Returns whether a key is short and needs no quotes. */
export function isName(key: string): boolean {
  return key.length <= maxString && /^[A-Za-z_$][\w$]*$/.test(key);
}

/** Returns the name of an object's class; `undefined` for an object without a prototype. */
function classOf(value: object): string | undefined {
  let prototype: unknown = Object.getPrototypeOf(value);
  for (let depth = 0; depth < 20 && typeof prototype === "object" && prototype !== null; depth++) {
    if (types.isProxy(prototype)) break;
    const type: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
    if (typeof type === "function" && !types.isProxy(type)) {
      const name = ownText(type, "name");
      if (name) return escaped(name, maxString);
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return prototype === null ? undefined : "Object";
}

/** Returns an own property if it is a string, without running a getter. */
function ownText(value: object, key: string): string | undefined {
  const text: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return typeof text === "string" ? text : undefined;
}
