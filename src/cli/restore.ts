/**
 * `restore`: replaces a run's file with a backup.
 */
import { Command } from "commander";
import { importFiles } from "./imports.ts";
import type { LocationOptions } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import { fileOf, isPath } from "./runs-by-name.ts";

interface RestoreOptions extends Pick<LocationOptions, "root" | "json"> {
  force?: boolean;
}

export function restoreCommand(): Command {
  return new Command("restore")
    .argument("<backup>", "file written by backup or migrate --backup")
    .argument(
      "<run|file>",
      "a run id under the root, or a path of a file or folder (contains a separator or ends in .db)",
    )
    .option("--root <dir>", "folder that contains the runs", "runs")
    .option("--force", "replace an existing file, and delete a leftover -wal or -journal")
    .option("--json", "print JSON instead of text")
    .description("restores a run's file from a backup, atomically")
    .addHelpText(
      "after",
      `
Fails while any process has the run open. Do not copy the .db file by hand instead: SQLite would apply a leftover -wal at
the target to the copy.

JSON: { location, backup, bytes, replaced }.

Examples:
  run-blackboard restore /backups/abc123.db abc123
  run-blackboard restore /backups/abc123.db abc123 --force`,
    )
    .action(async (backup: string, given: string, { root, force, json }: RestoreOptions) => {
      const { restoreBlackboard } = await importFiles();
      const restored = restoreBlackboard(backup, isPath(given) ? { file: fileOf(given) } : { runId: given, root }, {
        force,
      });
      if (json) await printJson(restored);
      else await printLine(`${printable(restored.location)}, ${Math.ceil(restored.bytes / 1000)} kB`);
    });
}
