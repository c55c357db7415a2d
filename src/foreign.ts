/**
 * Type tests without `instanceof`: in Jest and in vitest's `vmThreads` the classes of Node and of native modules belong to a
 * different realm, and two copies of a package have separate classes. Properties may throw when read; these functions don't.
 */
import { isRevoked, shown } from "./shown.ts";

type ErrorLike = { readonly message: string; readonly cause?: unknown };

/** Returns whether a thrown value has a message, as every error does. */
export function isError(thrown: unknown): thrown is ErrorLike {
  return typeof textOf(thrown, "message") === "string";
}

/** Returns whether a thrown value is a `TypeError` of any realm. */
export function isTypeError(thrown: unknown): boolean {
  return isError(thrown) && textOf(thrown, "name") === "TypeError";
}

/** Returns whether an error is a `DrizzleQueryError` of any copy of Drizzle: no other error has both properties. */
export function isQueryError(thrown: unknown): thrown is ErrorLike {
  return isError(thrown) && "query" in thrown && "params" in thrown;
}

/** Returns the driver's error: Drizzle 1.0 wraps those of every driver, 0.45 only those of asynchronous ones. */
export function driverErrorOf(thrown: unknown): unknown {
  return isQueryError(thrown) ? (thrown.cause ?? thrown) : thrown;
}

/** Returns the `code` of an error of Node, of a driver, or of this package. */
export function codeOf(thrown: unknown): string | undefined {
  return textOf(thrown, "code");
}

/** Returns the message of a thrown value. */
export function messageOf(thrown: unknown): string {
  return textOf(thrown, "message") ?? (typeof thrown === "string" ? thrown : shown(thrown));
}

/**
 * Returns whether an error of this package is transient: a lock held by another connection, a server that is unreachable or
 * read-only, a full disk.
 */
export function isPassing(thrown: unknown): boolean {
  return ["BUSY", "CONNECTION", "DISK_FULL"].includes(codeOf(thrown) ?? "");
}

/** Returns whether a value is a promise of any realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return has(value, (one) => "then" in one && typeof one.then === "function");
}

/** Like `Array.isArray`, which throws for a revoked proxy. */
export function isArray(value: unknown): value is unknown[] {
  return !isRevoked(value) && Array.isArray(value);
}

/** Returns whether an object passes a test; false if the test throws, as getters and proxy traps may. */
export function has(value: object, test: (value: object) => boolean): boolean {
  try {
    return test(value);
  } catch {
    return false;
  }
}

function textOf(value: unknown, name: "code" | "message" | "name"): string | undefined {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  try {
    const text: unknown = Reflect.get(value, name);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
