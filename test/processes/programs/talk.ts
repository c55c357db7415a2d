/** The line protocol between a program and the test that started it. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** Prints a line synchronously, so that nothing is lost when the next instruction kills the process. */
export function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** The lines of the input, until it ends. */
export function heard(): AsyncIterable<string> {
  return createInterface({ input: process.stdin });
}

/** The outcome of a call: `ok` or the error's code; rethrows errors without a code of this package. */
export function outcome(call: () => unknown): string {
  try {
    call();
    return "ok";
  } catch (error) {
    if (error instanceof Error && "code" in error) return `${error.name} ${error.code}`;
    throw error;
  }
}
