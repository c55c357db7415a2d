/**
 * `backup`: copies a run's file while other processes write to it.
 */
import { Command } from "commander";
import { InvalidInputError } from "../errors-and-types.ts";
import { importFiles } from "./imports.ts";
import { locate, type RunOptions, withRun } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import { fileOf, isPath } from "./runs-by-name.ts";

export function backupCommand(): Command {
  return withRun(new Command("backup"), "<run|file>")
    .argument("<copy>", "path of the new file, which must not exist")
    .description("copies a run's file as of one moment, while other processes write to it")
    .addHelpText(
      "after",
      `
The copy opens like any other run file and is synced to disk before the command exits. On failure no copy is left. For
PostgreSQL, use pg_dump for the whole database and export for one run.

JSON: { location, backup, bytes }.

Example:
  run-blackboard backup abc123 /backups/abc123.db`,
    )
    .action(async (given: string, copy: string, options: RunOptions) => {
      if (options.postgres !== undefined) {
        const message = "there is no file to copy; use pg_dump, or export for one run";
        throw new InvalidInputError([{ path: "--postgres", message }]);
      }
      // A path is copied as is: the file may hold no run or several, which `locate` rejects.
      const file = isPath(given) ? fileOf(given) : (await locate(given, options)).location;
      const { backupBlackboard } = await importFiles();
      const made = backupBlackboard({ file }, copy);
      if (options.json) await printJson(made);
      else await printLine(`${printable(made.backup)}, ${Math.ceil(made.bytes / 1000)} kB`);
    });
}
