/**
 * `runs`: lists every run, including runs that cannot be read.
 */
import { Command } from "commander";
import type { RunListing } from "../index.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { type LocationOptions, serverOf, withRoot } from "./locations.ts";
import { describeError, printable, printJson, printLine } from "./output.ts";
import { age, bar, number, paint, percent, status, tableWriter } from "./terminal.ts";

export function runsCommand(): Command {
  return withRoot(new Command("runs"))
    .description(
      "lists every run: status, progress, failures, expired claims, last change, and why a run is unreadable",
    )
    .addHelpText(
      "after",
      `
JSON: an array of { runId, location, state, run, summary, error }; unknown values are null.

Examples:
  run-blackboard runs
  run-blackboard runs --root /var/lib/agents/runs --json
  run-blackboard runs --postgres postgresql://app@db/agents`,
    )
    .action(async ({ root, json, ...options }: LocationOptions) => {
      const server = serverOf(options);
      const listed = server
        ? await (await importPostgres()).listPostgresRuns(server)
        : (await importFiles()).listRuns({ root });
      if (json) await printJson(listed.map((one) => ({ ...one, error: one.error && describeError(one.error) })));
      else if (listed.length === 0) await printLine(`No runs under ${printable(server ? "this database" : root)}.`);
      else await draw(listed);
    });
}

async function draw(listed: RunListing[]): Promise<void> {
  const write = tableWriter([
    { name: "run", shrinks: "end" },
    { name: "status" },
    { name: "progress" },
    { name: "briefs", align: "right", drops: 1 },
    { name: "failed", align: "right" },
    { name: "stuck", align: "right" },
    { name: "changed", align: "right" },
    { name: "schema", drops: 3 },
    { name: "goal", shrinks: "end", drops: 2 },
  ]);
  await write(
    listed.map(({ runId, state, run, summary, error }) => {
      const name = printable(runId ?? "?");
      const schema = error ? paint("red", "unreadable") : status(state ?? "-");
      if (!run || !summary) {
        return [name, "-", "", "", "", "", "", schema, error ? "" : "the file contains no run yet"];
      }
      const { briefs, lastChangeAt, expiredLeases } = summary;
      const total = briefs.pending + briefs.active + briefs.done + briefs.failed;
      return [
        name,
        status(run.status),
        `${bar(briefs, 10)} ${percent(briefs)}`,
        number(total),
        briefs.failed === 0 ? "0" : paint("red", number(briefs.failed)),
        expiredLeases === 0 ? "0" : paint("red", number(expiredLeases)),
        age(lastChangeAt),
        schema,
        printable(run.goal),
      ];
    }),
  );
  for (const { runId, error } of listed) {
    if (error) await printLine(paint("red", `${printable(runId ?? "?")}: ${printable(error.message)}`));
  }
}
