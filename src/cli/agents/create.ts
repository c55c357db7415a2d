/**
 * `create` and `workstream`: a new run, and the parts of its goal.
 */
import { Command } from "commander";
import { type RunOptions, withRun } from "../locations.ts";
import { wholeNumber } from "../option-values.ts";
import { printJson } from "../output.ts";
import { openToCreate } from "../writing.ts";
import { acting, agentCommand, onBoard } from "./acting.ts";
import { defaultTier } from "./input.ts";

export function createCommand(): Command {
  return withRun(new Command("create"), "<run|file>")
    .description("creates a run, with its file or its tables if they are missing")
    .requiredOption("--goal <text>", "the goal of the run")
    .addHelpText(
      "after",
      `
A run that exists with the same goal is printed unchanged; with a different goal it is an error. A path needs --run ID.

JSON: the run.

Example:
  run-blackboard create abc123 --goal "Build a webhook ingestion system"`,
    )
    .action((given: string, options: RunOptions & { goal: string }) =>
      acting(async () => {
        const board = await openToCreate(given, options);
        try {
          await printJson(await board.createRun(options.goal));
        } finally {
          await board.close();
        }
      }),
    );
}

interface WorkstreamOptions extends RunOptions {
  name: string;
  id?: string;
  tier: number;
  owner?: string;
}

export function workstreamCommand(): Command {
  return agentCommand(
    "workstream",
    "creates a workstream, a part of the run's goal",
    `A workstream that exists with the same data is printed unchanged.

JSON: the workstream.

Example:
  run-blackboard workstream abc123 --id api --name "HTTP API"`,
  )
    .requiredOption("--name <text>", "its name")
    .option("--id <id>", "its id (default: a new UUIDv7)")
    .option("--tier <n>", "its tier", wholeNumber, defaultTier)
    .option("--owner <agent>", "the agent that owns it")
    .action((given: string, options: WorkstreamOptions) =>
      acting(() =>
        onBoard(given, options, async (board) => {
          const { id, name, tier, owner } = options;
          await printJson(await board.createWorkstream({ workstreamId: id, name, tier, ownerAgentId: owner }));
        }),
      ),
    );
}
