/**
 * `prune`: deletes finished runs that nobody has touched for long.
 */
import { Command } from "commander";
import { InvalidInputError, type PrunedRun, pruneRuns } from "../index.ts";
import { importPostgres, type LocationOptions, withRoot } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import { paint } from "./terminal.ts";

interface PruneOptions extends LocationOptions {
  olderThan: string;
  dryRun?: boolean;
}

export function pruneCommand(): Command {
  return withRoot(new Command("prune"))
    .requiredOption("--older-than <age>", "how long ago the last change must be: 90m, 12h, 30d, 8w")
    .option("--dry-run", "say what would be deleted and change nothing")
    .description("deletes done and failed runs that have not been changed for so long")
    .addHelpText(
      "after",
      `
The last change is that of the run, its workstreams, its briefs or its newest event. A file that any process has open stays,
and so does what cannot be read. Of a run's folder only blackboard.db and SQLite's files beside it are deleted, and the folder
if it is empty then; links are not followed. Look with --dry-run first: there is no way back.

JSON: an array of { runId, location, status, changedAt, outcome, reason }; outcome is deleted, due (with --dry-run) or kept.

Examples:
  run-blackboard prune --older-than 30d --dry-run
  run-blackboard prune --older-than 30d
  run-blackboard prune --older-than 8w --postgres postgresql://app@db/agents`,
    )
    .action(async ({ root, postgres, json, olderThan, dryRun }: PruneOptions) => {
      const rule = { olderThanMs: milliseconds(olderThan), dryRun };
      const pruned =
        postgres === undefined
          ? pruneRuns({ root, ...rule })
          : await (await importPostgres()).prunePostgresRuns({ connection: postgres, ...rule });
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

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

function milliseconds(age: string): number {
  const [, count, unit = ""] = /^(\d+)([mhdw])$/.exec(age) ?? [];
  const perUnit = units[unit];
  if (count !== undefined && perUnit !== undefined) return Number(count) * perUnit;
  const message = `must be a number and a unit, m, h, d or w, such as 30d, got ${JSON.stringify(age)}`;
  throw new InvalidInputError([{ path: "--older-than", message }]);
}
