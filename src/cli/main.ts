#!/usr/bin/env node
/**
 * The `run-blackboard` command: inspects and repairs runs. Each subcommand calls a function of the package.
 */
import { Command, CommanderError } from "commander";
import { agentsCommand } from "./agents.ts";
import { backupCommand } from "./backup.ts";
import { briefCommand } from "./brief.ts";
import { briefsCommand } from "./briefs.ts";
import { cancelCommand } from "./cancel.ts";
import { completeName, completionCommand, printCandidates } from "./completion.ts";
import { useEnvironment } from "./environment.ts";
import { eventsCommand } from "./events.ts";
import { grantsCommand } from "./grants.ts";
import { refuseConnections } from "./locations.ts";
import { migrateCommand, statusCommand, verifyCommand } from "./migrations.ts";
import { failCommand, releaseCommand, retryCommand } from "./moves.ts";
import { asJson, exitCodes, exitOnBrokenPipe, printable, printError } from "./output.ts";
import { pruneCommand } from "./prune.ts";
import { reportCommand } from "./report.ts";
import { restoreCommand } from "./restore.ts";
import { runsCommand } from "./runs.ts";
import { setStatusCommand } from "./set-status.ts";
import { summaryCommand } from "./summary.ts";
import { copyCommand, exportCommand, importCommand } from "./transfer.ts";
import { treeCommand } from "./tree.ts";
import { version } from "./version.ts";

const json = process.argv.includes("--json");

const program = new Command("run-blackboard")
  .description(
    "Inspects, repairs and moves orchestration runs: SQLite files at <root>/<run>/blackboard.db, or a PostgreSQL database.",
  )
  .version(version(), "--version", "print the version")
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
Commands that only read never write to a file and never migrate it: a file with an older schema is shown as if migrated.
Run "run-blackboard help <command>" for its options, examples and JSON output.

An id of more than 16 characters is shown as … and its end. Where an id is expected, its end or beginning will do; --wide shows
ids in full.

Environment:
  RUN_BLACKBOARD_ROOT      folder that contains the runs, instead of "runs"
  RUN_BLACKBOARD_POSTGRES  PostgreSQL database to use instead of files, unless a path or --root is given

Examples:
  run-blackboard runs
  run-blackboard summary abc123
  run-blackboard summary old/blackboard.db --json

Exit codes:
  ${exitCodes.current}  success
  ${exitCodes.error}  an error, or verify found a problem
  ${exitCodes.usage}  usage error, such as an unknown command or option
  ${exitCodes.pending}  migrations are pending (status, migrate --dry-run, verify)`,
  );

for (const command of [
  runsCommand(),
  summaryCommand(),
  treeCommand(),
  briefsCommand(),
  briefCommand(),
  eventsCommand(),
  agentsCommand(),
  retryCommand(),
  failCommand(),
  releaseCommand(),
  cancelCommand(),
  setStatusCommand(),
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
  grantsCommand(),
  completionCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

program.hook("preAction", (_, command) => useEnvironment(command));

exitOnBrokenPipe();
try {
  const words = process.argv.slice(2);
  if (words[0] === completeName) await printCandidates(program, words.slice(2));
  else {
    refuseConnections(words);
    await program.parseAsync();
  }
} catch (error) {
  // Commander has already printed its own errors.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else {
    printError(error, json);
    process.exitCode = exitCodes.error;
  }
}
