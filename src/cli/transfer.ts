/**
 * `export`, `import` and `copy`: a run as text, back again, and from one place to another.
 */
import { once } from "node:events";
import { createReadStream, fstatSync, statSync } from "node:fs";
import { Command, Option } from "commander";
import {
  copyRun,
  exportRun,
  type ImportedRun,
  InvalidInputError,
  importRun,
  type RunDestination,
  type RunLocation,
  type RunPlace,
} from "../index.ts";
import { importPostgres, type LocationOptions, locate, type RunOptions, withRoot, withRun } from "./locations.ts";
import { harmless, messageOf, print, printable, printJson, printLine } from "./output.ts";
import { type Origin, originOf, writeWhole } from "./whole-file.ts";

export function exportCommand(): Command {
  return withRun(new Command("export"), "<run|file>")
    .description("writes a run as JSON Lines, the same for files and databases")
    .option("-o, --output <file>", "where to instead of stdout; it is there whole or not at all")
    .addHelpText(
      "after",
      `
One JSON object a line: a head with the run, { "workstream": … }, { "brief": … }, { "event": … }, and an end that counts
them. It is the run of one moment, whatever is written meanwhile. The file is as private as the run's own, or more where it
was there already.

JSON, with --output: { "output": FILE, "bytes": N }.

Examples:
  run-blackboard export abc123 --output abc123.jsonl
  run-blackboard export abc123 | gzip > abc123.jsonl.gz
  run-blackboard export abc123 --postgres postgresql://app@db/agents | run-blackboard import -`,
    )
    .action(async (given: string, { output, ...options }: RunOptions & { output?: string }) => {
      const { from, origin } = await source(given, options);
      const pieces = exportRun(from);
      if (output === undefined || output === "-") {
        // To a terminal payloads are untrusted; to a program the text is the same either way.
        for await (const piece of pieces) await print(process.stdout.isTTY ? harmless(piece) : piece);
        return;
      }
      const bytes = await writeWhole(output, pieces, origin);
      if (options.json) await printJson({ output, bytes });
      else await printLine(`${printable(output)}, ${Math.ceil(bytes / 1000)} kB`);
    });
}

export function importCommand(): Command {
  return withRoot(new Command("import"))
    .argument("<file>", "what `export` has written; - for stdin")
    .option("--run <id>", "the id that the run gets instead of its own")
    .description("puts an exported run under the root or into a database: all of it or nothing")
    .addHelpText(
      "after",
      `
Every line is checked. A run that is there already is never touched: give another id. A file that is made is as private as
the one that is read.

JSON: { runId, location, workstreams, briefs, events }.

Examples:
  run-blackboard import abc123.jsonl
  run-blackboard import abc123.jsonl --run abc123-again
  gunzip < abc123.jsonl.gz | run-blackboard import - --postgres postgresql://app@db/agents`,
    )
    .action(async (file: string, { root, postgres, run, json }: LocationOptions & { run?: string }) => {
      const to = postgres === undefined ? { root, runId: run } : await server(postgres, run);
      const text = file === "-" ? process.stdin : await readable(file);
      await report(await importRun(text, to, { mode: modeOf(file) }), json);
    });
}

interface CopyOptions extends RunOptions {
  toRoot?: string;
  toFile?: string;
  toPostgres?: string;
  toRun?: string;
}

export function copyCommand(): Command {
  return withRun(new Command("copy"), "<run|file>")
    .addOption(new Option("--to-root <dir>", "another folder of runs").conflicts(["toFile", "toPostgres"]))
    .addOption(new Option("--to-file <file>", "a file, which may hold other runs").conflicts("toPostgres"))
    .option("--to-postgres <url>", "a PostgreSQL database")
    .option("--to-run <id>", "the id that the copy gets instead of the run's own")
    .description("copies a run to another place, also between files and databases: all of it or nothing")
    .addHelpText(
      "after",
      `
The same as export and import in one. Without any --to-… but --to-run the copy goes where the original is.

JSON: { runId, location, workstreams, briefs, events }.

Examples:
  run-blackboard copy abc123 --to-postgres postgresql://app@db/agents
  run-blackboard copy abc123 --postgres postgresql://app@db/agents --to-root runs
  run-blackboard copy abc123 --to-run abc123-experiment`,
    )
    .action(async (given: string, options: CopyOptions) => {
      const { from } = await source(given, options);
      await report(await copyRun(from, await destination(options)), options.json);
    });
}

async function destination(options: CopyOptions): Promise<RunDestination | RunPlace> {
  const { root, postgres, toRoot, toFile, toPostgres, toRun } = options;
  if (toFile !== undefined) return { file: toFile, runId: toRun };
  if (toRoot !== undefined) return { root: toRoot, runId: toRun };
  if (toPostgres !== undefined) return await server(toPostgres, toRun);
  if (toRun === undefined) {
    const message = "must be given, or --to-root, --to-file or --to-postgres: a run is not copied onto itself";
    throw new InvalidInputError([{ path: "--to-run", message }]);
  }
  return postgres === undefined ? { root, runId: toRun } : await server(postgres, toRun);
}

async function source(given: string, options: RunOptions): Promise<{ from: RunLocation | RunPlace; origin: Origin }> {
  const { postgres } = options;
  if (postgres !== undefined) return { from: await server(postgres, given), origin: originOf("", options) };
  const { runId, location } = await locate(given, options);
  return { from: { file: location, runId }, origin: originOf(location, options) };
}

async function server(connection: string, runId: string | undefined): Promise<RunPlace> {
  const { postgresRun } = await importPostgres();
  return postgresRun({ connection, runId });
}

async function report(imported: ImportedRun, json: boolean | undefined): Promise<void> {
  const { runId, location, workstreams, briefs, events } = imported;
  if (json) return await printJson(imported);
  await printLine(
    `${printable(runId)}: ${workstreams} workstreams, ${briefs} briefs, ${events} events in ${printable(location)}`,
  );
}

/** The permissions of what is read; `undefined` for a pipe, which has none that say something. */
function modeOf(file: string): number | undefined {
  const stats = file === "-" ? fstatSync(process.stdin.fd) : statSync(file);
  return stats.isFile() ? stats.mode & 0o777 : undefined;
}

async function readable(file: string): Promise<NodeJS.ReadableStream & AsyncIterable<Buffer>> {
  const stream = createReadStream(file);
  try {
    await once(stream, "open");
    return stream;
  } catch (cause) {
    throw new InvalidInputError([{ path: "file", message: `cannot be read: ${messageOf(cause)}` }], { cause });
  }
}
