/** The command of this source tree, in a process of its own. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function run(words: readonly string[], options: { input?: string } = {}): Ended {
  const command = [process.execPath, "--import", import.meta.resolve("tsx"), main, ...words];
  const { status, stdout, stderr } = spawnSync("bash", ["-c", 'umask 022; exec "$@"', "", ...command], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    input: options.input ?? "",
  });
  return { code: status, stdout, stderr };
}

/** What a command prints that must end well. */
export function printed(...words: string[]): string {
  const { code, stdout, stderr } = run(words);
  if (code !== 0 || stderr !== "") throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
