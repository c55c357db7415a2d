/** Runs this source tree's command in a separate process. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

const command = [process.execPath, "--import", import.meta.resolve("tsx"), main];

interface Options {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

export function run(words: readonly string[], { input = "", env, cwd }: Options = {}): Ended {
  const { status, stdout, stderr } = spawnSync("bash", ["-c", 'umask 022; exec "$@"', "", ...command, ...words], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    input,
    env: { ...process.env, ...env },
    cwd,
  });
  return { code: status, stdout, stderr };
}

/** The output of a command that must succeed. */
export function printed(...words: string[]): string {
  const { code, stdout, stderr } = run(words);
  if (code !== 0 || stderr !== "") throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

/** The lines of a command that must succeed, on a terminal with this many columns and without colours. */
export function linesAt(columns: number, ...words: string[]): string[] {
  const quoted = [...command, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const line = `stty cols ${columns} rows 24; ${quoted.join(" ")}`;
  const env = { ...process.env, TERM: "xterm-256color", NO_COLOR: "1" };
  const { status, stdout } = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stdout}`);
  return stdout.replaceAll("\r", "").trimEnd().split("\n");
}

/** Starts a command and passes its process on. */
export function started(...words: string[]) {
  return spawn(process.execPath, [...command.slice(1), ...words], { stdio: ["ignore", "pipe", "inherit"] });
}
