/** Measures how fast worker processes claim and complete all briefs of a run, in lists and one by one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { DrainMode } from "./drain-worker.ts";
import type { Rows } from "./report.ts";
import { payload } from "./samples.ts";
import { type Level, Sites } from "./sites.ts";

export interface Drain {
  readonly workers: number;
  readonly level: Level;
  /** Briefs a second. */
  readonly rates: Record<DrainMode, number>;
}

const modes: readonly DrainMode[] = ["one by one", "lists of 32"];

export async function drains(briefs: number): Promise<Drain[]> {
  const figures: Drain[] = [];
  for (const level of ["normal", "full"] as const) {
    for (const workers of [1, 4, 16]) {
      const rates: Record<DrainMode, number> = { "one by one": 0, "lists of 32": 0 };
      for (const mode of modes) rates[mode] = await drain(mode, level, workers, briefs);
      figures.push({ workers, level, rates });
    }
  }
  return figures;
}

async function drain(mode: DrainMode, level: Level, workers: number, briefs: number): Promise<number> {
  using sites = new Sites(level);
  const file = sites.seeded((board) => {
    const list = Array.from({ length: 1000 }, () => ({ tier: 1, role: "coder", payload }));
    for (let left = briefs; left > 0; left -= 1000) board.spawnBriefs(list.slice(0, left));
  });
  const started = Array.from({ length: workers }, () => startWorker([mode, level, file]));
  await Promise.all(started.map(({ ready }) => ready));
  const start = performance.now();
  for (const worker of started) worker.begin();
  const counts = await Promise.all(started.map((worker) => worker.completed()));
  const seconds = (performance.now() - start) / 1000;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total !== briefs) throw new Error(`${total} of ${briefs} briefs were completed`);
  return briefs / seconds;
}

function startWorker(words: readonly string[]) {
  const program = fileURLToPath(new URL("drain-worker.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), program, ...words], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value } = await lines.next();
    if (typeof value !== "string") throw new Error(`A worker ended without printing its count: ${words.join(" ")}`);
    return value;
  };
  return {
    ready: nextLine(),
    begin: () => child.stdin.end("begin\n"),
    async completed(): Promise<number> {
      const ended = once(child, "exit");
      const count = Number(await nextLine());
      await ended;
      return count;
    },
  };
}

export function drainRows(figures: readonly Drain[]): Rows {
  const head = ["workers", "synchronous", "one by one, briefs/s", "lists of 32, briefs/s", "lists ÷ one by one"];
  const rows = figures.map(({ workers, level, rates }) => [
    String(workers),
    level,
    ...modes.map((mode) => Math.round(rates[mode]).toLocaleString("en")),
    (rates["lists of 32"] / rates["one by one"]).toFixed(1),
  ]);
  return [head, ...rows];
}
