/** The processes of a scenario: started, stopped with SIGSTOP, killed with SIGKILL, started again, asked to end. */
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
  /** True once this scenario has killed it. */
  readonly wasKilled: boolean;
  readonly ended: Promise<Ending>;
  kill(): void;
  /** SIGSTOP, and SIGCONT after `ms`. */
  pause(ms: number): Promise<void>;
  say(line: string): void;
  /** Resolves when the process has printed this line, or has ended. */
  line(text: string): Promise<void>;
  /** Asks it to end with SIGTERM, kills it after `ms`. Resolves to whether it ended by itself. */
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

/** A part that is played by one process after another: when one ends, the next begins. */
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

  /** Says a line to the last process, which ends because of it. */
  async finish(line: string): Promise<void> {
    this.#isOver = true;
    this.#current?.say(line);
    await this.#played;
  }

  /** Resolves to whether the last process ended by itself when it was asked to. */
  async end(ms = 20_000): Promise<boolean> {
    this.#isOver = true;
    const byItself = (await this.#current?.stop(ms)) ?? true;
    await this.#played;
    return byItself;
  }
}

/** Stops and kills the processes of these parts until the time has come, one at most every `everyMs` milliseconds. */
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
