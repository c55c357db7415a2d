/**
 * Tracing: every operation is published on the tracing channel `run-blackboard:operation` of `node:diagnostics_channel`. Without
 * subscribers a call costs some nanoseconds more.
 */
import { tracingChannel } from "node:diagnostics_channel";
import { codeOf } from "./foreign.ts";

/** What is published of an operation. The same object at its start and its end. */
export interface OperationTrace {
  /** The name of the method, such as `claimBrief`, or of the function, such as `summarizeRun`. */
  readonly operation: string;
  readonly runId: string;
  /** From the arguments, or once the operation has ended from what it returned. */
  briefId?: string;
  role?: string;
  /** Once it has ended: `nothing` if it returned `undefined`, such as a claim without a brief; the error's code if it threw, `ERROR` if it has none. */
  outcome?: "ok" | "nothing" | (string & {});
  /** Once it has ended, in milliseconds. */
  durationMs?: number;
  /** What it threw. */
  error?: unknown;
}

const channel = tracingChannel<unknown, OperationTrace>("run-blackboard:operation");
const { start, end, asyncStart, asyncEnd, error: failed } = channel;

function hasSubscribers(): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    failed.hasSubscribers ||
    asyncStart.hasSubscribers
  );
}

/** Publishes the start and the end of a call: of a promise, `end` is when it was returned and `asyncEnd` when it has settled. */
export function traced<T>(operation: string, runId: string, parameters: readonly unknown[], call: () => T): T {
  if (!hasSubscribers()) return call();
  const trace: OperationTrace = { operation, runId };
  if (operation.includes("Brief") && typeof parameters[0] === "string") trace.briefId = parameters[0];
  for (const parameter of parameters) name(trace, parameter);
  const from = performance.now();
  const ended = (outcome: string) => Object.assign(trace, { outcome, durationMs: performance.now() - from });
  const succeeded = <V>(value: V): V => {
    name(trace, value);
    ended(value === undefined ? "nothing" : "ok");
    return value;
  };
  const threw = (error: unknown): never => {
    ended(codeOf(error) ?? "ERROR");
    failed.publish(Object.assign(trace, { error }));
    throw error;
  };
  const settled = () => {
    asyncStart.publish(trace);
    asyncEnd.publish(trace);
  };
  return start.runStores(trace, () => {
    try {
      const value = call();
      if (!(value instanceof Promise)) return succeeded(value);
      // A promise with the same value or error. The original would count as handled if the caller forgot to handle it.
      return value.then(succeeded, threw).finally(settled) as T;
    } catch (error) {
      return threw(error);
    } finally {
      end.publish(trace);
    }
  });
}

/** Adds the brief's id and role if a parameter or a result has them: a brief, a claim, a request. */
function name(trace: OperationTrace, value: unknown): void {
  const brief = read(value, "brief");
  const briefId = trace.briefId ?? text(read(brief, "briefId")) ?? text(read(value, "briefId"));
  const role = trace.role ?? text(read(brief, "role")) ?? text(read(value, "role"));
  if (briefId !== undefined) trace.briefId = briefId;
  if (role !== undefined) trace.role = role;
}

function read(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    // A getter or a proxy's trap threw; the operation reports it.
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Replaces the methods of a class by ones that are traced, but for those named in `except`. */
export function traceMethods(prototype: { readonly runId: string }, except: readonly string[]): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const method: unknown = descriptor.value;
    if (typeof method !== "function" || name === "constructor" || except.includes(name)) continue;
    const value = function (this: { readonly runId: string }, ...parameters: unknown[]): unknown {
      if (!hasSubscribers()) return Reflect.apply(method, this, parameters);
      return traced(name, this.runId, parameters, () => Reflect.apply(method, this, parameters));
    };
    Object.defineProperties(value, { name: { value: name }, length: { value: method.length } });
    Object.defineProperty(prototype, name, { ...descriptor, value });
  }
}
