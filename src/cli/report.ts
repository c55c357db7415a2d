/**
 * `report`: writes a run as one HTML file.
 */
import { Command } from "commander";
import { reportRun } from "../inspect.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { print, printable, printJson, printLine } from "./output.ts";
import { originOf, writeWhole } from "./whole-file.ts";

interface ReportOptions extends RunOptions {
  output: string;
}

export function reportCommand(): Command {
  return withRun(new Command("report"), "<run|file>")
    .description("writes a run as one self-contained HTML file: tree, timeline, durations, failures, charts")
    .requiredOption("-o, --output <file>", "file to write atomically, or - for stdout")
    .addHelpText(
      "after",
      `
The output file gets the permissions of the run's file; an existing file keeps its own where they are stricter.

JSON: { output, bytes }.

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
