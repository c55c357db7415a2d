/**
 * The environment variables `RUN_BLACKBOARD_ROOT` and `RUN_BLACKBOARD_POSTGRES`, which replace the defaults of options.
 */
import type { Command } from "commander";
import { isPath } from "./runs-by-name.ts";

/**
 * Sets `--root` and `--postgres` of a command from the environment, unless its words say where the runs are. Commander's own
 * `env` would treat a variable like a word: it would conflict with the other option.
 */
export function useEnvironment(command: Command, variables: NodeJS.ProcessEnv = process.env): void {
  const has = (name: string) => command.options.some((option) => option.attributeName() === name);
  const isTyped = (name: string) => command.getOptionValueSource(name) === "cli";
  const { RUN_BLACKBOARD_ROOT: root, RUN_BLACKBOARD_POSTGRES: postgres } = variables;
  // A path and --all are about files. So is `restore`, which has no --postgres.
  const isFile = isTyped("root") || isTyped("all") || (takesRun(command) && isPath(command.args[0] ?? ""));
  if (postgres && has("postgres") && !isFile) {
    if (!isTyped("postgres")) command.setOptionValueWithSource("postgres", postgres, "env");
  } else if (root && has("root") && !isTyped("root")) command.setOptionValueWithSource("root", root, "env");
}

function takesRun(command: Command): boolean {
  return command.registeredArguments[0]?.name() === "run|file";
}
