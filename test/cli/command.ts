/** Runs this source tree's command in a separate process, bundled, so that it starts as fast as the published one. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { project } from "../package/installed.ts";
import { bundled } from "../processes/bundle.ts";

export function commandFile(): string {
  const file = bundled(new URL("../../src/cli/main.ts", import.meta.url));
  // It reads the package's version by the package's name.
  const link = join(dirname(file), "node_modules/run-blackboard");
  if (!existsSync(link)) {
    mkdirSync(dirname(link));
    symlinkSync(project, link);
  }
  return file;
}

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

const command = () => [process.execPath, commandFile()];

interface Options {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

export function run(words: readonly string[], { input = "", env, cwd }: Options = {}): Ended {
  const { status, stdout, stderr } = spawnSync("bash", ["-c", 'umask 022; exec "$@"', "", ...command(), ...words], {
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
  const quoted = [...command(), ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const line = `stty cols ${columns} rows 24; ${quoted.join(" ")}`;
  const env = { ...process.env, TERM: "xterm-256color", NO_COLOR: "1" };
  const { status, stdout } = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stdout}`);
  return stdout.replaceAll("\r", "").trimEnd().split("\n");
}

/** Starts a command and passes its process on. */
export function started(...words: string[]) {
  return spawn(process.execPath, [commandFile(), ...words], { stdio: ["ignore", "pipe", "inherit"] });
}
