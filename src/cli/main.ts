#!/usr/bin/env node
/**
 * The `run-blackboard` command: what people look at when a run misbehaves. Each command is a function of the package.
 */
import { Command, CommanderError } from "commander";
import { backupCommand } from "./backup.ts";
import { briefCommand, briefsCommand } from "./briefs.ts";
import { eventsCommand } from "./events.ts";
import { migrateCommand, statusCommand, verifyCommand } from "./migrations.ts";
import { failCommand, releaseCommand, retryCommand } from "./moves.ts";
import { asJson, endWhenNobodyReads, exitCodes, printable, printError } from "./output.ts";
import { pruneCommand } from "./prune.ts";
import { reportCommand } from "./report.ts";
import { restoreCommand } from "./restore.ts";
import { runsCommand } from "./runs.ts";
import { summaryCommand } from "./summary.ts";
import { copyCommand, exportCommand, importCommand } from "./transfer.ts";
import { treeCommand } from "./tree.ts";

const json = process.argv.includes("--json");

const program = new Command("run-blackboard")
  .description(
    "Shows and mends the blackboards of orchestration runs: files at <root>/<run>/blackboard.db, or a database.",
  )
  .showSuggestionAfterError()
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({
    outputError: (text, write) => {
      const message = text.trim().replace(/^error: /, "");
      write(
        json ? `${asJson({ error: { code: "USAGE", message } })}\n` : `${text.split("\n").map(printable).join("\n")}`,
      );
    },
  })
  .addHelpText(
    "after",
    `
Looking changes nothing: an older file is shown as it would be after a migration, and stays as it is.

Examples:
  run-blackboard runs
  run-blackboard summary abc123
  run-blackboard summary old/blackboard.db --json

Exit codes:
  ${exitCodes.current}  done; current; nothing found
  ${exitCodes.error}  an error; verify found something
  ${exitCodes.usage}  a command or an option that is none
  ${exitCodes.pending}  status, migrate --dry-run, verify: migrations are pending`,
  );

for (const command of [
  runsCommand(),
  summaryCommand(),
  treeCommand(),
  briefsCommand(),
  briefCommand(),
  eventsCommand(),
  retryCommand(),
  failCommand(),
  releaseCommand(),
  reportCommand(),
  exportCommand(),
  importCommand(),
  copyCommand(),
  backupCommand(),
  restoreCommand(),
  pruneCommand(),
  statusCommand(),
  migrateCommand(),
  verifyCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

endWhenNobodyReads();
try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own by then.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else {
    printError(error, json);
    process.exitCode = exitCodes.error;
  }
}
