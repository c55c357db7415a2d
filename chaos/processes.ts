/** The processes of a scenario: starting, pausing (SIGSTOP), killing (SIGKILL), restarting and ending (SIGTERM) them. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import type { Random } from "./random.ts";

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Actor {
  readonly name: string;
  /** Whether this scenario has killed the process. */
  readonly wasKilled: boolean;
  readonly ended: Promise<Ending>;
  kill(): void;
  /** Sends SIGSTOP, and SIGCONT after `ms`. */
  pause(ms: number): Promise<void>;
  say(line: string): void;
  /** Resolves when the process has printed this line or has ended. */
  line(text: string): Promise<void>;
  /** Sends SIGTERM, and SIGKILL after `ms`. Resolves to whether SIGTERM was enough. */
  stop(ms: number): Promise<boolean>;
}

export function startActor(name: string, command: string, args: readonly string[], cwd?: string): Actor {
  const child = spawn(command, args, { stdio: "pipe", cwd });
  const outputs = { stdout: "", stderr: "" };
  let wasKilled = false;
  let hasEnded = false;
  let look = () => {};
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      outputs[stream] += text;
      look();
    });
  }
  child.stdin.on("error", () => undefined);
  const ended = new Promise<Ending>((resolve) => {
    child.on("error", (error) => resolve({ code: null, signal: null, ...outputs, stderr: error.message }));
    child.on("close", (code, signal) => {
      hasEnded = true;
      look();
      resolve({ code, signal, ...outputs });
    });
  });
  const kill = () => {
    wasKilled = true;
    child.kill("SIGKILL");
  };
  return {
    name,
    get wasKilled() {
      return wasKilled;
    },
    ended,
    kill,
    pause: async (ms) => {
      if (!send(child, "SIGSTOP")) return;
      await setTimeout(ms);
      send(child, "SIGCONT");
    },
    say: (line) => {
      child.stdin.write(`${line}\n`);
    },
    line: (text) =>
      new Promise((resolve) => {
        look = () => {
          if (hasEnded || outputs.stdout.split("\n").includes(text)) resolve();
        };
        look();
      }),
    stop: async (ms) => {
      send(child, "SIGCONT");
      send(child, "SIGTERM");
      const alarm = new AbortController();
      const isLate = setTimeout(ms, true, { signal: alarm.signal }).catch(() => false);
      const byItself = await Promise.race([ended.then(() => true), isLate.then(() => false)]);
      alarm.abort();
      if (!byItself) {
        kill();
        await ended;
      }
      return byItself;
    },
  };
}

function send(child: ChildProcess, signal: NodeJS.Signals): boolean {
  return child.exitCode === null && child.signalCode === null && child.kill(signal);
}

/** Keeps one process running: when it ends, the next one is started. */
export class Part {
  #current: Actor | undefined;
  #generation = 0;
  #isOver = false;
  #played: Promise<void> | undefined;
  readonly #start: (generation: number) => Actor;
  readonly #onEnd: (actor: Actor, ending: Ending) => void;

  constructor(start: (generation: number) => Actor, onEnd: (actor: Actor, ending: Ending) => void) {
    this.#start = start;
    this.#onEnd = onEnd;
  }

  begin(): this {
    this.#played = this.#play();
    return this;
  }

  async #play(): Promise<void> {
    while (!this.#isOver) {
      const actor = this.#start(this.#generation++);
      this.#current = actor;
      this.#onEnd(actor, await actor.ended);
      if (!this.#isOver) await setTimeout(20);
    }
  }

  get current(): Actor | undefined {
    return this.#current;
  }

  /** Writes a line to the last process's stdin, which ends it. */
  async finish(line: string): Promise<void> {
    this.#isOver = true;
    this.#current?.say(line);
    await this.#played;
  }

  /** Ends the last process. Resolves to whether SIGTERM was enough. */
  async end(ms = 20_000): Promise<boolean> {
    this.#isOver = true;
    const byItself = (await this.#current?.stop(ms)) ?? true;
    await this.#played;
    return byItself;
  }
}

/** Pauses and kills processes of these parts until `until`, at intervals of up to `everyMs` milliseconds. */
export async function disturb(parts: readonly Part[], random: Random, until: number, everyMs = 400): Promise<void> {
  const pauses: Promise<void>[] = [];
  for (;;) {
    const waitMs = random.between(30, everyMs);
    await setTimeout(Math.min(waitMs, Math.max(0, until - Date.now())));
    if (Date.now() >= until) break;
    const { current } = random.pick(parts);
    if (random.chance(0.5)) current?.kill();
    else if (current) pauses.push(current.pause(random.between(20, 1200)));
  }
  await Promise.all(pauses);
}
