/**
 * The interface between the suite and an engine, and helpers of its tests. The suite awaits every call, so that the
 * same tests run on engines that return values and engines that return promises.
 */
import { inspect } from "node:util";
import {
  type Blackboard,
  BlackboardError,
  type BlackboardOperations,
  InvalidInputError,
  type Mode,
  type OpenOptions,
} from "run-blackboard";
import { expect } from "vitest";

export type Board = Blackboard<Mode>;
/** A blackboard, or the `tx` of a transaction. */
export type Operations = BlackboardOperations<Mode>;
export type Row = Record<string, unknown>;

export interface Engine {
  readonly name: string;
  /** An empty database per test, removed after the test. */
  place(): Promise<Place>;
}

export interface Place {
  open(options: Pick<OpenOptions, "runId" | "roles" | "clock" | "newId" | "logger">): Promise<Board>;
  /** Runs plain SQL, not through the package, on a separate connection where the engine has one. */
  sql(text: string): Promise<Row[]>;
}

/** A clock that only moves when told to. */
export class StandingClock {
  #time = Date.parse("2026-11-22T06:40:15.123Z");
  readonly read = (): Date => new Date(this.#time);
  get text(): string {
    return this.read().toISOString();
  }
  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }
}

/** A new blackboard without a row for its run, with a stopped clock. */
export async function openEmpty(engine: Engine, options: { newId?: () => string } = {}) {
  const place = await engine.place();
  const clock = new StandingClock();
  const board = await place.open({ runId: "run-1", clock: clock.read, ...options });
  return { board, place, clock };
}

/** A new blackboard with its run. */
export async function openRun(engine: Engine, options: { newId?: () => string } = {}) {
  const opened = await openEmpty(engine, options);
  await opened.board.createRun("a goal");
  return opened;
}

/** All stored rows, read by plain SQL. */
export async function everything({ sql }: Place): Promise<Record<string, Row[]>> {
  return {
    runs: await sql("SELECT * FROM runs ORDER BY run_id"),
    workstreams: await sql("SELECT * FROM workstreams ORDER BY workstream_id"),
    briefs: await sql("SELECT * FROM briefs ORDER BY brief_id"),
    dependencies: await sql("SELECT * FROM dependencies ORDER BY run_id, brief_id, blocker_id"),
    events: await sql("SELECT * FROM events ORDER BY seq"),
  };
}

/** Returns the error of that class which the call must throw; rethrows any other error. */
export async function caught<E extends BlackboardError>(
  kind: abstract new (...parameters: never[]) => E,
  call: () => unknown,
): Promise<E> {
  let value: unknown;
  try {
    value = await call();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    expect(error).toBeInstanceOf(BlackboardError);
    expect(error.name).toBe(error.constructor.name);
    expect(error.message).not.toBe("");
    return error;
  }
  return expect.fail(`${kind.name} expected, and the call gave ${inspect(value)}`);
}

/** Like `caught`, and checks that all stored rows are unchanged. */
export async function caughtUnchanged<E extends BlackboardError>(
  place: Place,
  kind: abstract new (...parameters: never[]) => E,
  call: () => unknown,
): Promise<E> {
  const before = await everything(place);
  const error = await caught(kind, call);
  expect(await everything(place)).toEqual(before);
  return error;
}

/** The call must throw InvalidInputError for exactly these paths, in any order, and write nothing. */
export async function refused(place: Place, paths: readonly string[], call: () => unknown): Promise<InvalidInputError> {
  const error = await caughtUnchanged(place, InvalidInputError, call);
  expect(error.code).toBe("INVALID_INPUT");
  expect([...new Set(error.issues.map(({ path }) => path))].sort()).toEqual([...paths].sort());
  for (const { message } of error.issues) expect(message).not.toBe("");
  expect(error.message).toContain(error.issues[0]?.path);
  return error;
}

/**
 * A transaction callback written once for both modes: it yields a call's return value and receives the resolved value.
 */
export type Steps<T> = Generator<unknown, T, unknown>;

/** `const run = yield* outcome(tx.createRun("a goal"))`. */
export function* outcome<T>(result: T | Promise<T>): Steps<T> {
  return (yield result) as T;
}

export function inTransaction<T>(board: Operations, body: (tx: Operations) => Steps<T>): T | Promise<T> {
  return board.transaction((tx) => follow(body(tx)));
}

/** Runs the steps synchronously until one returns a promise, and awaits each step from there on. */
export function follow<T>(steps: Steps<T>): T | Promise<T> {
  let step = steps.next();
  while (!step.done) {
    if (step.value instanceof Promise) return followPromises(steps, step.value);
    step = steps.next(step.value);
  }
  return step.value;
}

async function followPromises<T>(steps: Steps<T>, first: Promise<unknown>): Promise<T> {
  let awaited = first;
  for (;;) {
    const step = await awaited.then(
      (value) => steps.next(value),
      (error) => steps.throw(error),
    );
    if (step.done) return step.value;
    awaited = Promise.resolve(step.value);
  }
}
