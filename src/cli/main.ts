#!/usr/bin/env node
/**
 * The `run-blackboard` command: what people look at when a run misbehaves. Each command is a function of the package.
 */
import { Command, CommanderError } from "commander";
import { migrateCommand, statusCommand, verifyCommand } from "./migrations.ts";
import { exitCodes, printError } from "./output.ts";

const program = new Command("run-blackboard")
  .description("Looks after the blackboards of orchestration runs: SQLite files at <root>/<run>/blackboard.db.")
  .showSuggestionAfterError()
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    "after",
    `\nExit codes:\n  0  current, or nothing found\n  ${exitCodes.pending}  migrations are pending\n  ${exitCodes.error}  an error`,
  )
  .addCommand(statusCommand())
  .addCommand(migrateCommand())
  .addCommand(verifyCommand());

try {
  program.parse();
} catch (error) {
  // Commander has printed its own by then.
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    printError(error, process.argv.includes("--json"));
    process.exitCode = exitCodes.error;
  }
}
