/**
 * `report`: a run as one HTML file.
 */
import { Command } from "commander";
import { reportRun } from "../index.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { print, printable, printJson, printLine } from "./output.ts";
import { originOf, writeWhole } from "./whole-file.ts";

interface ReportOptions extends RunOptions {
  output: string;
}

export function reportCommand(): Command {
  return withRun(new Command("report"), "<run|file>")
    .description("writes a run as one HTML file that stands alone: tree, timeline, durations, failures, charts")
    .requiredOption("-o, --output <file>", "where to; - for stdout; it is there whole or not at all")
    .addHelpText(
      "after",
      `
The file is as private as the run's own, or more where it was there already.

JSON: { "output": FILE, "bytes": N }.

Examples:
  run-blackboard report abc123 --output abc123.html`,
    )
    .action((given: string, { output, ...options }: ReportOptions) =>
      look(given, options, async ({ board }) => {
        const page = await reportRun(board);
        if (output === "-") return print(page);
        const bytes = await writeWhole(output, [page], originOf(board.location, options));
        if (options.json) await printJson({ output, bytes });
        else await printLine(`${printable(output)}, ${Math.ceil(bytes / 1000)} kB`);
      }),
    );
}
