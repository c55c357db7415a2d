/**
 * Input validation. A `Check` collects all issues of one call and throws them as one `InvalidInputError`; each function of
 * this folder checks one kind of value.
 *
 * For an invalid value a check returns a placeholder of the right type. It is never used, because `done()` throws first.
 */
import { types } from "node:util";
import { InvalidInputError, type Issue } from "../errors.ts";
import { has, isArray, isTypeError, messageOf } from "../foreign.ts";
import { escaped, isName, isRevoked, listed, quoted, shown } from "../shown.ts";

export { shown };

/** 2^31 - 1: the maximum of a PostgreSQL `integer` and of every counter here. */
export const maxInteger = 2 ** 31 - 1;

/** -2^31, the minimum of a PostgreSQL `integer`. */
export const minInteger = -(2 ** 31);

/** Report at most this many issues. */
const maxIssues = 1000;

/** Maximum number of entries of a list. */
export const maxEntries = 1000;

/** Maximum length of a path, and how much of its start is kept when it is cut, in characters. */
const maxPath = 3000;
const keptStart = 200;

/** The property names of an options object; their values are not used. A `Record`, so that the compiler reports a missing name. */
export type Names<T> = Readonly<Record<keyof T & string, true | string>>;

export class Check {
  #issues: Issue[] | undefined;
  #cause: unknown;

  /** Adds an issue. `cause` is an error thrown by a user's getter or callback. */
  refuse(path: string, message: string, cause?: unknown): void {
    this.#issues ??= [];
    this.#cause ??= cause;
    if (this.#issues.length < maxIssues) this.#issues.push({ path, message });
  }

  /** Number of issues so far. */
  get refusals(): number {
    return this.#issues?.length ?? 0;
  }

  /** Whether the maximum number of issues is reached, so that checking further is pointless. */
  get isFull(): boolean {
    return this.refusals >= maxIssues;
  }

  /** Throws the `InvalidInputError` if there are any issues. */
  done(): void {
    if (!this.#issues) return;
    throw new InvalidInputError(this.#issues, this.#cause === undefined ? undefined : { cause: this.#cause });
  }

  /**
   * Checks an options object and returns its properties. Refuses unknown names, because a misspelt option must not be
   * ignored. Reads each property once, so that the checked value is the one used.
   */
  object<T extends object>(path: string, value: T | undefined, names: Names<T>): Partial<T> {
    if (value === undefined || !this.isObject(path, value)) return {};
    for (const name of this.keys(path, value)) {
      if (this.isFull) break;
      if (!isNameOf(names, name)) {
        this.refuse(escaped(name, 60), `unknown property; expected one of ${listed(Object.keys(names))}`);
      }
    }
    return this.#copy(value, names, (name) => name);
  }

  /** Returns the named properties of an object that may have others. */
  record<T extends object>(path: string, value: T, names: Names<T>): Partial<T> {
    return this.isObject(path, value) ? this.#copy(value, names, (name) => pathWithin(path, name)) : {};
  }

  /** Returns the names of an object's own properties. */
  keys(path: string, value: object): string[] {
    try {
      return Object.keys(value);
    } catch (cause) {
      this.refuseUnreadable(path, cause);
      return [];
    }
  }

  /** Returns a property; if a getter or a proxy throws, refuses it and returns `undefined`. */
  read<T extends object, K extends keyof T>(path: string, value: T, name: K): T[K] | undefined {
    try {
      return value[name];
    } catch (cause) {
      this.refuseUnreadable(path, cause);
      return undefined;
    }
  }

  /** Copies an object, reading each property once; refuses one that throws. Copies nothing if there are issues already. */
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
      try {
        const item = value[name];
        if (item !== undefined) copy[name] = item;
      } catch (cause) {
        // The path is put together only here, since that takes longer than reading.
        this.refuseUnreadable(pathOf(name), cause);
      }
    }
    return copy;
  }

  /**
   * Refuses a value that threw while it was read. A `TypeError` comes from the language, as for a revoked proxy; any other
   * error comes from the caller's getter and is rethrown unchanged.
   */
  refuseUnreadable(path: string, cause: unknown): void {
    if (!isTypeError(cause)) throw cause;
    this.refuse(path, `must be readable, but reading it threw: ${messageOf(cause)}`, cause);
  }

  /**
   * Checks an entry of a list with a check of its own, whose issues get the entry's path: `tier` becomes `briefs[3].tier`, and
   * `whole`, the path of the entry as such, `briefs[3]`.
   */
  entry<T>(path: string, whole: string, work: (check: Check) => T): T {
    const own = new Check();
    const checked = work(own);
    if (!own.#issues) return checked;
    const isWithin = (at: string) => at.startsWith(whole) && /^[.[]/.test(at.slice(whole.length));
    for (const { path: at, message } of own.#issues) {
      if (at === "newId()") this.refuse(at, message, own.#cause);
      else if (at === whole || isWithin(at)) this.refuse(`${path}${at.slice(whole.length)}`, message, own.#cause);
      else this.refuse(`${path}.${at}`, message, own.#cause);
    }
    return checked;
  }

  /** The entries of a list of 1 to 1,000. */
  entries<T>(path: string, value: readonly T[]): T[] {
    const given: unknown = value;
    if (!isArray(given)) {
      this.refuse(path, `must be an array, got ${shown(given)}`);
      return [];
    }
    const length = this.read(path, given, "length") ?? 0;
    if (length < 1 || length > maxEntries) {
      this.refuse(path, `must have 1 to ${maxEntries} entries, got ${length}`);
      return [];
    }
    try {
      return Array.from(value);
    } catch (cause) {
      this.refuseUnreadable(path, cause);
      return [];
    }
  }

  isObject(path: string, value: unknown): boolean {
    if (typeof value === "object" && value !== null && !isArray(value) && !hasKeyForEachItem(value)) return true;
    this.refuse(path, `must be an object, got ${shown(value)}`);
    return false;
  }

  /** An integer from `least` to `most`. */
  integer(path: string, value: unknown, least = 0, most = maxInteger): number {
    // Adding zero turns -0 into 0, which is what the database returns.
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value + 0;
    this.refuse(path, `must be an integer from ${least} to ${most}, got ${shown(value)}`);
    return least;
  }

  /** One of a fixed list of words. */
  member<T extends string>(path: string, value: unknown, vocabulary: readonly [T, ...T[]]): T {
    const found = vocabulary.find((word) => word === value);
    if (found === undefined) this.refuse(path, `must be one of ${vocabulary.join(", ")}, got ${shown(value)}`);
    return found ?? vocabulary[0];
  }

  /** One or several of a fixed list of words, as a list without duplicates; `undefined` when omitted. */
  members<T extends string>(path: string, value: unknown, vocabulary: readonly [T, ...T[]]): T[] | undefined {
    if (value === undefined) return undefined;
    if (!isArray(value)) return [this.member(path, value, vocabulary)];
    return this.list(path, value, (at, word) => this.member(at, word, vocabulary));
  }

  /** One or several ids, as a list without duplicates; `undefined` when omitted. */
  ids(path: string, value: unknown): string[] | undefined {
    if (value === undefined) return undefined;
    return isArray(value) ? this.list(path, value, (at, id) => this.id(at, id)) : [this.id(path, value)];
  }

  /** Each entry of an array, holes included, as a list without duplicates. */
  list<T>(path: string, value: readonly unknown[], check: (path: string, entry: unknown) => T): T[] {
    const length = this.read(path, value, "length") ?? 0;
    const entries = new Set<T>();
    // An array of four billion holes takes no memory, but refusing each entry would take minutes.
    for (let index = 0; index < length && this.refusals < maxIssues; index++) {
      const at = `${path}[${index}]`;
      entries.add(check(at, this.read(at, value, index)));
    }
    return [...entries];
  }

  /** A valid Date in the years 0 to 9999, as the text that is stored: a later year's text would sort before all others. */
  date(path: string, value: unknown): string {
    const text = types.isDate(value) && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined;
    if (text === undefined) this.refuse(path, `must be a valid Date, got ${shown(value)}`);
    else if (!/^\d/.test(text)) this.refuse(path, `must be in the years 0 to 9999, got ${text}`);
    return text ?? "";
  }

  boolean(path: string, value: unknown): boolean {
    if (typeof value !== "boolean") this.refuse(path, `must be true or false, got ${shown(value)}`);
    return value === true;
  }

  /** A function. */
  callable(path: string, value: unknown): void {
    if (typeof value !== "function" || isRevoked(value)) this.refuse(path, `must be a function, got ${shown(value)}`);
  }

  /** An AbortSignal of any realm. */
  signal(path: string, value: unknown): void {
    const sound = typeof value === "object" && value !== null && has(value, isSignal);
    if (!sound) this.refuse(path, `must be an AbortSignal, got ${shown(value)}`);
  }

  /** A non-empty string of well-formed Unicode without NUL: no engine stores NUL or lone surrogates faithfully. */
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

  /** An id that the caller may omit. */
  idOr(path: string, value: unknown, newId: () => string): string {
    return value === undefined ? this.id("newId()", newId()) : this.id(path, value);
  }

  /** An id for a nullable column; null and `undefined` both mean null. */
  nullableId(path: string, value: unknown): string | null {
    return value === undefined || value === null ? null : this.id(path, value);
  }
}

/** Returns why a string cannot be stored, apart from its length, or `undefined`. */
export function textFlaw(value: string): string | undefined {
  if (!value.isWellFormed()) return "must be well-formed Unicode, without lone surrogates";
  if (value.includes("\0")) return "must not contain the NUL character";
  return undefined;
}

/** Returns whether every item of a value is a key: 50 MB of bytes would be refused as 50 million unknown names. */
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
 * Appends a key to a path in JavaScript notation: `payload.items[3]["a b"]`. Cuts long names, and omits the middle of a long
 * path.
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
