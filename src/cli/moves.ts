/**
 * `retry`, `fail` and `release`: status changes by an operator. The lifecycle rules apply as for agents, and each change logs
 * an event with `"by": "operator"`.
 */
import { Command, Option } from "commander";
import {
  type Blackboard,
  type Brief,
  type BriefOutline,
  type BriefStatus,
  InvalidInputError,
  type Mode,
  TransitionError,
} from "../errors-and-types.ts";
import { releaseBrief } from "../inspect.ts";
import { type MoveName, moveSelected, type Selected } from "../operator.ts";
import { type FilterOptions, type Selection, selectedBriefs, selectionOf, withScope } from "./brief-filters.ts";
import { milliseconds } from "./durations.ts";
import { findBriefId, idsOf, type ShowId } from "./ids.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { look, type RunOptions, serverOf, withRun, withWide } from "./locations.ts";
import { exitCodes, printError, printJson, printLine } from "./output.ts";
import { orOf, plural, printFitting, status } from "./terminal.ts";

interface MoveOptions extends RunOptions, Pick<FilterOptions, "role" | "workstream" | "parent" | "agent" | "stuck"> {
  failed?: boolean;
  dryRun?: boolean;
  reason?: string;
  delay?: string;
  wide?: boolean;
}

type Board = Blackboard<Mode>;

interface Rules {
  description: string;
  /** Whether the brief is pending afterwards, so that it can be delayed. */
  delays: boolean;
  /** Which of the options that select briefs, of which one is needed. */
  selects: readonly ("failed" | "stuck" | "agent")[];
  example: string;
}

export function retryCommand(): Command {
  return moveCommand("retry", {
    description: "sets pending, active or failed briefs to pending and counts a retry",
    delays: true,
    selects: ["failed", "stuck", "agent"],
    example: "--failed --role coder --dry-run",
  });
}

export function failCommand(): Command {
  return moveCommand("fail", {
    description: "sets pending or active briefs to failed",
    delays: false,
    selects: ["stuck", "agent"],
    example: "--agent coder-7",
  });
}

export function releaseCommand(): Command {
  return moveCommand("release", {
    description:
      "ends the claims of active briefs and sets them to pending without counting a retry; logs a retried event",
    delays: true,
    selects: ["stuck", "agent"],
    example: "--stuck --delay 10m",
  });
}

function moveCommand(name: MoveName, { description, delays, selects, example }: Rules): Command {
  const command = withWide(withRun(new Command(name), "<run|file>"))
    .argument("[id...]", "brief ids, or their ends or beginnings")
    .description(description)
    .option("--reason <text>", "reason to store in the event's detail");
  if (selects.includes("failed")) {
    command.addOption(new Option("--failed", "every failed brief").conflicts(["stuck", "agent"]));
  }
  command
    .option("--stuck", "every active brief whose claim has expired")
    .option("--agent <agent>", "every active brief that this agent holds")
    .option("--dry-run", "print which briefs would be changed, without changing them");
  withScope(command);
  if (delays) {
    command.option(
      "--delay <time>",
      "time before the briefs can be claimed: a number and s, m, h, d or w, such as 10m",
    );
  }
  return command
    .addHelpText(
      "after",
      `
Each brief is changed in its own commit, together with an event whose detail is { "by": "operator", "reason": … }. A failure
does not stop the others; the exit code is then ${exitCodes.error}. A file with pending migrations is rejected: run migrate first.

Without ids, ${orOf(selects.map((one) => `--${one}`))} selects the briefs; --role, --workstream and --parent select fewer. A brief that has
changed since it was selected is left as it is.

JSON: the changed briefs, one per line; with --dry-run, those that would be changed, without their payloads.

Examples:
  run-blackboard ${name} abc123 write/0 write/1 --reason "the worker's machine is gone"
  run-blackboard ${name} abc123 ${example}`,
    )
    .action(async (given: string, ids: string[], options: MoveOptions) => {
      const { json = false, reason, delay } = options;
      const delayed = delay === undefined ? {} : { delayMs: milliseconds("--delay", delay) };
      const detail = { by: "operator", ...(reason !== undefined && { reason }) };
      requireSelection(ids, selects, options);
      const work = async (board: Board) => {
        const mover = {
          board,
          name,
          detail,
          delayed,
          json,
          dryRun: options.dryRun === true,
          showId: await idsOf(board, "brief", options),
        };
        if (ids.length > 0) await moveIds(mover, ids);
        else await moveAll(mover, await selectionOf(board, filtersOf(options)), selectedBy(options));
      };
      if (options.dryRun) return await look(given, options, ({ board }) => work(board));
      const board = await openToWrite(given, options);
      try {
        await work(board);
      } finally {
        await board.close();
      }
    });
}

function requireSelection(ids: readonly string[], selects: Rules["selects"], options: MoveOptions): void {
  const isSelecting = selects.some((name) => options[name] !== undefined);
  const isNarrowing = options.role !== undefined || options.workstream !== undefined || options.parent !== undefined;
  const names = orOf(selects.map((name) => `--${name}`));
  if (ids.length > 0 && (isSelecting || isNarrowing)) {
    throw new InvalidInputError([
      { path: "id", message: `must not be combined with ${names}, --role, --workstream or --parent` },
    ]);
  }
  if (ids.length === 0 && !isSelecting) {
    throw new InvalidInputError([{ path: "id", message: `specify brief ids, or select briefs with ${names}` }]);
  }
}

const statusesOf = ({ failed }: MoveOptions): readonly BriefStatus[] => (failed ? ["failed"] : ["active"]);

function filtersOf(options: MoveOptions): FilterOptions {
  return { ...options, status: [...statusesOf(options)] };
}

function selectedBy(options: MoveOptions): Selected {
  return { statuses: statusesOf(options), agentId: options.agent, stuck: options.stuck === true };
}

/** What each move of one command has in common. */
export interface Mover {
  board: Board;
  name: MoveName;
  detail: { by: string; reason?: string };
  delayed: { delayMs?: number };
  json: boolean;
  dryRun: boolean;
  showId: ShowId;
}

/** The statuses that each move starts from, for a dry run. */
const movable: Readonly<Record<MoveName, readonly BriefStatus[]>> = {
  retry: ["pending", "active", "failed"],
  fail: ["pending", "active"],
  release: ["active"],
};

async function moveIds(mover: Mover, typed: readonly string[]): Promise<void> {
  const { board, name, detail, delayed, json } = mover;
  for (const one of typed) {
    try {
      const id = await findBriefId(board, one);
      if (mover.dryRun) {
        const brief = await board.getBrief(id);
        const allowed = movable[name];
        if (brief && !allowed.includes(brief.status)) throw new TransitionError("brief", id, brief.status, allowed);
        if (brief) await printBrief(mover, brief);
      } else if (name === "retry") await printBrief(mover, await board.retryBrief(id, detail, delayed));
      else if (name === "fail") await printBrief(mover, await board.failBrief(id, detail));
      else await printBrief(mover, await releaseBrief(board, id, detail, delayed));
    } catch (error) {
      printError(error, json);
      process.exitCode = exitCodes.error;
    }
  }
}

/** Moves the selected briefs: which they are is read first, since a move changes what is selected. */
async function moveAll(mover: Mover, selection: Selection, selected: Selected): Promise<void> {
  const all: BriefOutline[] = [];
  for await (const { briefs } of selectedBriefs(mover.board, selection)) all.push(...briefs);
  await moveEach(mover, all, selected);
}

/** Moves these briefs, unless they are no longer as they were selected, and prints how many were moved. */
export async function moveEach(mover: Mover, briefs: readonly BriefOutline[], selected: Selected): Promise<void> {
  const { board, name, detail, delayed, json, dryRun } = mover;
  const counts = { moved: 0, left: 0, failed: 0 };
  for (const brief of briefs) {
    try {
      const move = { name, detail, options: delayed };
      const moved = dryRun ? brief : await moveSelected(board, brief.briefId, selected, move);
      if (moved) await printBrief(mover, moved);
      counts[moved ? "moved" : "left"]++;
    } catch (error) {
      counts.failed++;
      printError(error, json);
      process.exitCode = exitCodes.error;
    }
  }
  if (json) return;
  const left = counts.left === 0 ? "" : `, ${plural(counts.left, "brief")} left, changed meanwhile`;
  const failed = counts.failed === 0 ? "" : `, ${plural(counts.failed, "brief")} with an error`;
  await printFitting(`${plural(counts.moved, "brief")} ${dryRun ? "would be changed" : "changed"}${left}${failed}`);
}

async function printBrief({ json, showId, dryRun }: Mover, brief: Brief | BriefOutline): Promise<void> {
  if (json) await printJson(brief);
  else await printLine(`${showId(brief.briefId)}  ${status(brief.status)}${dryRun ? ", would be changed" : ""}`);
}

/** Opens for writing the run that the read-only commands would show. Never creates or migrates it. */
export async function openToWrite(given: string, options: RunOptions): Promise<Board> {
  const found = { runId: "", location: "" };
  await look(given, options, async ({ board }) => {
    found.runId = board.runId;
    found.location = board.location;
  });
  const { runId } = found;
  const server = serverOf(options);
  if (server) {
    const { openPostgresBlackboard } = await importPostgres();
    return await openPostgresBlackboard({ runId, ...server, migrate: "check" });
  }
  const { openBlackboard } = await importFiles();
  return openBlackboard({ runId, file: found.location, create: false, migrate: "check" });
}
