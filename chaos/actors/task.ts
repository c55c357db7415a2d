/** Shared by all actors: the task, random choices and the signal to end. */
import { Random } from "../random.ts";

export interface Task {
  readonly name: string;
  readonly seed: string;
}

/** Returns the task from the process's argument. */
export function taskOf<T>(): T & Task {
  return JSON.parse(process.argv[2] ?? "{}");
}

export function randomOf(task: Task): Random {
  return new Random(task.seed);
}

const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());

/** Aborts on SIGTERM. A loop must yield to the event loop, or the signal is never handled. */
export const ends = ending.signal;

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "none";
}
