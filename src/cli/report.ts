/**
 * `report`: writes a run as one HTML file.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { InvalidInputError } from "../errors-and-types.ts";
import { reportRun } from "../inspect.ts";
import { openInBrowser } from "./browser.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { print, printable, printJson, printLine } from "./output.ts";
import { size } from "./progress.ts";
import { originOf, writeWhole } from "./whole-file.ts";

interface ReportOptions extends RunOptions {
  output?: string;
  open?: boolean;
}

export function reportCommand(): Command {
  return withRun(new Command("report"), "<run|file>")
    .description("writes a run as one self-contained HTML file: tree, timeline, durations, failures, charts")
    .option("-o, --output <file>", "file to write atomically, or - for stdout")
    .option("--open", "open it in the browser; without --output it is a temporary file")
    .addHelpText(
      "after",
      `
The output file gets the permissions of the run's file; an existing file keeps its own where they are stricter.

JSON: { output, bytes }.

Examples:
  run-blackboard report abc123 --output abc123.html
  run-blackboard report abc123 --open`,
    )
    .action((given: string, { output, open, ...options }: ReportOptions) => {
      if (output === undefined && !open) throw refuse("--output", "is required, or --open");
      if (output === "-" && open) throw refuse("--open", "needs a file: --output - is stdout");
      return look(given, options, async ({ board }) => {
        const page = await reportRun(board);
        if (output === "-") return print(page);
        const file = output ?? join(await mkdtemp(join(tmpdir(), "run-blackboard-report-")), "report.html");
        const bytes = await writeWhole(file, [page], originOf(board.location, options));
        if (options.json) await printJson({ output: file, bytes });
        else await printLine(`${printable(file)}, ${size(bytes)}`);
        if (open) await openInBrowser(resolve(file));
      });
    });
}

function refuse(path: string, message: string): InvalidInputError {
  return new InvalidInputError([{ path, message }]);
}
