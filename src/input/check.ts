/**
 * Checking what comes in. A `Check` gathers everything that is wrong with one call and throws it as one
 * `InvalidInputError`; the functions here and beside it each look at one kind of value.
 *
 * What a check returns for a value that is wrong stands in for it until `done()` throws: it is never used.
 */
import { inspect } from "node:util";
import { InvalidInputError, type Issue } from "../errors.ts";

/** 2^31 - 1: what a PostgreSQL `integer` holds, and the limit of every counter here. */
export const maxInteger = 2 ** 31 - 1;

/** A value so broken that it has a thousand flaws is refused for the first thousand. */
const maxIssues = 1000;

/** The names that an object may have. A `Record` rather than a list, so that the compiler misses none. */
export type Names<T> = Readonly<Record<keyof T & string, true>>;

export class Check {
  #issues: Issue[] | undefined;

  refuse(path: string, message: string): void {
    this.#issues ??= [];
    if (this.#issues.length < maxIssues) this.#issues.push({ path, message });
  }

  /** How much was refused so far. */
  get refusals(): number {
    return this.#issues?.length ?? 0;
  }

  /** Throws the `InvalidInputError` if anything was refused. */
  done(): void {
    if (this.#issues) throw new InvalidInputError(this.#issues);
  }

  /** An object of named values, none of them unknown: a misspelt option must not be ignored. */
  object<T extends object>(path: string, value: T | undefined, names: Names<T>): Partial<T> {
    if (value === undefined) return {};
    if (!this.#isObject(path, value)) return {};
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(names, name)) {
        this.refuse(name, `is not a name known here; allowed are ${Object.keys(names).join(", ")}`);
      }
    }
    return value;
  }

  /** An object whose names are the caller's own. */
  record<T extends object>(path: string, value: T): Partial<T> {
    return this.#isObject(path, value) ? value : {};
  }

  #isObject(path: string, value: unknown): boolean {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return true;
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
    if (!Array.isArray(value)) return [this.member(path, value, vocabulary)];
    return [...new Set(Array.from(value, (word, index) => this.member(`${path}[${index}]`, word, vocabulary)))];
  }

  /** One or several ids, as a list without repeats; `undefined` when left out. */
  ids(path: string, value: unknown): string[] | undefined {
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return [this.id(path, value)];
    return [...new Set(Array.from(value, (id, index) => this.id(`${path}[${index}]`, id)))];
  }

  boolean(path: string, value: unknown): boolean {
    if (typeof value !== "boolean") this.refuse(path, `must be true or false, got ${shown(value)}`);
    return value === true;
  }

  /** A function, of which no more can be known than that it is one. */
  callable(path: string, value: unknown): void {
    if (typeof value !== "function") this.refuse(path, `must be a function, got ${shown(value)}`);
  }

  /** An AbortSignal, whichever realm it comes from. */
  signal(path: string, value: unknown): void {
    const sound = typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;
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

/** Where something stands within what has a path, as a program would write it: `payload.items[3]["a b"]`. */
export function pathWithin(path: string, key: PropertyKey): string {
  if (typeof key === "number") return `${path}[${key}]`;
  const name = String(key);
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

/** A value as it stands in a message: on one line, shortened, never the whole of a large payload. */
export function shown(value: unknown): string {
  const text = inspect(value, {
    depth: 1,
    breakLength: Number.POSITIVE_INFINITY,
    customInspect: false,
    maxArrayLength: 3,
    maxStringLength: 60,
  }).replace(/\s*\n\s*/g, " ");
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}
