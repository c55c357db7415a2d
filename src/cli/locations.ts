/**
 * Which blackboards a command is about: one, by its run or its path, or all under a root.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { type BlackboardLocation, InvalidInputError } from "../index.ts";

export interface LocationOptions {
  root: string;
  all?: boolean;
  json?: boolean;
}

export interface Named {
  /** The run, or the path that was given. */
  name: string;
  location: BlackboardLocation;
}

export function withLocation(command: Command): Command {
  return command
    .argument("[run|file]", "a run under the root, or a path: what has a separator or ends in .db")
    .option("--root <dir>", "the folder that holds the runs", "runs")
    .option("--all", "every run under the root")
    .option("--json", "print JSON");
}

export function locate(given: string | undefined, { root, all }: LocationOptions): Named[] {
  if (all === true && given === undefined) {
    return runsUnder(root).map((runId) => ({ name: runId, location: { runId, root } }));
  }
  if (given === undefined || all === true) {
    throw new InvalidInputError([{ path: "run|file", message: "must be given, or --all instead of it" }]);
  }
  const isFile = /[/\\]|\.db$/.test(given);
  return [{ name: given, location: isFile ? { file: given } : { runId: given, root } }];
}

/** Folders that hold a blackboard.db, by name. */
function runsUnder(root: string): string[] {
  return foldersOf(root)
    .filter(
      (entry) => entry.isDirectory() && foldersOf(join(root, entry.name)).some(({ name }) => name === "blackboard.db"),
    )
    .map(({ name }) => name)
    .sort();
}

function foldersOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new InvalidInputError([{ path: "--root", message }], { cause: error });
  }
}
