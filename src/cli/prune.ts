/**
 * `prune`: deletes finished runs that have not changed for a given time.
 */
import { Command } from "commander";
import type { PrunedRun } from "../errors-and-types.ts";
import { milliseconds } from "./durations.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { type LocationOptions, serverOf, withRoot } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import { paint } from "./terminal.ts";

interface PruneOptions extends LocationOptions {
  olderThan: string;
  dryRun?: boolean;
}

export function pruneCommand(): Command {
  return withRoot(new Command("prune"))
    .requiredOption(
      "--older-than <age>",
      "minimum time since the last change: a number and m, h, d or w, such as 12h or 30d",
    )
    .option("--dry-run", "print what would be deleted without deleting it")
    .description("deletes done and failed runs not modified within --older-than")
    .addHelpText(
      "after",
      `
The last change is the latest time stored in the run, its workstreams, its briefs and its newest event. A file that is open
in any process or that cannot be read is kept. Only blackboard.db and SQLite's companion files are deleted, then the run's
folder if it is empty. Symbolic links are not followed. Deletion cannot be undone: use --dry-run first.

JSON: an array of { runId, location, status, changedAt, outcome, reason }; outcome is deleted, due (with --dry-run) or kept.

Examples:
  run-blackboard prune --older-than 30d --dry-run
  run-blackboard prune --older-than 30d
  run-blackboard prune --older-than 8w --postgres postgresql://app@db/agents`,
    )
    .action(async ({ olderThan, dryRun, root, json, ...options }: PruneOptions) => {
      const rule = { olderThanMs: milliseconds("--older-than", olderThan), dryRun };
      const server = serverOf(options);
      const pruned = server
        ? await (await importPostgres()).prunePostgresRuns({ ...server, ...rule })
        : (await importFiles()).pruneRuns({ root, ...rule });
      if (json) return await printJson(pruned);
      for (const run of pruned) await printLine(lineOf(run));
      const gone = pruned.filter(({ outcome }) => outcome !== "kept").length;
      await printLine(`${gone} ${dryRun ? "would be deleted" : "deleted"}, ${pruned.length - gone} kept`);
    });
}

function lineOf({ runId, status, changedAt, outcome, reason }: PrunedRun): string {
  const name = printable(runId);
  if (outcome === "kept") return `${paint("gray", "kept")}     ${name}: ${printable(reason ?? "")}`;
  const what = outcome === "deleted" ? "deleted " : "due     ";
  return `${paint("red", what)} ${name}: ${printable(status)}, last changed at ${printable(changedAt ?? "")}`;
}
