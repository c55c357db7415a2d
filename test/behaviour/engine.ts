/**
 * What the suite knows of an engine, and how its tests look at one. Every call in the suite is awaited, so that one text
 * serves engines that answer at once and engines that answer with promises.
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
  /** An empty database of its own, gone when the test is over. */
  place(): Promise<Place>;
}

export interface Place {
  open(options: Pick<OpenOptions, "runId" | "roles" | "clock" | "newId" | "logger">): Promise<Board>;
  /** Plain SQL past the package, on a connection of its own where the engine has such. */
  sql(text: string): Promise<Row[]>;
}

/** A clock that stands until it is moved. */
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

/** A fresh blackboard without a run's row, with a clock that stands. */
export async function openEmpty(engine: Engine, options: { newId?: () => string } = {}) {
  const place = await engine.place();
  const clock = new StandingClock();
  const board = await place.open({ runId: "run-1", clock: clock.read, ...options });
  return { board, place, clock };
}

/** A fresh blackboard with its run. */
export async function openRun(engine: Engine, options: { newId?: () => string } = {}) {
  const opened = await openEmpty(engine, options);
  await opened.board.createRun("a goal");
  return opened;
}

/** Everything that is stored, by plain SQL. */
export async function everything({ sql }: Place): Promise<Record<string, Row[]>> {
  return {
    runs: await sql("SELECT * FROM runs ORDER BY run_id"),
    workstreams: await sql("SELECT * FROM workstreams ORDER BY workstream_id"),
    briefs: await sql("SELECT * FROM briefs ORDER BY brief_id"),
    events: await sql("SELECT * FROM events ORDER BY seq"),
  };
}

/** The error of that class which a call must throw; any other comes out as it is. */
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

/** A call that must throw an error of that class and leave everything that is stored as it was. */
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

/** A call that must be refused for what stands at exactly these paths, in any order, and must write nothing. */
export async function refused(place: Place, paths: readonly string[], call: () => unknown): Promise<InvalidInputError> {
  const error = await caughtUnchanged(place, InvalidInputError, call);
  expect(error.code).toBe("INVALID_INPUT");
  expect([...new Set(error.issues.map(({ path }) => path))].sort()).toEqual([...paths].sort());
  for (const { message } of error.issues) expect(message).not.toBe("");
  expect(error.message).toContain(error.issues[0]?.path);
  return error;
}

/** A transaction's callback in one text for both modes: it yields what a call gives, and gets its value. */
export type Steps<T> = Generator<unknown, T, unknown>;

/** `const run = yield* outcome(tx.createRun("a goal"))`. */
export function* outcome<T>(result: T | Promise<T>): Steps<T> {
  return (yield result) as T;
}

export function inTransaction<T>(board: Operations, body: (tx: Operations) => Steps<T>): T | Promise<T> {
  return board.transaction((tx) => follow(body(tx)));
}

/** Goes through the steps at once until one of them gives a promise, and from there on awaits each. */
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
