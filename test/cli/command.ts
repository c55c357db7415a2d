/** Runs this source tree's command in a separate process. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

interface Ended {
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

/** The output of a command that must succeed. */
export function printed(...words: string[]): string {
  const { code, stdout, stderr } = run(words);
  if (code !== 0 || stderr !== "") throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
