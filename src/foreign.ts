/**
 * What a value is, without `instanceof`: in Jest and in vitest's `vmThreads` the classes of Node and of native modules are those
 * of another realm, and two copies of a package have classes of their own. What is read here may throw; nothing here does.
 */
import { isRevoked, shown } from "./shown.ts";

type ErrorLike = { readonly message: string; readonly cause?: unknown };

/** Whether something thrown has a message, as every error has. */
export function isError(thrown: unknown): thrown is ErrorLike {
  return typeof textOf(thrown, "message") === "string";
}

/** Whether something thrown is a `TypeError`, of whatever realm. */
export function isTypeError(thrown: unknown): boolean {
  return isError(thrown) && textOf(thrown, "name") === "TypeError";
}

/** The `code` of an error of Node, of a driver, or of this package. */
export function codeOf(thrown: unknown): string | undefined {
  return textOf(thrown, "code");
}

/** What something thrown says. */
export function messageOf(thrown: unknown): string {
  return textOf(thrown, "message") ?? (typeof thrown === "string" ? thrown : shown(thrown));
}

/** Whether an error of this package passes by itself: another connection has the lock, or the server is away. */
export function isPassing(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === "BUSY" || code === "CONNECTION";
}

/** A promise of whatever realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return has(value, (one) => "then" in one && typeof one.then === "function");
}

/** Like `Array.isArray`, which throws for a revoked proxy. */
export function isArray(value: unknown): value is unknown[] {
  return !isRevoked(value) && Array.isArray(value);
}

/** Whether an object passes a test; one whose getters or traps throw does not. */
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
