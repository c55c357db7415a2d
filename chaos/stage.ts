/** The context of a scenario: its folder, random choices, processes and findings. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBlackboard } from "run-blackboard";
import type { Finding, Findings, Problem } from "./findings.ts";
import { type Actor, type Ending, Part, startActor } from "./processes.ts";
import { Random } from "./random.ts";

export interface Scenario {
  readonly problem: Problem;
  /** Share of the total time, relative to the other scenarios. */
  readonly share: number;
  run(stage: Stage): Promise<void>;
}

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const reference = pathOf("../test/fixtures/reference");

const runs = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
export const hasPython = runs("python3", "-c", "import sqlite3");
export const hasSqlite = runs("sqlite3", "--version");

export class Stage {
  readonly folder: string;
  readonly seed: string;
  readonly random: Random;
  /** When the processes are ended, in milliseconds since 1970. */
  readonly until: number;
  readonly #programs: string;
  readonly #findings: Findings;
  readonly #problem: Problem;
  readonly #counts = new Map<string, number>();

  constructor(
    problem: Problem,
    options: { folder: string; programs: string; seed: string; until: number; findings: Findings },
  ) {
    this.folder = join(options.folder, problem);
    this.seed = `${options.seed}/${problem}`;
    this.random = new Random(this.seed);
    this.until = options.until;
    this.#programs = options.programs;
    this.#findings = options.findings;
    this.#problem = problem;
    mkdirSync(this.folder, { recursive: true });
  }

  get isOver(): boolean {
    return Date.now() >= this.until;
  }

  /** Creates a folder for this scenario and returns its path. */
  made(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  found(what: string, more: Pick<Partial<Finding>, "count" | "of" | "example"> = {}): void {
    this.#findings.add({ problem: this.#problem, what, count: 1, ...more });
  }

  /** Creates a run, so that it exists before the processes start. Returns the file's path. */
  newRun(root: string, runId: string, briefs = 0): string {
    using board = openBlackboard({ root, runId, synchronous: "normal" });
    board.createRun("chaos");
    board.transaction((tx) => {
      for (let n = 0; n < briefs; n++)
        tx.spawnBrief({ briefId: `${runId}/${n}`, tier: 1, role: "worker", payload: { n } });
    });
    return board.location;
  }

  /** Adds to a count in the scenario's summary line. */
  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  get counts(): string {
    return [...this.#counts].map(([what, count]) => `${count} ${what}`).join(", ");
  }

  /** Starts a program of `actors/` with a task as a JSON argument. */
  start(program: string, name: string, task: object): Actor {
    this.count("processes");
    const path = join(this.#programs, `${program}.mjs`);
    return startActor(name, process.execPath, [path, JSON.stringify({ ...task, name, seed: `${this.seed}/${name}` })]);
  }

  /** Starts a program of `actors/` that uses the Python module on `runs/<runId>/blackboard.db` below `folder`. */
  startPython(program: string, name: string, folder: string, task: object): Actor {
    this.count("processes");
    const all = JSON.stringify({ ...task, name, seed: `${this.seed}/${name}`, reference });
    return startActor(name, "python3", ["-B", pathOf(`actors/${program}.py`), all], folder);
  }

  /** Starts a command of the command-line tool. */
  tool(name: string, args: readonly string[], cwd = this.folder): Actor {
    this.count("commands");
    return startActor(name, process.execPath, [join(this.#programs, "main.mjs"), ...args], cwd);
  }

  /** Keeps a process running, see `Part`. A process that exits with an error is a finding. */
  part(start: (generation: number) => Actor): Part {
    return new Part(start, (actor, ending) => this.checkEnding(actor, ending)).begin();
  }

  checkEnding(actor: Actor, { code, signal, stderr }: Ending): void {
    // SIGTERM ends a process that has not yet installed its handler.
    if (actor.wasKilled || code === 0 || signal === "SIGTERM") return;
    const what = `a process ended with ${signal ?? `exit code ${code}`}`;
    this.found(what, { example: `${actor.name}: ${stderr.slice(-600)}` });
  }
}
