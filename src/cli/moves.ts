/**
 * `retry`, `fail` and `release`: status changes by an operator. The lifecycle rules apply as for agents, and each change logs
 * an event with `"by": "operator"`.
 */
import { Command } from "commander";
import type { Blackboard, Brief, Mode } from "../errors-and-types.ts";
import { releaseBrief } from "../inspect.ts";
import { milliseconds } from "./durations.ts";
import { importFiles, importPostgres, look, type RunOptions, serverOf, withRun } from "./locations.ts";
import { exitCodeOf, exitCodes, printable, printError, printJson, printLine } from "./output.ts";
import { status } from "./terminal.ts";

interface MoveOptions extends RunOptions {
  reason?: string;
  delay?: string;
}

type Board = Blackboard<Mode>;
type Move = (board: Board, briefId: string, detail: object, options: { delayMs?: number }) => Brief | Promise<Brief>;
/** Whether the brief is pending afterwards, so that it can be delayed. */
type Outcome = "pending" | "finished";

export function retryCommand(): Command {
  return moveCommand(
    "retry",
    "sets pending, active or failed briefs to pending and counts a retry",
    "pending",
    (board, id, detail, options) => board.retryBrief(id, detail, options),
  );
}

export function failCommand(): Command {
  return moveCommand("fail", "sets pending or active briefs to failed", "finished", (board, id, detail) =>
    board.failBrief(id, detail),
  );
}

export function releaseCommand(): Command {
  return moveCommand(
    "release",
    "ends the claims of active briefs and sets them to pending without counting a retry; logs a retried event",
    "pending",
    releaseBrief,
  );
}

function moveCommand(name: string, description: string, outcome: Outcome, move: Move): Command {
  const command = withRun(new Command(name), "<run|file>")
    .argument("<id...>", "brief ids")
    .description(description)
    .option("--reason <text>", "reason to store in the event's detail");
  if (outcome === "pending") {
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

JSON: the changed briefs, one per line.

Example:
  run-blackboard ${name} abc123 write/0 write/1 --reason "the worker's machine is gone"`,
    )
    .action(async (given: string, ids: string[], options: MoveOptions) => {
      const { json = false, reason, delay } = options;
      const delayed = delay === undefined ? {} : { delayMs: milliseconds("--delay", delay) };
      const detail = { by: "operator", ...(reason !== undefined && { reason }) };
      const board = await openToWrite(given, options);
      try {
        for (const id of ids) {
          try {
            const brief = await move(board, id, detail, delayed);
            if (json) await printJson(brief);
            else await printLine(`${printable(id)}  ${status(brief.status)}`);
          } catch (error) {
            printError(error, json);
            process.exitCode = exitCodeOf(error);
          }
        }
      } finally {
        await board.close();
      }
    });
}

/** Opens for writing the run that the read-only commands would show. Never creates or migrates it. */
async function openToWrite(given: string, options: RunOptions): Promise<Board> {
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
