/**
 * `export`, `import` and `copy`: writes a run as text, reads it back, and copies it to another location.
 */
import { once } from "node:events";
import { createReadStream, fstatSync, statSync } from "node:fs";
import { Command, Option } from "commander";
import {
  type ImportedRun,
  InvalidInputError,
  type RunDestination,
  type RunLocation,
  type RunPlace,
} from "../errors-and-types.ts";
import type { PostgresServer } from "../postgres.ts";
import { copyRun, exportRun, importRun } from "../transfer/move.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { type LocationOptions, locate, type RunOptions, serverOf, withRoot, withRun } from "./locations.ts";
import { harmless, messageOf, print, printable, printJson, printLine } from "./output.ts";
import { plural } from "./terminal.ts";
import { type Origin, originOf, writeWhole } from "./whole-file.ts";

export function exportCommand(): Command {
  return withRun(new Command("export"), "<run|file>")
    .description("writes a run as JSON Lines, in one format for SQLite and PostgreSQL")
    .option("-o, --output <file>", "file to write atomically (default: stdout)")
    .addHelpText(
      "after",
      `
One JSON object per line: a header with the run, then { "workstream": … }, { "brief": … } and { "event": … } lines, and an end
marker with their counts. The export is a snapshot: later writes are not in it. The output file gets the permissions of the
run's file; an existing file keeps its own where they are stricter.

JSON, with --output: { output, bytes }.

Examples:
  run-blackboard export abc123 --output abc123.jsonl
  run-blackboard export abc123 | gzip > abc123.jsonl.gz
  run-blackboard export abc123 --postgres postgresql://app@db/agents | run-blackboard import -`,
    )
    .action(async (given: string, { output, ...options }: RunOptions & { output?: string }) => {
      const { from, origin } = await source(given, options);
      const pieces = exportRun(from);
      if (output === undefined || output === "-") {
        // Payloads may contain terminal control characters; the escaped JSON parses to the same values.
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
    .argument("<file>", "file written by export, or - for stdin")
    .option("--run <id>", "run id to use instead of the exported one")
    .description("imports an exported run under the root or into a PostgreSQL database, atomically")
    .addHelpText(
      "after",
      `
Every line is validated. An existing run is never changed: use --run to import under a different id. A new file gets the
permissions of the file that is read.

JSON: { runId, location, workstreams, briefs, events }.

Examples:
  run-blackboard import abc123.jsonl
  run-blackboard import abc123.jsonl --run abc123-again
  gunzip < abc123.jsonl.gz | run-blackboard import - --postgres postgresql://app@db/agents`,
    )
    .action(async (file: string, { root, run, json, ...options }: LocationOptions & { run?: string }) => {
      const server = serverOf(options);
      const to = server ? await placeOn(server, run) : { root, runId: run };
      // Before stdin is examined: after fstat of a pipe, Node 20 loads the next module without resolving links in its path.
      if (!server) await importFiles();
      const text = file === "-" ? process.stdin : await readable(file);
      await report(await importRun(text, to, { mode: modeOf(file) }), json);
    });
}

interface CopyOptions extends RunOptions {
  toRoot?: string;
  toFile?: string;
  toPostgres?: string;
  toSchema?: string;
  toRun?: string;
}

export function copyCommand(): Command {
  return withRun(new Command("copy"), "<run|file>")
    .addOption(new Option("--to-root <dir>", "copy into this folder of runs").conflicts(["toFile", "toPostgres"]))
    .addOption(
      new Option("--to-file <file>", "copy into this file, which may contain other runs").conflicts("toPostgres"),
    )
    .option("--to-postgres <url>", "copy into this PostgreSQL database")
    .option("--to-schema <name>", "its schema with the tables, or another schema of the database of --postgres")
    .option("--to-run <id>", "run id of the copy (default: the run's own)")
    .description("copies a run to another folder, file or PostgreSQL database, atomically")
    .addHelpText(
      "after",
      `
Equivalent to export and import in one command. With only --to-run, the copy is written next to the original.

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
  const { root, toRoot, toFile, toSchema, toRun } = options;
  const server = serverOf(options);
  const toPostgres = options.toPostgres ?? (toSchema === undefined ? undefined : options.postgres);
  if (toSchema !== undefined && (toPostgres === undefined || toFile !== undefined || toRoot !== undefined)) {
    throw new InvalidInputError([
      { path: "--to-schema", message: "must be combined with --to-postgres or --postgres alone" },
    ]);
  }
  if (toFile !== undefined) return { file: toFile, runId: toRun };
  if (toRoot !== undefined) return { root: toRoot, runId: toRun };
  if (toPostgres !== undefined) return await placeOn({ connection: toPostgres, schema: toSchema }, toRun);
  if (toRun === undefined) {
    const message = "specify --to-run, --to-root, --to-file or --to-postgres: a run cannot be copied onto itself";
    throw new InvalidInputError([{ path: "--to-run", message }]);
  }
  return server ? await placeOn(server, toRun) : { root, runId: toRun };
}

async function source(given: string, options: RunOptions): Promise<{ from: RunLocation | RunPlace; origin: Origin }> {
  const server = serverOf(options);
  if (server) return { from: await placeOn(server, given), origin: originOf("", options) };
  const { runId, location } = await locate(given, options);
  return { from: { file: location, runId }, origin: originOf(location, options) };
}

async function placeOn(server: PostgresServer, runId: string | undefined): Promise<RunPlace> {
  const { postgresRun } = await importPostgres();
  return postgresRun({ ...server, runId });
}

async function report(imported: ImportedRun, json: boolean | undefined): Promise<void> {
  const { runId, location, workstreams, briefs, events } = imported;
  if (json) return await printJson(imported);
  const counted = [plural(workstreams, "workstream"), plural(briefs, "brief"), plural(events, "event")].join(", ");
  await printLine(`${printable(runId)}: ${counted} in ${printable(location)}`);
}

/** Returns the permissions of the input file; `undefined` for a pipe, whose permissions are meaningless. */
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
