/**
 * Supervises the worker processes: shows progress by watching events, and replaces workers that die.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import type { Board } from "./board.ts";
import type { Progress } from "./report.ts";
import { wholeId } from "./roles.ts";
import { maxRetries } from "./work.ts";

interface Staff {
  workers: number;
  /** The arguments of each worker. */
  args: readonly string[];
  /** Kill a worker after each tenth of the briefs. */
  chaos: boolean;
}

/** The worker program next to this file, with the same extension: .ts, or .js if compiled. */
const program = new URL(`worker${extname(import.meta.url)}`, import.meta.url);

/** Runs the workers until the survey is complete, the signal aborts, or workers keep dying. */
export async function runWorkers(board: Board, staff: Staff, progress: Progress, signal: AbortSignal): Promise<void> {
  // Read the summary, then watch from its `lastSeq`, so that no event is missed.
  const { status, briefs, events, lastSeq } = await board.getRunSummary();
  if (status !== "active") return;
  const counts = { finished: briefs.done + briefs.failed, briefs: events.spawned, handedOn: events.retried };
  const tenth = Math.ceil(counts.briefs / 10);
  progress.worked(counts);
  await using workers = new Workers(staff);
  const over = AbortSignal.any([signal, workers.gaveUp]);
  for await (const { kind, briefId } of board.watchEvents({ after: lastSeq, signal: over })) {
    if (kind === "retried") counts.handedOn++;
    else counts.finished++;
    progress.worked(counts);
    if (kind === "retried") continue;
    if (briefId === wholeId) break;
    workers.noteFinished();
    if (!staff.chaos || counts.finished % tenth > 0) continue;
    const killed = workers.killOne();
    if (killed) progress.say(`Killed worker ${killed}.`);
  }
}

class Workers implements AsyncDisposable {
  readonly #staff: Staff;
  readonly #running = new Set<ChildProcess>();
  readonly #gaveUp = new AbortController();
  /** Number of deaths since a brief was finished. */
  #deaths = 0;
  #stopping = false;

  constructor(staff: Staff) {
    this.#staff = staff;
    for (let started = 0; started < staff.workers; started++) this.#start();
  }

  /** Aborts when more workers have died in a row than failing files can explain. */
  get gaveUp(): AbortSignal {
    return this.#gaveUp.signal;
  }

  noteFinished(): void {
    this.#deaths = 0;
  }

  /** Kills the oldest worker, which most likely holds a claim, before it can release it. Returns its process id. */
  killOne(): number | undefined {
    const oldest = [...this.#running].find((worker) => !worker.killed);
    oldest?.kill("SIGKILL");
    return oldest?.pid;
  }

  /** Stops all workers, which release their claims. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const ends = [...this.#running].map((worker) => once(worker, "exit"));
    for (const worker of this.#running) if (worker.connected) worker.disconnect();
    await Promise.all(ends);
  }

  #start(): void {
    const worker = fork(program, this.#staff.args);
    this.#running.add(worker);
    worker.once("exit", (code) => {
      this.#running.delete(worker);
      // Exit code 0: the survey is complete.
      if (code === 0 || this.#stopping) return;
      this.#deaths++;
      if (this.#deaths > this.#staff.workers * (maxRetries + 1)) this.#gaveUp.abort();
      else this.#start();
    });
  }
}
