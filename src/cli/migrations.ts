/**
 * `status`, `migrate` and `verify`: reports pending migrations, applies them, and checks files for damage.
 */
import { Command } from "commander";
import { type BlackboardLocation, InvalidInputError } from "../errors-and-types.ts";
import type { MigrationStatus, Verification } from "../index.ts";
import type { PostgresServer } from "../postgres.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { type LocationOptions, serverOf, withRoot } from "./locations.ts";
import { describeError, exitCodes, messageOf, printable, printError, printJson, printLine } from "./output.ts";
import { fileOf, findRun, isPath } from "./runs-by-name.ts";
import { plural } from "./terminal.ts";

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface FileOptions extends LocationOptions {
  all?: boolean;
}

/** A run's file, or a whole PostgreSQL schema. */
type Place = { file: BlackboardLocation; server?: never } | { file?: never; server: PostgresServer };

interface Named {
  /** The run id or path as it was passed. */
  name: string;
  place: Place;
}

function withFile(command: Command): Command {
  return withRoot(
    command.argument(
      "[run|file]",
      "a run id under the root, its end or beginning, or a path of a file or folder (contains a separator or ends in .db)",
    ),
  ).option("--all", "process every run under the root");
}

async function locate(given: string | undefined, { root, all, ...options }: FileOptions): Promise<Named[]> {
  const server = serverOf(options);
  if (server && given === undefined && all !== true) {
    return [{ name: "database", place: { server } }];
  }
  if (all === true && given === undefined && !server) {
    const { listRunIds } = await importFiles();
    return listRunIds({ root }).map((runId) => ({ name: runId, place: { file: { runId, root } } }));
  }
  if (given === undefined || all === true || server) {
    const message = "specify exactly one of: a run or file, --all, --postgres URL";
    throw new InvalidInputError([{ path: "run|file", message }]);
  }
  const { file } = isPath(given) ? { file: fileOf(given) } : await findRun(given, root);
  return [{ name: given, place: { file: { file } } }];
}

/** A command's result for one file or database. */
interface Answer {
  /** The text output, already printable. */
  line: string;
  json: object;
  exitCode: ExitCode;
}

/** Calls `ask` for each file; a failure does not stop the others. Exits with `error` if any failed, else `pending` if any is. */
async function answer(
  given: string | undefined,
  options: FileOptions,
  ask: (place: Place) => Answer | Promise<Answer>,
): Promise<void> {
  const json = options.json === true;
  const many = options.all === true;
  const codes: ExitCode[] = [];
  const objects: object[] = [];
  for (const named of await locate(given, options)) {
    try {
      const { line, json: object, exitCode } = await ask(named.place);
      codes.push(exitCode);
      objects.push(many ? { runId: named.name, ...object } : object);
      if (!json) await printLine(`${printable(named.name)}: ${line}`);
    } catch (error) {
      codes.push(exitCodes.error);
      if (!many) printError(error, json);
      else if (json) objects.push({ runId: named.name, error: describeError(error) });
      else await printLine(printable(`${named.name}: ${messageOf(error)}`));
    }
  }
  if (json && many) await printJson(objects);
  else if (json && objects[0]) await printJson(objects[0]);
  const worst = [exitCodes.error, exitCodes.pending].find((code) => codes.includes(code));
  process.exitCode = worst ?? exitCodes.current;
}

function describe(status: MigrationStatus): Answer {
  const { state, applied, pending } = status;
  const line = {
    absent: "file not found",
    empty: `empty, ${plural(pending.length, "migration")} pending`,
    reference: `written by the Python reference, ${plural(pending.length, "migration")} pending`,
    pending: `pending: ${pending.join(", ")}`,
    current: `current, ${plural(applied.length, "migration")} applied`,
  }[state];
  const exitCode = state === "absent" ? exitCodes.error : state === "current" ? exitCodes.current : exitCodes.pending;
  return { line: `${line} (${printable(status.location)})`, json: status, exitCode };
}

export function statusCommand(): Command {
  return withFile(new Command("status"))
    .description("shows which migrations a file has and which are pending; changes nothing")
    .addHelpText("after", "\nExamples:\n  run-blackboard status abc123\n  run-blackboard status --all --json")
    .action((given: string | undefined, options: FileOptions) => {
      return answer(given, options, async ({ file, server }) =>
        describe(
          file
            ? (await importFiles()).migrationStatus(file)
            : await (await importPostgres()).postgresMigrationStatus(server),
        ),
      );
    });
}

export function migrateCommand(): Command {
  return withFile(new Command("migrate"))
    .description("applies all pending migrations to a file in one transaction")
    .option("--dry-run", "print pending migrations without applying them")
    .option("--backup", "first write a consistent copy next to the file")
    .addHelpText(
      "after",
      "\nExamples:\n  run-blackboard migrate abc123 --backup\n  run-blackboard migrate --all --dry-run",
    )
    .action((given: string | undefined, options: FileOptions & { dryRun?: boolean; backup?: boolean }) => {
      const { dryRun, backup } = options;
      return answer(given, options, async ({ file, server }) => {
        if (!file) return describe(await migrateServer(server, dryRun === true, backup === true));
        const { migrateBlackboard } = await importFiles();
        const status = migrateBlackboard({ ...file, dryRun, backup });
        const { line, ...rest } = describe(status);
        return {
          ...rest,
          line: status.backup === undefined ? line : `${line}; backup: ${printable(status.backup)}`,
        };
      });
    });
}

async function migrateServer(server: PostgresServer, dryRun: boolean, backup: boolean) {
  if (backup)
    throw new InvalidInputError([
      { path: "--backup", message: "only files can be backed up; use pg_dump for PostgreSQL" },
    ]);
  const { migratePostgresBlackboard, postgresMigrationStatus } = await importPostgres();
  return await (dryRun ? postgresMigrationStatus : migratePostgresBlackboard)(server);
}

export function verifyCommand(): Command {
  return withFile(new Command("verify"))
    .description(
      "checks for damage, schema mismatches, dangling references, cycles and incorrect counts; changes nothing",
    )
    .option(
      "--repair",
      "recreate missing or changed indexes and triggers, and recompute incorrect counts (writes to the file, or to all runs of a database)",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  run-blackboard verify abc123\n  run-blackboard verify old/blackboard.db --repair --json",
    )
    .action((given: string | undefined, options: FileOptions & { repair?: boolean }) => {
      const { repair } = options;
      return answer(given, options, async ({ file, server }) => {
        if (file) return report((await importFiles()).verifyBlackboard({ ...file, repair }));
        return report(await (await importPostgres()).verifyPostgresBlackboard({ ...server, repair }));
      });
    });
}

function report(verification: Verification): Answer {
  const { state, problems, repaired = [] } = verification;
  const listed = (title: string, list: typeof problems) =>
    list.map(({ kind, message }) => `\n  ${title}${kind}: ${printable(message)}`).join("");
  const clean = state === "current" ? exitCodes.current : exitCodes.pending;
  return {
    line: `${problems.length === 0 ? "no problems found" : `${plural(problems.length, "problem")} found`} (${state})${listed("repaired ", repaired)}${listed("", problems)}`,
    json: verification,
    exitCode: problems.length > 0 ? exitCodes.error : clean,
  };
}
