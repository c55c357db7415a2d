/**
 * `retry`, `fail` and `release`: what an operator does to briefs, through the rules that agents obey, with an event that says
 * who it was.
 */
import { Command } from "commander";
import { type Blackboard, type Brief, type Mode, openBlackboard, releaseBrief } from "../index.ts";
import { importPostgres, look, type RunOptions, withRun } from "./locations.ts";
import { exitCodes, printable, printError, printJson, printLine } from "./output.ts";
import { status } from "./terminal.ts";

interface MoveOptions extends RunOptions {
  reason?: string;
}

type Board = Blackboard<Mode>;
type Move = (board: Board, briefId: string, detail: object) => Brief | Promise<Brief>;

export function retryCommand(): Command {
  return moveCommand(
    "retry",
    "sets briefs pending again and counts a retry; from pending, active or failed",
    (board, id, detail) => board.retryBrief(id, detail),
  );
}

export function failCommand(): Command {
  return moveCommand("fail", "sets briefs failed; from pending or active", (board, id, detail) =>
    board.failBrief(id, detail),
  );
}

export function releaseCommand(): Command {
  return moveCommand(
    "release",
    "takes active briefs from whoever holds them: pending again, no retry counted; the event is a retried one",
    releaseBrief,
  );
}

function moveCommand(name: string, description: string, move: Move): Command {
  return withRun(new Command(name), "<run|file>")
    .argument("<id...>", "the briefs' ids")
    .description(description)
    .option("--reason <text>", "why, for the event's detail")
    .addHelpText(
      "after",
      `
Each brief moves in a commit of its own, with an event whose detail is { "by": "operator", "reason": … }. One that cannot
be moved does not keep the others from it; the exit code is ${exitCodes.error} then. An older file is not touched: migrate it first.

JSON: the moved briefs, one a line.

Example:
  run-blackboard ${name} abc123 write/0 write/1 --reason "the worker's machine is gone"`,
    )
    .action(async (given: string, ids: string[], options: MoveOptions) => {
      const { json = false, reason } = options;
      const detail = { by: "operator", ...(reason !== undefined && { reason }) };
      const board = await openToWrite(given, options);
      try {
        for (const id of ids) {
          try {
            const brief = await move(board, id, detail);
            if (json) await printJson(brief);
            else await printLine(`${printable(id)}  ${status(brief.status)}`);
          } catch (error) {
            printError(error, json);
            process.exitCode = exitCodes.error;
          }
        }
      } finally {
        await board.close();
      }
    });
}

/** The same run that the other commands look at; made or migrated by none of them. */
async function openToWrite(given: string, options: RunOptions): Promise<Board> {
  const found = { runId: "", location: "" };
  await look(given, options, async ({ board }) => {
    found.runId = board.runId;
    found.location = board.location;
  });
  const { runId } = found;
  if (options.postgres !== undefined) {
    const { openPostgresBlackboard } = await importPostgres();
    return await openPostgresBlackboard({ runId, connection: options.postgres, migrate: "check" });
  }
  return openBlackboard({ runId, file: found.location, create: false, migrate: "check" });
}
