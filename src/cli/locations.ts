/**
 * The options that name a run, and opening that run read-only.
 */
import { basename, dirname } from "node:path";
import { type Command, Option } from "commander";
import { type Blackboard, InvalidInputError, type Mode } from "../errors-and-types.ts";
import type { MigrationStatus } from "../index.ts";
import { looksLikeConnection } from "../input/secrets.ts";
import { runIdsOf } from "../operator.ts";
import type { PostgresServer } from "../postgres.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { fileOf, findRun, isPath, noSuchRun, theOneLike } from "./runs-by-name.ts";
import { showWhole } from "./terminal.ts";

export interface LocationOptions {
  root: string;
  postgres?: string;
  schema?: string;
  json?: boolean;
}

export interface RunOptions extends LocationOptions {
  run?: string;
}

/** Adds `--root`, `--postgres`, `--schema` and `--json`. */
export function withRoot(command: Command): Command {
  return command
    .addOption(new Option("--root <dir>", "folder that contains the runs").default("runs").conflicts("postgres"))
    .option("--postgres <url>", "use this PostgreSQL database instead of files")
    .addOption(
      new Option("--schema <name>", 'its schema with the tables (default: "run_blackboard")').conflicts("root"),
    )
    .option("--json", "print JSON instead of text");
}

/** Adds the run argument, `--run` and the options of `withRoot`. */
export function withRun(command: Command, argument: "[run|file]" | "<run|file>"): Command {
  return withRoot(
    command.argument(
      argument,
      "a run id, its end or beginning, or a path of a file or folder (contains a separator or ends in .db)",
    ),
  ).option("--run <id>", "run to use if the file contains several");
}

/** Adds `--wide`. */
export function withWide(command: Command): Command {
  return command.option("--wide", "show ids in full, and do not cut lines").on("option:wide", showWhole);
}

/**
 * Refuses connection strings in any place but their options, before a message shows them: as a run, a path, a command, or after a
 * misspelt option.
 */
export function refuseConnections(words: readonly string[]): void {
  const isTheirs = (word: string, before: string | undefined) =>
    /^--(?:to-)?postgres$/.test(before ?? "") || /^--(?:to-)?postgres=/.test(word) || before === "--reason";
  const misplaced = words.some((word, n) => looksLikeConnection(word) && !isTheirs(word, words[n - 1]));
  if (!misplaced) return;
  const message = "a connection string must follow --postgres or --to-postgres, as one argument in quotes";
  throw new InvalidInputError([{ path: "", message }]);
}

/** Returns the server that the options name; `undefined` for files. */
export function serverOf({
  postgres,
  schema,
}: Pick<LocationOptions, "postgres" | "schema">): PostgresServer | undefined {
  if (postgres !== undefined) return { connection: postgres, schema };
  if (schema === undefined) return undefined;
  throw new InvalidInputError([{ path: "--schema", message: "must be combined with --postgres" }]);
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

/** A run that is open for reading. */
type Opened = Look & { close(): void | Promise<void> };

/** Opens the run that is named: see `findRun`. */
async function open(given: string | undefined, options: RunOptions, live: boolean): Promise<Opened> {
  const server = serverOf(options);
  const view = server ? await openOnServer(server, given ?? options.run) : await openFile(given, options, live);
  if (await view.board.getRun()) return view;
  const { runId, location } = view.board;
  const known = await runIdsOf(view.board);
  await view.close();
  const like = theOneLike(runId, known);
  if (!server || like === undefined) throw noSuchRun(runId, location, known);
  return await openOnServer(server, like);
}

async function openOnServer(server: PostgresServer, runId: string | undefined): Promise<Opened> {
  const { viewPostgresBlackboard } = await importPostgres();
  return await viewPostgresBlackboard({ ...server, runId });
}

async function openFile(given: string | undefined, { root, run }: RunOptions, live: boolean): Promise<Opened> {
  const { viewBlackboard } = await importFiles();
  if (given !== undefined && isPath(given)) return viewBlackboard({ file: fileOf(given), runId: run, live });
  const { file, runId } = await findRun(given ?? (await theOnlyRun(root)), root);
  if (run !== undefined || runId !== undefined) return viewBlackboard({ file, runId: run ?? runId, live });
  // The run that is called like its folder, if the file has several.
  const name = basename(dirname(file));
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

async function theOnlyRun(root: string): Promise<string> {
  const { listRunIds } = await importFiles();
  const [first, second, ...others] = listRunIds({ root });
  if (first !== undefined && second === undefined) return first;
  const found = first === undefined ? "none" : `${[first, second, ...others.slice(0, 20)].join(", ")}`;
  const message = `required unless ${root} contains exactly one run; found: ${found}`;
  throw new InvalidInputError([{ path: "run|file", message }]);
}
