/**
 * Real processes: starts them, exchanges lines with them, waits for them. No wait depends on time: it ends with the
 * expected line and fails if the process ends without it.
 */
import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { bundled } from "./bundle.ts";

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface Running {
  /** Its output so far. Complete lines only: a killed process may leave a partial one. */
  readonly lines: readonly string[];
  /** Resolves when all output has arrived. */
  readonly ended: Promise<Ending>;
  /** Waits until `condition` finds a value in the lines, and returns it. */
  until<T>(condition: (lines: readonly string[]) => T | undefined): Promise<T>;
  /** Waits for this line. */
  line(line: string): Promise<string>;
  /** Sends a line and waits for the next line of output. */
  ask(line: string): Promise<string>;
  say(line: string): void;
  kill(): void;
  /** Sends SIGINT, as Ctrl-C does. */
  interrupt(): void;
  /** Closes its input, waits for a successful exit, and returns all its lines. */
  finish(): Promise<readonly string[]>;
}

interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a program from this folder's `programs/`. */
export function startProgram(name: string, args: readonly string[], through: readonly string[] = []): Running {
  return startFile(new URL(`programs/${name}.ts`, import.meta.url), args, through);
}

/** Starts a program by its file. `through` is a command that runs it, such as one that sets a limit first. */
export function startFile(program: URL, args: readonly string[], through: readonly string[] = []): Running {
  const [command = "", ...rest] = [...through, process.execPath, bundled(program), ...args];
  return start(command, rest);
}

/** Starts a command and kills it after the test if it still runs. */
export function start(command: string, args: readonly string[], options: Options = {}): Running {
  const child = spawn(command, args, { ...options, stdio: "pipe" });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let unfinished = "";
  let stderr = "";
  let ending: Ending | undefined;
  let failure: Error | undefined;
  const look = () => {
    for (const check of waiting) check();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (unfinished + text).split("\n");
    unfinished = parts.pop() ?? "";
    lines.push(...parts);
    look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // It may end before it has read all its input.
  child.stdin.on("error", () => undefined);
  child.on("error", (error) => {
    failure = error;
  });
  const ended = new Promise<Ending>((resolve) => {
    child.on("close", (code, signal) => {
      ending = { code, signal, stderr };
      look();
      resolve(ending);
    });
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });

  const unexpected = (what: string, { code, signal }: Ending) => {
    const last = lines.slice(-5).join("\n");
    return new Error(`${command} ended with ${signal ?? code}, ${what}.\n${last}\n${stderr}`, { cause: failure });
  };
  const running: Running = {
    lines,
    ended,
    until: (condition) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = condition(lines);
          if (found === undefined && !ending) return;
          waiting.delete(check);
          if (found !== undefined) resolve(found);
          else if (ending) reject(unexpected("and something was still awaited from it", ending));
        };
        waiting.add(check);
        check();
      }),
    line: (line) => running.until((all) => all.find((one) => one === line)),
    ask: (line) => {
      const answer = lines.length;
      running.say(line);
      return running.until((all) => all[answer]);
    },
    say: (line) => {
      child.stdin.write(`${line}\n`);
    },
    kill: () => {
      child.kill("SIGKILL");
    },
    interrupt: () => {
      child.kill("SIGINT");
    },
    finish: async () => {
      child.stdin.end();
      const end = await ended;
      if (end.code !== 0) throw unexpected("not cleanly", end);
      return lines;
    },
  };
  return running;
}
