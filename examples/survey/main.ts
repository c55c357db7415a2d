/**
 * Surveys a folder, with a blackboard for its memory: which languages it is written in, how many lines, what is left to do.
 * Start reading here; `plan.ts` is what goes onto the blackboard, `work.ts` what is done with it.
 */
import { randomBytes } from "node:crypto";
import { opendir, realpath } from "node:fs/promises";
import { constants } from "node:os";
import { resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { BlackboardError, ConflictError, type Run } from "run-blackboard";
import { type Board, openBoard } from "./board.ts";
import { reasonOf } from "./briefs.ts";
import { plan } from "./plan.ts";
import { openProgress, type Progress, printable, report } from "./report.ts";
import { walk } from "./walk.ts";
import { work } from "./work.ts";

const usage = `Usage: npm start -- [FOLDER] [--run ID] [--postgres URL]

Surveys FOLDER, or else the current one, and writes runs/ID/blackboard.db.

  --run ID        the id of the run; an unfinished run goes on where it stopped
  --postgres URL  writes into this PostgreSQL database instead: postgresql://user@host/database
  -h, --help      this text`;

/** With the folder behind it: so the blackboard knows what it surveys when a start names only the run. */
const goalPrefix = "Survey ";

/** What whoever started the program can put right. */
class Refusal extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Refusal || error instanceof BlackboardError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { positionals, values } = readArguments();
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const runId = values.run ?? newRunId();
  const progress = openProgress(process.stdout);
  const signal = signalled();
  const [asked] = positionals;
  const given = asked === undefined ? undefined : await existing(asked);
  await using board = await openBoard(runId, values.postgres);
  if (await survey(board, given, progress, signal)) return 0;
  progress.say(`Stopped. To go on: npm start -- --run ${runId}${values.postgres ? " --postgres URL" : ""}`);
  return 128 + constants.signals[signal.reason as NodeJS.Signals];
}

function readArguments() {
  try {
    const text = { type: "string" } as const;
    const options = { run: text, postgres: text, help: { type: "boolean", short: "h" } } as const;
    const found = parseArgs({ options, allowPositionals: true });
    if (found.positionals.length > 1) throw new Error("One folder at a time.");
    return found;
  } catch (error) {
    throw new Refusal(`${reasonOf(error)}\n\n${usage}`);
  }
}

/** Whether the run is over: not if a signal came first. */
async function survey(
  board: Board,
  given: string | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const folder = given ?? folderOf(await board.getRun()) ?? (await existing("."));
  const { status } = await createRun(board, folder);
  if (!isOver(status)) {
    progress.say(`Run ${board.runId} surveys ${printable(folder)}`);
    // With PostgreSQL there need not be such a folder.
    const walked = walk(await existing(folder), await realpath("runs").catch(() => ""));
    if (status === "pending") await plan(board, walked, progress, signal);
    if (!signal.aborted) await work(board, folder, progress, signal);
  }
  const over = isOver((await board.getRunSummary()).status);
  if (over) progress.say(await report(board));
  return over;
}

function isOver(status: Run["status"]): boolean {
  return status !== "pending" && status !== "active";
}

function folderOf(run: Run | undefined): string | undefined {
  return run?.goal.startsWith(goalPrefix) ? run.goal.slice(goalPrefix.length) : undefined;
}

async function createRun(board: Board, folder: string): Promise<Run> {
  try {
    return await board.createRun(goalPrefix + folder);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const goal = printable((await board.getRun())?.goal ?? "");
    throw new Refusal(`Run ${board.runId} exists already, with another goal: ${goal}`);
  }
}

/** The folder as an absolute path without links. */
async function existing(folder: string): Promise<string> {
  try {
    const path = await realpath(folder);
    await (await opendir(path)).close();
    if (`${path}${sep}`.startsWith(resolve("runs") + sep)) throw new Error("the blackboards lie there");
    return path;
  } catch (error) {
    throw new Refusal(`Cannot survey ${printable(folder)}: ${reasonOf(error)}`);
  }
}

/** Two starts in the same second differ in the last part. */
function newRunId(): string {
  const now = new Date().toISOString();
  const time = now.slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return `survey-${time}-${randomBytes(2).toString("hex")}`;
}

/** Aborts with the signal's name when the user, or the system, wants the program to stop. */
function signalled(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => stop.abort(name));
  return stop.signal;
}
