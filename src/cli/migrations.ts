/**
 * `status`, `migrate` and `verify`: how far files are, bringing them up to date, and what is wrong with them.
 */
import { Command } from "commander";
import {
  type BlackboardLocation,
  InvalidInputError,
  listRunIds,
  type MigrationStatus,
  migrateBlackboard,
  migrationStatus,
  type Verification,
  verifyBlackboard,
} from "../index.ts";
import { importPostgres, isPath, type LocationOptions, withRoot } from "./locations.ts";
import { describeError, exitCodes, messageOf, printable, printError, printJson, printLine } from "./output.ts";

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface FileOptions extends LocationOptions {
  all?: boolean;
}

/** What a question is about; the URL of a database stands for all of it. */
type Place = { file: BlackboardLocation; url?: never } | { file?: never; url: string };

interface Named {
  /** The run, or the path that was given. */
  name: string;
  place: Place;
}

function withFile(command: Command): Command {
  return withRoot(
    command.argument("[run|file]", "a run under the root, or a path: what has a separator or ends in .db"),
  ).option("--all", "every run under the root");
}

function locate(given: string | undefined, { root, all, postgres }: FileOptions): Named[] {
  if (postgres !== undefined && given === undefined && all !== true) {
    return [{ name: "database", place: { url: postgres } }];
  }
  if (all === true && given === undefined && postgres === undefined) {
    return listRunIds({ root }).map((runId) => ({ name: runId, place: { file: { runId, root } } }));
  }
  if (given === undefined || all === true || postgres !== undefined) {
    const message = "must be given, or --all, or --postgres for a whole database: one of the three";
    throw new InvalidInputError([{ path: "run|file", message }]);
  }
  return [{ name: given, place: { file: isPath(given) ? { file: given } : { runId: given, root } } }];
}

/** What a command has to say about one blackboard. */
interface Answer {
  /** For people, printable. */
  line: string;
  json: object;
  exitCode: ExitCode;
}

/** Asks about each blackboard in turn: one that fails does not hide the others. An error weighs more than a pending one. */
async function answer(
  given: string | undefined,
  options: FileOptions,
  ask: (place: Place) => Answer | Promise<Answer>,
): Promise<void> {
  const json = options.json === true;
  const many = options.all === true;
  const codes: ExitCode[] = [];
  const objects: object[] = [];
  for (const named of locate(given, options)) {
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
    absent: "there is no file",
    empty: `empty, ${pending.length} migrations pending`,
    reference: `written by the Python reference, ${pending.length} migrations pending`,
    pending: `pending: ${pending.join(", ")}`,
    current: `current, ${applied.length} migrations`,
  }[state];
  const exitCode = state === "absent" ? exitCodes.error : state === "current" ? exitCodes.current : exitCodes.pending;
  return { line: `${line} (${printable(status.location)})`, json: status, exitCode };
}

export function statusCommand(): Command {
  return withFile(new Command("status"))
    .description("says how far a file is, and leaves no trace")
    .addHelpText("after", "\nExamples:\n  run-blackboard status abc123\n  run-blackboard status --all --json")
    .action((given: string | undefined, options: FileOptions) => {
      return answer(given, options, async ({ file, url }) =>
        describe(
          file ? migrationStatus(file) : await (await importPostgres()).postgresMigrationStatus({ connection: url }),
        ),
      );
    });
}

export function migrateCommand(): Command {
  return withFile(new Command("migrate"))
    .description("brings a file up to date, all of it or nothing")
    .option("--dry-run", "say what would be done and change nothing")
    .option("--backup", "write a consistent copy beside the file first")
    .addHelpText(
      "after",
      "\nExamples:\n  run-blackboard migrate abc123 --backup\n  run-blackboard migrate --all --dry-run",
    )
    .action((given: string | undefined, options: FileOptions & { dryRun?: boolean; backup?: boolean }) => {
      const { dryRun, backup } = options;
      return answer(given, options, async ({ file, url }) => {
        if (!file) return describe(await migrateServer(url, dryRun === true, backup === true));
        const status = migrateBlackboard({ ...file, dryRun, backup });
        const { line, ...rest } = describe(status);
        return {
          ...rest,
          line: status.backup === undefined ? line : `${line}; a copy of it as it was: ${printable(status.backup)}`,
        };
      });
    });
}

async function migrateServer(connection: string, dryRun: boolean, backup: boolean) {
  if (backup) throw new InvalidInputError([{ path: "--backup", message: "is for files; use pg_dump for a database" }]);
  const { migratePostgresBlackboard, postgresMigrationStatus } = await importPostgres();
  return await (dryRun ? postgresMigrationStatus : migratePostgresBlackboard)({ connection });
}

export function verifyCommand(): Command {
  return withFile(new Command("verify"))
    .description("looks for damage, a strange schema, broken references, cycles and wrong counts, and changes nothing")
    .option("--repair", "make missing or changed indexes and triggers and wrong counts again, which writes")
    .addHelpText(
      "after",
      "\nExamples:\n  run-blackboard verify abc123\n  run-blackboard verify old/blackboard.db --repair --json",
    )
    .action((given: string | undefined, options: FileOptions & { repair?: boolean }) => {
      const { repair } = options;
      return answer(given, options, async ({ file, url }) => {
        if (file) return report(verifyBlackboard({ ...file, repair }));
        if (repair)
          throw new InvalidInputError([{ path: "--repair", message: "is for files; a database counts anew" }]);
        return report(await (await importPostgres()).verifyPostgresBlackboard({ connection: url }));
      });
    });
}

function report(verification: Verification): Answer {
  const { state, problems, repaired = [] } = verification;
  const listed = (title: string, list: typeof problems) =>
    list.map(({ kind, message }) => `\n  ${title}${kind}: ${printable(message)}`).join("");
  const clean = state === "current" ? exitCodes.current : exitCodes.pending;
  return {
    line: `${problems.length === 0 ? "nothing found" : `${problems.length} found`} (${state})${listed("repaired ", repaired)}${listed("", problems)}`,
    json: verification,
    exitCode: problems.length > 0 ? exitCodes.error : clean,
  };
}
