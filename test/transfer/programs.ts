/** The programs in `programs/`, as separate processes. */
import { fileURLToPath } from "node:url";
import { type Running, start } from "../processes/spawn.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Makes `import … from "run-blackboard"` in a program resolve to this source tree. */
const environment = { ...process.env, TSX_TSCONFIG_PATH: here("../../tsconfig.json") };

export function startProgram(name: string, args: readonly string[], variables: NodeJS.ProcessEnv = {}): Running {
  const words = ["--import", import.meta.resolve("tsx"), here(`programs/${name}.ts`), ...args];
  return start(process.execPath, words, { env: { ...environment, ...variables } });
}
