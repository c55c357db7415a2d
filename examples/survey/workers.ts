/**
 * The processes that do the work, and what their parent does meanwhile: it watches the events, which tell how far they are,
 * and starts another worker for each that dies.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import type { Board } from "./board.ts";
import { wholeId } from "./plan.ts";
import type { Progress } from "./report.ts";
import { maxRetries } from "./work.ts";

export interface Staff {
  workers: number;
  /** What each is started with. */
  args: readonly string[];
  /** Kills one of them at each tenth of the way. */
  chaos: boolean;
}

/** Beside this file, in whatever that was made into. */
const program = new URL(`worker${extname(import.meta.url)}`, import.meta.url);

/** Ends when the survey is complete, when the signal aborts, or when the workers died again and again. */
export async function runWorkers(board: Board, staff: Staff, progress: Progress, signal: AbortSignal): Promise<void> {
  // First the state, then the events from there on: nothing that happens in between is missed.
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
  /** Since a brief was finished. */
  #deaths = 0;
  #stopping = false;

  constructor(staff: Staff) {
    this.#staff = staff;
    for (let started = 0; started < staff.workers; started++) this.#start();
  }

  /** Aborts when more workers died in a row than files can be to blame for. */
  get gaveUp(): AbortSignal {
    return this.#gaveUp.signal;
  }

  noteFinished(): void {
    this.#deaths = 0;
  }

  /** The one that runs for longest, and so has work in hand, which it gets no chance to give back. */
  killOne(): number | undefined {
    const oldest = [...this.#running].find((worker) => !worker.killed);
    oldest?.kill("SIGKILL");
    return oldest?.pid;
  }

  /** Each gives back what it has claimed, and ends. */
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
      // It has found the survey complete.
      if (code === 0 || this.#stopping) return;
      this.#deaths++;
      if (this.#deaths > this.#staff.workers * (maxRetries + 1)) this.#gaveUp.abort();
      else this.#start();
    });
  }
}
