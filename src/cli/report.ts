/**
 * `report`: a run as one HTML file.
 */
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { InvalidInputError, reportRun } from "../index.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { messageOf, print, printable, printJson, printLine } from "./output.ts";

interface ReportOptions extends RunOptions {
  output: string;
}

export function reportCommand(): Command {
  return withRun(new Command("report"), "<run|file>")
    .description("writes a run as one HTML file that stands alone: tree, timeline, durations, failures, charts")
    .requiredOption("-o, --output <file>", "where to; - for stdout")
    .addHelpText(
      "after",
      `
JSON: { "output": FILE, "bytes": N }.

Examples:
  run-blackboard report abc123 --output abc123.html`,
    )
    .action((given: string, { output, ...options }: ReportOptions) =>
      look(given, options, async ({ board }) => {
        const page = await reportRun(board);
        if (output === "-") return print(page);
        try {
          writeFileSync(output, page);
        } catch (cause) {
          throw new InvalidInputError([{ path: "--output", message: `cannot be written: ${messageOf(cause)}` }], {
            cause,
          });
        }
        const bytes = Buffer.byteLength(page);
        if (options.json) await printJson({ output, bytes });
        else await printLine(`${printable(output)}, ${Math.ceil(bytes / 1000)} kB`);
      }),
    );
}
