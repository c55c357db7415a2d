/**
 * Which blackboards a command is about, and how one is opened to be looked at.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import {
  type Blackboard,
  InvalidInputError,
  listRunIds,
  listRuns,
  type MigrationStatus,
  type Mode,
  viewBlackboard,
} from "../index.ts";

export interface LocationOptions {
  root: string;
  postgres?: string;
  json?: boolean;
}

export interface RunOptions extends LocationOptions {
  run?: string;
}

/** The options of every command. */
export function withRoot(command: Command): Command {
  return command
    .addOption(new Option("--root <dir>", "the folder that holds the runs").default("runs").conflicts("postgres"))
    .option("--postgres <url>", "the runs of a PostgreSQL database instead of files")
    .option("--json", "print JSON");
}

/** Those of a command about one run. */
export function withRun(command: Command, argument: "[run|file]" | "<run|file>"): Command {
  return withRoot(command.argument(argument, "a run, or a path: what has a separator or ends in .db")).option(
    "--run <id>",
    "which run of a file, if it holds several",
  );
}

export function isPath(given: string): boolean {
  return /[/\\]|\.db$/.test(given);
}

/** A run opened to be looked at. */
export interface Look {
  board: Blackboard<Mode>;
  state: MigrationStatus["state"];
  isLive: boolean;
}

/** Opens the run that is meant, lets `work` look at it, and closes it. `live`: to see what others write from now on. */
export async function look(
  given: string | undefined,
  options: RunOptions,
  work: (look: Look) => Promise<void>,
  live = false,
): Promise<void> {
  const view = await open(given, options, live);
  try {
    await work(view);
  } finally {
    await view.close();
  }
}

/** A run goes by the name of its folder; where the two differ, as after a renaming, by its own too. */
async function open(given: string | undefined, options: RunOptions, live: boolean) {
  const { root, postgres, run } = options;
  if (postgres !== undefined) {
    const { viewPostgresBlackboard } = await importPostgres();
    return await viewPostgresBlackboard({ connection: postgres, runId: given ?? run });
  }
  if (given !== undefined && isPath(given)) return viewBlackboard({ file: given, runId: run, live });
  const name = given ?? theOnlyRun(root);
  const file = join(root, name, "blackboard.db");
  if (run !== undefined) return viewBlackboard({ file, runId: run, live });
  if (!existsSync(file)) {
    const listed = listRuns({ root }).find(({ runId }) => runId === name);
    if (listed) return viewBlackboard({ file: listed.location, runId: name, live });
  }
  const view = viewBlackboard({ runId: name, root, live });
  if (view.board.getRun()) return view;
  view.close();
  return viewBlackboard({ file, live });
}

/** Where the run lies that is meant, by the names it goes by to all commands. */
export async function locate(given: string, options: RunOptions): Promise<{ runId: string; location: string }> {
  const view = await open(given, options, false);
  const { runId, location } = view.board;
  await view.close();
  return { runId, location };
}

function theOnlyRun(root: string): string {
  const [first, second, ...others] = listRunIds({ root });
  if (first !== undefined && second === undefined) return first;
  const found = first === undefined ? "none" : `${[first, second, ...others.slice(0, 20)].join(", ")}`;
  const message = `must be given unless there is exactly one run under ${root}; there ${second === undefined ? "is" : "are"} ${found}`;
  throw new InvalidInputError([{ path: "run|file", message }]);
}

/** PostgreSQL's part is loaded by whoever asks for it: node-postgres is an optional dependency. */
export async function importPostgres(): Promise<typeof import("../postgres.ts")> {
  try {
    return await import("../postgres.ts");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    const message = "needs node-postgres, which is not installed here: npm install pg";
    throw new InvalidInputError([{ path: "--postgres", message }], { cause });
  }
}
