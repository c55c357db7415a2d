/**
 * Checking what comes in. A `Check` gathers everything that is wrong with one call and throws it as one
 * `InvalidInputError`; the functions here and beside it each look at one kind of value.
 *
 * What a check returns for a value that is wrong stands in for it until `done()` throws: it is never used.
 */
import { types } from "node:util";
import { InvalidInputError, type Issue } from "../errors.ts";
import { has, isArray, isTypeError, messageOf } from "../foreign.ts";
import { escaped, isName, isRevoked, listed, quoted, shown } from "../shown.ts";

export { shown };

/** 2^31 - 1: what a PostgreSQL `integer` holds, and the limit of every counter here. */
export const maxInteger = 2 ** 31 - 1;

/** A value so broken that it has a thousand flaws is refused for the first thousand. */
const maxIssues = 1000;

/** The most entries of a list: an array of four billion holes takes no memory. */
const maxEntries = 10_000;

/** How long a path may be, and how much of its beginning is kept where it is cut, in characters. */
const maxPath = 3000;
const keptStart = 200;

/** The names that an object may have. A `Record` rather than a list, so that the compiler misses none. */
export type Names<T> = Readonly<Record<keyof T & string, true>>;

export class Check {
  #issues: Issue[] | undefined;
  #cause: unknown;

  /** `cause` is what a user's getter or callback threw. */
  refuse(path: string, message: string, cause?: unknown): void {
    this.#issues ??= [];
    this.#cause ??= cause;
    if (this.#issues.length < maxIssues) this.#issues.push({ path, message });
  }

  /** How much was refused so far. */
  get refusals(): number {
    return this.#issues?.length ?? 0;
  }

  /** Whether so much was refused that further flaws are not reported: there is no need to look for them. */
  get isFull(): boolean {
    return this.refusals >= maxIssues;
  }

  /** Throws the `InvalidInputError` if anything was refused. */
  done(): void {
    if (!this.#issues) return;
    throw new InvalidInputError(this.#issues, this.#cause === undefined ? undefined : { cause: this.#cause });
  }

  /**
   * An object of named values, none of them unknown: a misspelt option must not be ignored. Each is read once, so that what
   * was checked is what is used.
   */
  object<T extends object>(path: string, value: T | undefined, names: Names<T>): Partial<T> {
    if (value === undefined || !this.isObject(path, value)) return {};
    for (const name of this.keys(path, value)) {
      if (this.isFull) break;
      if (!isNameOf(names, name)) {
        this.refuse(escaped(name, 60), `is not a name known here; allowed are ${listed(Object.keys(names))}`);
      }
    }
    return this.#copy(value, names, (name) => name);
  }

  /** Some properties of an object that may have others. */
  record<T extends object>(path: string, value: T, names: Names<T>): Partial<T> {
    return this.isObject(path, value) ? this.#copy(value, names, (name) => pathWithin(path, name)) : {};
  }

  /** The names of an object's own properties. */
  keys(path: string, value: object): string[] {
    try {
      return Object.keys(value);
    } catch (cause) {
      this.refuseUnreadable(path, cause);
      return [];
    }
  }

  /** A property; `undefined`, and refused, where a getter or a proxy throws. */
  read<T extends object, K extends keyof T>(path: string, value: T, name: K): T[K] | undefined {
    try {
      return value[name];
    } catch (cause) {
      this.refuseUnreadable(path, cause);
      return undefined;
    }
  }

  /** An object with the same properties, each read once; what throws is refused. Nothing is copied where something was refused. */
  copy<T extends object>(path: string, value: T): T {
    if (this.#issues) return value;
    try {
      return { ...value };
    } catch (cause) {
      this.refuseUnreadable(path, cause);
      return value;
    }
  }

  #copy<T extends object>(value: T, names: Names<T>, pathOf: (name: string) => string): Partial<T> {
    const copy: Partial<T> = {};
    for (const name in names) {
      if (!isNameOf(names, name)) continue;
      const item = this.read(pathOf(name), value, name);
      if (item !== undefined) copy[name] = item;
    }
    return copy;
  }

  /**
   * For what threw while it was read. A `TypeError` is how the language reports a revoked proxy and the like; any other error is
   * the caller's own, from a getter, and leaves as it was thrown.
   */
  refuseUnreadable(path: string, cause: unknown): void {
    if (!isTypeError(cause)) throw cause;
    this.refuse(path, `must be readable, and reading it threw: ${messageOf(cause)}`, cause);
  }

  isObject(path: string, value: unknown): boolean {
    if (typeof value === "object" && value !== null && !isArray(value) && !hasKeyForEachItem(value)) return true;
    this.refuse(path, `must be an object, got ${shown(value)}`);
    return false;
  }

  /** An integer from `least` to `most`. */
  integer(path: string, value: unknown, least = 0, most = maxInteger): number {
    // Plus zero, since a negative zero would not equal the zero that is stored.
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value + 0;
    this.refuse(path, `must be an integer from ${least} to ${most}, got ${shown(value)}`);
    return least;
  }

  /** One of a closed vocabulary. */
  member<T extends string>(path: string, value: unknown, vocabulary: readonly [T, ...T[]]): T {
    const found = vocabulary.find((word) => word === value);
    if (found === undefined) this.refuse(path, `must be one of ${vocabulary.join(", ")}, got ${shown(value)}`);
    return found ?? vocabulary[0];
  }

  /** One or several of a closed vocabulary, as a list without repeats; `undefined` when left out. */
  members<T extends string>(path: string, value: unknown, vocabulary: readonly [T, ...T[]]): T[] | undefined {
    if (value === undefined) return undefined;
    if (!isArray(value)) return [this.member(path, value, vocabulary)];
    return this.list(path, value, (at, word) => this.member(at, word, vocabulary));
  }

  /** One or several ids, as a list without repeats; `undefined` when left out. */
  ids(path: string, value: unknown): string[] | undefined {
    if (value === undefined) return undefined;
    return isArray(value) ? this.list(path, value, (at, id) => this.id(at, id)) : [this.id(path, value)];
  }

  /** Each entry of an array, holes included, as a list without repeats. */
  list<T>(path: string, value: readonly unknown[], check: (path: string, entry: unknown) => T): T[] {
    const length = this.read(path, value, "length") ?? 0;
    if (length > maxEntries) {
      this.refuse(path, `must have at most ${maxEntries} entries, got ${length}`);
      return [];
    }
    const entries = new Set<T>();
    for (let index = 0; index < length; index++) {
      const at = `${path}[${index}]`;
      entries.add(check(at, this.read(at, value, index)));
    }
    return [...entries];
  }

  boolean(path: string, value: unknown): boolean {
    if (typeof value !== "boolean") this.refuse(path, `must be true or false, got ${shown(value)}`);
    return value === true;
  }

  /** A function, of which no more can be known than that it is one. */
  callable(path: string, value: unknown): void {
    if (typeof value !== "function" || isRevoked(value)) this.refuse(path, `must be a function, got ${shown(value)}`);
  }

  /** An AbortSignal, whichever realm it comes from. */
  signal(path: string, value: unknown): void {
    const sound = typeof value === "object" && value !== null && has(value, isSignal);
    if (!sound) this.refuse(path, `must be an AbortSignal, got ${shown(value)}`);
  }

  /** Well-formed Unicode without NUL, which neither engine's text holds faithfully; at least one character. */
  text(path: string, value: unknown, most?: number): string {
    if (typeof value !== "string") {
      this.refuse(path, `must be a string, got ${shown(value)}`);
      return "";
    }
    if (value.length === 0 || (most !== undefined && value.length > most)) {
      const length =
        most === undefined ? "must not be empty" : `must have 1 to ${most} characters, got ${value.length}`;
      this.refuse(path, value.length === 0 ? `${length}` : `${length}: ${shown(value)}`);
    }
    const flaw = textFlaw(value);
    if (flaw) this.refuse(path, `${flaw}, got ${shown(value)}`);
    return value;
  }

  /** An id, a role or an agent's id: text of 1 to 256 characters. */
  id(path: string, value: unknown): string {
    return this.text(path, value, 256);
  }

  /** An id that the caller may leave out. */
  idOr(path: string, value: unknown, newId: () => string): string {
    return value === undefined ? this.id("newId()", newId()) : this.id(path, value);
  }

  /** Where a row may have null, null and `undefined` both mean none. */
  nullableId(path: string, value: unknown): string | null {
    return value === undefined || value === null ? null : this.id(path, value);
  }
}

/** What is wrong with a string whatever its length, or `undefined`. */
export function textFlaw(value: string): string | undefined {
  if (!value.isWellFormed()) return "must be well-formed Unicode, without lone surrogates";
  if (value.includes("\0")) return "must not contain the NUL character";
  return undefined;
}

/** Of what is no object of named values, such as 50 MB of bytes, each item would be listed as a name. */
function hasKeyForEachItem(value: object): boolean {
  return ArrayBuffer.isView(value) || types.isBoxedPrimitive(value);
}

function isNameOf<T>(names: Names<T>, name: string): name is keyof T & string {
  return Object.hasOwn(names, name);
}

function isSignal(value: object): boolean {
  return (
    "aborted" in value &&
    typeof value.aborted === "boolean" &&
    "addEventListener" in value &&
    typeof value.addEventListener === "function" &&
    "removeEventListener" in value &&
    typeof value.removeEventListener === "function"
  );
}

/**
 * A place within what has a path, as a program would write it: `payload.items[3]["a b"]`. Long names are cut, and of a long
 * path the middle is left out.
 */
export function pathWithin(path: string, key: PropertyKey): string {
  const whole = path + segmentOf(key);
  if (whole.length <= maxPath) return whole;
  return `${whole.slice(0, keptStart)}…${whole.slice(keptStart + 1 - maxPath)}`;
}

function segmentOf(key: PropertyKey): string {
  if (typeof key === "number") return `[${key}]`;
  const name = typeof key === "symbol" ? shown(key) : key;
  return isName(name) ? `.${name}` : `[${quoted(name, 60)}]`;
}
