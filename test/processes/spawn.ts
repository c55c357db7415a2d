/**
 * Real processes: started, spoken to line by line, waited for. Nothing here waits for time to pass: a wait ends with the line
 * that it waits for, and fails when the process ends without it.
 */
import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { bundled } from "./bundle.ts";

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface Running {
  /** What it has printed so far. Whole lines only: a killed process may leave a part of one. */
  readonly lines: readonly string[];
  /** When all that it printed has arrived. */
  readonly ended: Promise<Ending>;
  /** Waits until `condition` finds what it looks for among the lines, and gives that. */
  until<T>(condition: (lines: readonly string[]) => T | undefined): Promise<T>;
  /** Waits for this line. */
  line(line: string): Promise<string>;
  /** Says a line to it and waits for the next one that it prints. */
  ask(line: string): Promise<string>;
  say(line: string): void;
  kill(): void;
  /** As Ctrl-C does. */
  interrupt(): void;
  /** Says no more, waits for its end, which must be a clean one, and gives all its lines. */
  finish(): Promise<readonly string[]>;
}

interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a program of this folder's `programs/`. */
export function startProgram(name: string, args: readonly string[], through: readonly string[] = []): Running {
  return startFile(new URL(`programs/${name}.ts`, import.meta.url), args, through);
}

/** Starts a program by its file. `through` is a command that runs it, such as one that sets a limit first. */
export function startFile(program: URL, args: readonly string[], through: readonly string[] = []): Running {
  const [command = "", ...rest] = [...through, process.execPath, bundled(program), ...args];
  return start(command, rest);
}

/** Starts a command. What still runs when the test is over is killed. */
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
  // It may end before it has read all that it was told.
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
