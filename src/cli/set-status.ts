/**
 * `set-status`: sets the status of a run or of a workstream.
 */
import { Argument, Command } from "commander";
import {
  InvalidInputError,
  type RunStatus,
  runStatuses,
  type WorkstreamStatus,
  workstreamStatuses,
} from "../errors-and-types.ts";
import { findWorkstreamId } from "./ids.ts";
import { type RunOptions, withRun } from "./locations.ts";
import { openToWrite } from "./moves.ts";
import { listOption } from "./option-values.ts";
import { printable, printJson, printLine } from "./output.ts";
import { orOf, status } from "./terminal.ts";

interface StatusOptions extends RunOptions {
  workstream?: string;
  from?: string[];
}

const anyStatus = [...new Set([...runStatuses, ...workstreamStatuses])];

export function setStatusCommand(): Command {
  return withRun(new Command("set-status"), "<run|file>")
    .addArgument(new Argument("<status>", "the status to set").choices(anyStatus))
    .description("sets the status of a run, or of one of its workstreams")
    .option("--workstream <id>", "the workstream to change instead of the run")
    .addOption(listOption("--from <statuses>", "only if it has one of these statuses, separated by commas", anyStatus))
    .addHelpText(
      "after",
      `
No brief of a run that is review, done or failed can be claimed, and none of a workstream that is blocked. Briefs keep their
status. A run is ${orOf(runStatuses)}; a workstream is ${orOf(workstreamStatuses)}.

JSON: the changed run or workstream.

Examples:
  run-blackboard set-status abc123 review
  run-blackboard set-status abc123 active --from review
  run-blackboard set-status abc123 blocked --workstream api`,
    )
    .action(async (given: string, wanted: string, { workstream, from, ...options }: StatusOptions) => {
      const board = await openToWrite(given, options);
      try {
        if (workstream === undefined) {
          const allowed = from && { from: from.map((one) => oneOf("--from", one, runStatuses, "run")) };
          const to: RunStatus = oneOf("status", wanted, runStatuses, "run");
          const run = await board.updateRunStatus(to, allowed);
          return await (options.json ? printJson(run) : printLine(`${printable(run.runId)}  ${status(run.status)}`));
        }
        const id = await findWorkstreamId(board, workstream);
        const allowed = from && { from: from.map((one) => oneOf("--from", one, workstreamStatuses, "workstream")) };
        const to: WorkstreamStatus = oneOf("status", wanted, workstreamStatuses, "workstream");
        const changed = await board.updateWorkstreamStatus(id, to, allowed);
        const text = `${printable(changed.name)} (${printable(id)})  ${status(changed.status)}`;
        await (options.json ? printJson(changed) : printLine(text));
      } finally {
        await board.close();
      }
    });
}

/** A run cannot have each status that a workstream can, and the reverse. */
function oneOf<Status extends string>(path: string, given: string, allowed: readonly Status[], what: string): Status {
  const found = allowed.find((one) => one === given);
  if (found !== undefined) return found;
  throw new InvalidInputError([{ path, message: `a ${what} is ${orOf(allowed)}, not ${given}` }]);
}
