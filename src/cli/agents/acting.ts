/**
 * What the commands for agents share: they take and print JSON, errors too, and the exit code says what to do next.
 */
import { Command } from "commander";
import { milliseconds } from "../durations.ts";
import { type RunOptions, withRun } from "../locations.ts";
import { exitCodeOf, printError } from "../output.ts";
import { type Board, openToWrite } from "../writing.ts";
import { invalid } from "./input.ts";

/** A command on one run. `help` is printed after the options. */
export function agentCommand(name: string, description: string, help: string): Command {
  return withRun(new Command(name), "<run|file>").description(description).addHelpText("after", `\n${help}`);
}

export const claimOption = [
  "--claim <file>",
  "the claim, as claim printed it; - for stdin (default: $RUN_BLACKBOARD_CLAIM)",
] as const;
export const detailOption = [
  "--detail <json>",
  "JSON object to store in the event: JSON, @FILE, or - for stdin",
] as const;

/** Opens the run for writing, calls `work` with it and closes it. */
export async function onBoard(
  given: string,
  options: RunOptions,
  work: (board: Board) => Promise<void>,
): Promise<void> {
  const board = await openToWrite(given, options);
  try {
    await work(board);
  } finally {
    await board.close();
  }
}

/** Prints an error as JSON and sets the exit code. */
export async function acting(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    printError(error, true);
    process.exitCode = exitCodeOf(error);
  }
}

/** The longest timer of Node; a longer one would fire immediately. */
const longestMs = 2 ** 31 - 1;

/** Returns the milliseconds of a time that a timer can wait for. */
export function timerMs(option: string, text: string): number {
  const ms = milliseconds(option, text);
  if (ms > longestMs) throw invalid(option, `must be at most 24d, got ${JSON.stringify(text)}`);
  return ms;
}

/** Returns a signal that aborts after the time of an option; without it, one that never aborts. */
export function timeoutOf(option: string, text: string | undefined): AbortSignal {
  return text === undefined ? new AbortController().signal : AbortSignal.timeout(timerMs(option, text));
}
