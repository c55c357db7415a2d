/**
 * Surveys a folder: its languages, its lines and its TODO comments, with all state on a blackboard. Start reading here.
 * `plan.ts` creates the briefs, `work.ts` processes them in several concurrent processes, and `workers.ts` supervises these.
 */
import { randomBytes } from "node:crypto";
import { opendir, realpath } from "node:fs/promises";
import { availableParallelism, constants } from "node:os";
import { resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { BlackboardError, ConflictError, type Run } from "run-blackboard";
import { type Board, openBoard } from "./board.ts";
import { plan } from "./plan.ts";
import { reasonOf } from "./reasons.ts";
import { openProgress, printable, report } from "./report.ts";
import { walk } from "./walk.ts";
import { runWorkers } from "./workers.ts";

const usage = `Usage: npm start -- [FOLDER] [--run ID] [--workers N] [--chaos] [--postgres URL]

Surveys FOLDER (default: the current one) and writes runs/ID/blackboard.db.

  --run ID        id of the run; an unfinished run resumes where it stopped
  --workers N     number of worker processes (default: number of CPU cores)
  --chaos         kill a worker now and then, to show that no result is lost
  --postgres URL  use this PostgreSQL database instead: postgresql://user@host/database
  -h, --help      print this text`;

/** Followed by the folder, so that a run can be resumed by its id alone. */
const goalPrefix = "Survey ";

/** A usage error, printed without a stack. */
class Refusal extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Refusal || error instanceof BlackboardError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { folder: asked, workers, values } = readArguments();
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { run: runId = newRunId(), postgres, chaos } = values;
  const progress = openProgress(process.stdout);
  const signal = signalled();
  const given = asked === undefined ? undefined : await existing(asked);
  await using board = await openBoard(runId, postgres);
  const folder = given ?? folderOf(await board.getRun()) ?? (await existing("."));
  const { status } = await createRun(board, folder);
  if (!isOver(status)) {
    progress.say(`Run ${runId} surveys ${printable(folder)}`);
    // With PostgreSQL, the folder `runs` may not exist.
    const walked = walk(await existing(folder), await realpath("runs").catch(() => ""));
    if (status === "pending") await plan(board, walked, progress, signal);
    const args = [runId, folder, ...(postgres ? [postgres] : [])];
    if (!signal.aborted) await runWorkers(board, { workers, args, chaos }, progress, signal);
  }
  if (isOver((await board.getRunSummary()).status)) {
    progress.say(await report(board));
    return 0;
  }
  const why = signal.aborted ? "Stopped" : "Stopped, as worker after worker died";
  progress.say(`${why}. To go on: npm start -- --run ${runId}${postgres ? " --postgres URL" : ""}`);
  return signal.aborted ? 128 + constants.signals[signal.reason as NodeJS.Signals] : 1;
}

function readArguments() {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean", default: false } as const;
    const options = { run: text, workers: text, chaos: flag, postgres: text, help: { ...flag, short: "h" } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length > 1) throw new Error("One folder at a time.");
    const workers = values.workers === undefined ? availableParallelism() : Number(values.workers);
    if (!Number.isInteger(workers) || workers < 1) {
      throw new Error(`--workers must be a whole number from 1, got ${printable(String(values.workers))}.`);
    }
    return { folder: positionals[0], workers, values };
  } catch (error) {
    throw new Refusal(`${reasonOf(error)}\n\n${usage}`);
  }
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

/** Returns the folder's absolute path without links. Throws if it cannot be surveyed. */
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

/** The random last part distinguishes two starts in the same second. */
function newRunId(): string {
  const now = new Date().toISOString();
  const time = now.slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return `survey-${time}-${randomBytes(2).toString("hex")}`;
}

/** Returns an AbortSignal that aborts on SIGINT or SIGTERM, with the signal's name as the reason. */
function signalled(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => stop.abort(name));
  return stop.signal;
}
