/**
 * `restore`: puts a backup in a run's place.
 */
import { Command } from "commander";
import { restoreBlackboard } from "../index.ts";
import { isPath, type LocationOptions } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";

interface RestoreOptions extends Pick<LocationOptions, "root" | "json"> {
  force?: boolean;
}

export function restoreCommand(): Command {
  return new Command("restore")
    .argument("<backup>", "a file that `backup` or `migrate --backup` has written")
    .argument("<run|file>", "a run under the root, or a path (contains a separator or ends in .db)")
    .option("--root <dir>", "the folder that holds the runs", "runs")
    .option("--force", "replace a file that exists, and delete the -wal or -journal that one has left")
    .option("--json", "print JSON")
    .description("copies a backup into a run's place: all of it or nothing")
    .addHelpText(
      "after",
      `
Refused while any process has the run open. Copying the .db file by hand is not the same: a -wal that lies at the target
would be applied to the copy.

JSON: { location, backup, bytes, replaced }.

Examples:
  run-blackboard restore /backups/abc123.db abc123
  run-blackboard restore /backups/abc123.db abc123 --force`,
    )
    .action(async (backup: string, given: string, { root, force, json }: RestoreOptions) => {
      const restored = restoreBlackboard(backup, isPath(given) ? { file: given } : { runId: given, root }, { force });
      if (json) await printJson(restored);
      else await printLine(`${printable(restored.location)}, ${Math.ceil(restored.bytes / 1000)} kB`);
    });
}
