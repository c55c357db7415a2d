/**
 * `backup`: a copy of a run's file while others write to it.
 */
import { Command } from "commander";
import { backupBlackboard, InvalidInputError } from "../index.ts";
import { isPath, locate, type RunOptions, withRun } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";

export function backupCommand(): Command {
  return withRun(new Command("backup"), "<run|file>")
    .argument("<copy>", "the file to be made; none is overwritten")
    .description("copies a run's file, as it is at one moment, while others go on writing")
    .addHelpText(
      "after",
      `
The copy opens like any other file, and has reached the disk when the command ends. When it fails there is none. A database
is backed up with pg_dump, a single run of it with export.

JSON: { location, backup, bytes }.

Example:
  run-blackboard backup abc123 /backups/abc123.db`,
    )
    .action(async (given: string, copy: string, options: RunOptions) => {
      if (options.postgres !== undefined) {
        const message = "has no file to copy: use pg_dump, or export for one run";
        throw new InvalidInputError([{ path: "--postgres", message }]);
      }
      // A file is copied whatever it holds, also with no run or several.
      const file = isPath(given) ? given : (await locate(given, options)).location;
      const made = backupBlackboard({ file }, copy);
      if (options.json) await printJson(made);
      else await printLine(`${printable(made.backup)}, ${Math.ceil(made.bytes / 1000)} kB`);
    });
}
