/**
 * `status`, `migrate` and `verify`: how far files are, bringing them up to date, and what is wrong with them.
 */
import { Command } from "commander";
import {
  type MigrationStatus,
  migrateBlackboard,
  migrationStatus,
  type Verification,
  verifyBlackboard,
} from "../index.ts";
import { type LocationOptions, locate, type Named, withLocation } from "./locations.ts";
import { describeError, exitCodes, messageOf, printError, printJson, printLine } from "./output.ts";

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What a command has to say about one blackboard. */
interface Answer {
  line: string;
  json: object;
  exitCode: ExitCode;
}

/** Asks about each blackboard in turn: one that fails does not hide the others. An error weighs more than a pending one. */
function answer(given: string | undefined, options: LocationOptions, ask: (named: Named) => Answer): void {
  const json = options.json === true;
  const many = options.all === true;
  const codes: ExitCode[] = [];
  const objects: object[] = [];
  for (const named of locate(given, options)) {
    try {
      const { line, json: object, exitCode } = ask(named);
      codes.push(exitCode);
      objects.push(many ? { runId: named.name, ...object } : object);
      if (!json) printLine(`${named.name}: ${line}`);
    } catch (error) {
      codes.push(exitCodes.error);
      if (!many) printError(error, json);
      else if (json) objects.push({ runId: named.name, error: describeError(error) });
      else printLine(`${named.name}: ${messageOf(error)}`);
    }
  }
  if (json && many) printJson(objects);
  else if (json && objects[0]) printJson(objects[0]);
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
  return { line: `${line} (${status.location})`, json: status, exitCode };
}

export function statusCommand(): Command {
  return withLocation(new Command("status"))
    .description("says how far a file is, and leaves no trace")
    .addHelpText("after", "\nExamples:\n  run-blackboard status abc123\n  run-blackboard status --all --json")
    .action((given: string | undefined, options: LocationOptions) => {
      answer(given, options, ({ location }) => describe(migrationStatus(location)));
    });
}

export function migrateCommand(): Command {
  return withLocation(new Command("migrate"))
    .description("brings a file up to date, all of it or nothing")
    .option("--dry-run", "say what would be done and change nothing")
    .option("--backup", "write a consistent copy beside the file first")
    .addHelpText(
      "after",
      "\nExamples:\n  run-blackboard migrate abc123 --backup\n  run-blackboard migrate --all --dry-run",
    )
    .action((given: string | undefined, options: LocationOptions & { dryRun?: boolean; backup?: boolean }) => {
      const { dryRun, backup } = options;
      answer(given, options, ({ location }) => {
        const status = migrateBlackboard({ ...location, dryRun, backup });
        const { line, ...rest } = describe(status);
        return {
          ...rest,
          line: status.backup === undefined ? line : `${line}; a copy of it as it was: ${status.backup}`,
        };
      });
    });
}

export function verifyCommand(): Command {
  return withLocation(new Command("verify"))
    .description("looks for damage, a strange schema, broken references and wrong counts, and changes nothing")
    .option("--repair", "make wrong counts anew, which writes")
    .addHelpText(
      "after",
      "\nExamples:\n  run-blackboard verify abc123\n  run-blackboard verify old/blackboard.db --repair --json",
    )
    .action((given: string | undefined, options: LocationOptions & { repair?: boolean }) => {
      const { repair } = options;
      answer(given, options, ({ location }) => report(verifyBlackboard({ ...location, repair })));
    });
}

function report(verification: Verification): Answer {
  const { state, problems, repaired = [] } = verification;
  const text = (list: typeof problems) => list.map(({ kind, message }) => `${kind}: ${message}`).join("; ");
  const found = problems.length === 0 ? "nothing found" : text(problems);
  const clean = state === "current" ? exitCodes.current : exitCodes.pending;
  return {
    line: `${repaired.length === 0 ? "" : `repaired ${text(repaired)}; `}${found} (${state})`,
    json: verification,
    exitCode: problems.length > 0 ? exitCodes.error : clean,
  };
}
