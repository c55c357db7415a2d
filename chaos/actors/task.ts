/** What every actor needs: its task, its choices, and when it is asked to end. */
import { Random } from "../random.ts";

export interface Task {
  readonly name: string;
  readonly seed: string;
}

/** The task that the process was started with. */
export function taskOf<T>(): T & Task {
  return JSON.parse(process.argv[2] ?? "{}");
}

export function randomOf(task: Task): Random {
  return new Random(task.seed);
}

const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());

/** Aborts when the process is asked to end. A loop must let the event loop turn, or it never hears of it. */
export const ends = ending.signal;

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "none";
}
