/**
 * `completion`: prints a script with which a shell completes commands, options, runs and briefs. The script asks the hidden
 * command `__complete`, whose arguments are `--` and the words up to the cursor, for one candidate a line.
 */
import { Argument, Command, type Option } from "commander";
import { type Blackboard, BlackboardError, type Mode } from "../errors-and-types.ts";
import { summarizeRun } from "../inspect.ts";
import { type Named, readIds } from "../operator.ts";
import { useEnvironment } from "./environment.ts";
import { endOf } from "./ids.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { look, type RunOptions, serverOf } from "./locations.ts";
import { printLine, steers } from "./output.ts";

const scripts = {
  bash: `_run_blackboard() {
  local candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("$(printf '%q' "$candidate")")
  done < <(run-blackboard __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _run_blackboard run-blackboard
`,
  zsh: `#compdef run-blackboard
_run_blackboard() {
  local -a candidates
  candidates=("\${(@f)$(run-blackboard __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$candidates" ]]; then compadd -- "\${candidates[@]}"; else _files; fi
}
compdef _run_blackboard run-blackboard
`,
  fish: `complete -c run-blackboard -a '(run-blackboard __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
} as const;

export function completionCommand(): Command {
  return new Command("completion")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(scripts)))
    .description("prints a script with which a shell completes commands, options, runs and briefs")
    .addHelpText(
      "after",
      `
Examples:
  source <(run-blackboard completion bash)     # in ~/.bashrc
  source <(run-blackboard completion zsh)      # in ~/.zshrc, after compinit
  run-blackboard completion fish | source      # in ~/.config/fish/config.fish`,
    )
    .action((shell: keyof typeof scripts) => printLine(scripts[shell].trimEnd()));
}

export const completeName = "__complete";

/** Prints what the last word may be completed to. Whatever fails, a shell must not show an error in the middle of a line. */
export async function printCandidates(program: Command, words: readonly string[]): Promise<void> {
  try {
    const typed = words.at(-1) ?? "";
    const found = await candidates(program, words.slice(0, -1), typed);
    const matching = [...new Set(found)].filter((one) => one.startsWith(typed) && one.length <= 256 && !steers(one));
    for (const one of matching) await printLine(one);
  } catch (error) {
    if (!(error instanceof BlackboardError)) throw error;
  }
}

async function candidates(program: Command, [name, ...words]: string[], typed: string): Promise<readonly string[]> {
  const commands = program.commands.map((command) => command.name());
  if (name === undefined) return typed.startsWith("-") ? ["--help", "--version"] : [...commands, "help"];
  if (name === "help") return commands;
  const command = program.commands.find((one) => one.name() === name);
  if (!command) return [];
  const operands: string[] = [];
  let awaiting: Option | undefined;
  for (const word of words) {
    if (awaiting) {
      if (awaiting.attributeName() === "root" || awaiting.attributeName() === "postgres") {
        command.setOptionValueWithSource(awaiting.attributeName(), word, "cli");
      }
      if (awaiting.attributeName() === "schema") command.setOptionValueWithSource("schema", word, "cli");
      awaiting = undefined;
    } else if (word.startsWith("-")) {
      const option = command.options.find(({ long, short }) => word === long || word === short);
      awaiting = option?.required || option?.optional ? option : undefined;
    } else operands.push(word);
  }
  command.args = operands;
  useEnvironment(command);
  const options = command.opts<RunOptions>();
  if (awaiting) return await valuesOf(awaiting, operands[0], options, typed);
  if (typed.startsWith("-")) return command.options.flatMap(({ long }) => long ?? []).concat("--help");
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[operands.length] ?? (last?.variadic ? last : undefined);
  if (argument?.argChoices) return argument.argChoices;
  if (argument?.name() === "run|file") return await runs(options);
  return argument?.name() === "id" ? await ids("brief", operands[0], options, typed) : [];
}

/** The values of an option; those of a list continue after its last comma. */
async function valuesOf(
  option: Option,
  run: string | undefined,
  options: RunOptions,
  typed: string,
): Promise<readonly string[]> {
  const before = typed.slice(0, typed.lastIndexOf(",") + 1);
  if (option.argChoices) return option.argChoices.map((choice) => before + choice);
  switch (option.attributeName()) {
    case "brief":
    case "parent":
      return await ids("brief", run, options, typed);
    case "workstream":
      return await ids("workstream", run, options, typed);
    case "role":
      return await read(run, options, async (board) => {
        return (await summarizeRun(board)).byRole.map(({ role }) => before + role);
      });
    default:
      return [];
  }
}

async function runs(options: RunOptions): Promise<string[]> {
  const server = serverOf(options);
  if (!server) return (await importFiles()).listRunIds({ root: options.root });
  const listed = await (await importPostgres()).listPostgresRuns(server);
  return listed.flatMap(({ runId }) => runId ?? []);
}

/** Ids that begin with what is typed, and the short forms of those that are long. */
async function ids(named: Named, run: string | undefined, options: RunOptions, typed: string): Promise<string[]> {
  return await read(run, options, async (board) => {
    const found = await readIds(board, named).completions(typed);
    return found.map((id) => {
      const end = endOf(id);
      return typed === "" || end.startsWith(typed) ? end : id;
    });
  });
}

async function read(
  run: string | undefined,
  options: RunOptions,
  work: (board: Blackboard<Mode>) => Promise<string[]>,
): Promise<string[]> {
  let found: string[] = [];
  await look(run, options, async ({ board }) => {
    found = await work(board);
  });
  return found;
}
