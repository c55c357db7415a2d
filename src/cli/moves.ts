/**
 * `retry`, `fail` and `release`: status changes by an operator, or by the agent that holds a claim. The lifecycle rules apply to both,
 * and each change by an operator logs an event with `"by": "operator"`.
 */
import { Command } from "commander";
import type { Brief, PlainObject } from "../errors-and-types.ts";
import { releaseBrief } from "../inspect.ts";
import { claimOption, detailOption } from "./agents/acting.ts";
import { moveClaim } from "./agents/claims.ts";
import { type ClaimRef, objectOf } from "./agents/input.ts";
import { milliseconds } from "./durations.ts";
import { type RunOptions, withRun } from "./locations.ts";
import { exitCodes, printable, printError, printJson, printLine } from "./output.ts";
import { status } from "./terminal.ts";
import { type Board, openToWrite } from "./writing.ts";

interface MoveOptions extends RunOptions {
  reason?: string;
  delay?: string;
  claim?: string;
  detail?: string;
}

type Moved = Brief | Promise<Brief>;
/** By id as an operator, by claim as the agent that holds it. */
type Move = (board: Board, ref: ClaimRef | string, detail: PlainObject, options: { delayMs?: number }) => Moved;
/** Whether the brief is pending afterwards, so that it can be delayed. */
type Outcome = "pending" | "finished";

export function retryCommand(): Command {
  return moveCommand(
    "retry",
    "sets pending, active or failed briefs to pending and counts a retry",
    "pending",
    (board, ref, detail, options) => board.retryBrief(ref, detail, options),
  );
}

export function failCommand(): Command {
  return moveCommand("fail", "sets pending or active briefs to failed", "finished", (board, ref, detail) =>
    board.failBrief(ref, detail),
  );
}

export function releaseCommand(): Command {
  return moveCommand(
    "release",
    "ends the claims of active briefs and sets them to pending without counting a retry; logs a retried event",
    "pending",
    (board, ref, detail, options) =>
      typeof ref === "string" ? releaseBrief(board, ref, detail, options) : board.releaseClaim(ref, options),
  );
}

function moveCommand(name: string, description: string, outcome: Outcome, move: Move): Command {
  const command = withRun(new Command(name), "<run|file>")
    .argument("[id...]", "brief ids; without them, the brief of an agent's claim")
    .description(description)
    .option(...claimOption)
    .option("--reason <text>", "reason to store in the event's detail")
    .option(...detailOption);
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

Without ids, moves the brief of a claim, in --claim or the environment, as the agent that holds it: JSON, and errors too; the exit
code is ${exitCodes.lost} if the claim is lost.

JSON: the changed briefs, one per line.

Examples:
  run-blackboard ${name} abc123 --claim claim.json
  run-blackboard ${name} abc123 write/0 write/1 --reason "the worker's machine is gone"`,
    )
    .action(async (given: string, ids: string[], options: MoveOptions) => {
      const { json = false, reason, delay } = options;
      const delayed = delay === undefined ? {} : { delayMs: milliseconds("--delay", delay) };
      if (ids.length === 0) {
        return await moveClaim(given, options, name, (board, claim, logged) => move(board, claim, logged, delayed));
      }
      const detail = {
        by: "operator",
        ...(await objectOf("--detail", options.detail)),
        ...(reason !== undefined && { reason }),
      };
      const board = await openToWrite(given, options);
      try {
        for (const id of ids) {
          try {
            const brief = await move(board, id, detail, delayed);
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
