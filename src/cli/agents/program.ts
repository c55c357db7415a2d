/**
 * Running a program for a brief, in a process group of its own. The group ends with the program, and with this process, however
 * that one ends.
 *
 * After a SIGKILL of this process, nothing in it could end the program. So a guard, a shell in a session of its own, reads the group's
 * id from a pipe whose other end closes with this process, and then kills the group. The program is started by a second shell, which
 * waits until the guard knows the group: there is no moment at which the program could be left over.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { InvalidInputError } from "../../errors-and-types.ts";
import { messageOf } from "../output.ts";

/** Reads process group ids, and kills the last group that it read once its input ends; an empty line means no group. */
const guarding = `trap "" HUP INT TERM
group=
while IFS= read -r line; do group=$line; done
[ -z "$group" ] || kill -s KILL -- "-$group"`;

/** Becomes the program once it was told to, and ends if the other end closed instead. */
const starting = `IFS= read -r go <&3 || exit 125
exec "$@" 3<&-`;

export class Guard {
  readonly #shell: ChildProcess;
  readonly #input: Writable;

  private constructor(shell: ChildProcess, input: Writable) {
    this.#shell = shell;
    this.#input = input;
    // It may have been killed.
    input.on("error", () => undefined);
  }

  static async start(): Promise<Guard> {
    const shell = spawn("sh", ["-c", guarding], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    await started(shell);
    return new Guard(shell, shell.stdin);
  }

  /** Resolves when the guard will learn of the group, even if this process is killed immediately. */
  async watch(group: number): Promise<void> {
    await new Promise((resolve) => this.#input.write(`${group}\n`, resolve));
  }

  forget(): void {
    this.#input.write("\n");
  }

  end(): void {
    this.#input.end();
    this.#shell.unref();
  }
}

/** The system may refuse to start another process. */
async function started(child: ChildProcess): Promise<void> {
  try {
    await once(child, "spawn");
  } catch (cause) {
    const message = `sh cannot be started, which starts it: ${messageOf(cause)}`;
    throw new InvalidInputError([{ path: "program", message }], { cause });
  }
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its whole output; `undefined` if it printed more than `maxOutput`, for which it was killed. */
  readonly stdout: Buffer | undefined;
  /** The end of what it wrote to stderr. */
  readonly stderr: string;
}

export interface Running {
  /** Sends a signal to the program and everything it started. */
  kill(signal: NodeJS.Signals): void;
  /** Never rejects. The group is gone then. */
  readonly ended: Promise<Ending>;
}

/** In bytes. */
export const maxOutput = 16 * 2 ** 20;
const maxStderr = 4096;

/** How long processes that left the group may keep the output open after the program ended, in milliseconds. */
const outputMs = 2000;

/** Starts a program with the input on stdin. What it writes to stderr is passed on. */
export async function startProgram(
  guard: Guard,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  input: string,
): Promise<Running> {
  const child = spawn("sh", ["-c", starting, "sh", ...words], {
    detached: true,
    env,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  await started(child);
  const group = child.pid;
  const go = child.stdio[3];
  if (group === undefined || !(go instanceof Writable)) throw new Error("The program has no process.");
  let isOver = false;
  const kill = (signal: NodeJS.Signals) => {
    if (!isOver) signalGroup(group, signal);
  };
  const ended = endOf(child, kill).finally(() => {
    isOver = true;
    guard.forget();
  });
  // The program need not read its input, and may be killed before it starts.
  for (const stream of [child.stdin, go]) stream.on("error", () => undefined);
  child.stdin.end(input);
  await guard.watch(group);
  go.end("go\n");
  return { kill, ended };
}

async function endOf(child: ChildProcess, kill: (signal: NodeJS.Signals) => void): Promise<Ending> {
  const chunks: Buffer[] = [];
  let length = 0;
  let stderr: Buffer = Buffer.alloc(0);
  child.stdout?.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maxOutput) chunks.push(chunk);
    else kill("SIGKILL");
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    stderr = Buffer.concat([stderr, chunk]).subarray(-maxStderr);
  });
  const closed = once(child, "close");
  const [code, signal]: [number | null, NodeJS.Signals | null] = await exitOf(child);
  // What it left running has no claim any more.
  kill("SIGKILL");
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, outputMs);
  await closed;
  clearTimeout(timer);
  const stdout = length <= maxOutput ? Buffer.concat(chunks) : undefined;
  return { code, signal, stdout, stderr: endOfText(stderr) };
}

function exitOf(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve([code, signal]));
  });
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nothing of the group is left.
  }
}

/** Text that can be stored: the cut may have halved the first character, and NUL can't be stored. */
function endOfText(bytes: Buffer): string {
  return bytes
    .toString("utf8")
    .replace(/^\ufffd+/, "")
    .replaceAll("\0", "\ufffd")
    .trimEnd();
}

/** Whether a program can be started by that name. */
export function isProgram(name: string): boolean {
  const folders = name.includes("/") ? [""] : (process.env.PATH ?? "").split(":").map((folder) => folder || ".");
  return folders.some((folder) => isExecutable(join(folder, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
