/**
 * How a program talks with the test that started it: in lines.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** Prints a line at once: nothing of it is lost when the next instruction kills the process. */
export function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** The lines that the test says, until it says no more. */
export function heard(): AsyncIterable<string> {
  return createInterface({ input: process.stdin });
}

/** What became of a call: `ok`, or the error's code; errors without one of ours are not caught. */
export function outcome(call: () => unknown): string {
  try {
    call();
    return "ok";
  } catch (error) {
    if (error instanceof Error && "code" in error) return `${error.name} ${error.code}`;
    throw error;
  }
}
