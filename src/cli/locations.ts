/**
 * The options that name a run, and opening that run read-only.
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

/** Adds `--root`, `--postgres` and `--json`. */
export function withRoot(command: Command): Command {
  return command
    .addOption(new Option("--root <dir>", "folder that contains the runs").default("runs").conflicts("postgres"))
    .option("--postgres <url>", "use this PostgreSQL database instead of files")
    .option("--json", "print JSON instead of text");
}

/** Adds the run argument, `--run` and the options of `withRoot`. */
export function withRun(command: Command, argument: "[run|file]" | "<run|file>"): Command {
  return withRoot(command.argument(argument, "a run id, or a path (contains a separator or ends in .db)")).option(
    "--run <id>",
    "run to use if the file contains several",
  );
}

export function isPath(given: string): boolean {
  return /[/\\]|\.db$/.test(given);
}

/** A run opened read-only. */
interface Look {
  board: Blackboard<Mode>;
  state: MigrationStatus["state"];
  isLive: boolean;
}

/** Opens the named run read-only, calls `work` with it and closes it. With `live`, later writes of other processes are visible. */
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

/** Finds a run by its folder's name, then by its run id, which differs if the folder was renamed. */
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

/** Returns the run id and location of the named run, resolved as in every other command. */
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
  const message = `required unless ${root} contains exactly one run; found: ${found}`;
  throw new InvalidInputError([{ path: "run|file", message }]);
}

/** Loads the PostgreSQL engine on demand: node-postgres is an optional dependency. */
export async function importPostgres(): Promise<typeof import("../postgres.ts")> {
  try {
    return await import("../postgres.ts");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    const message = "requires node-postgres, which is not installed: npm install pg";
    throw new InvalidInputError([{ path: "--postgres", message }], { cause });
  }
}
