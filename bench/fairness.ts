/**
 * Measures fairness between writers: eight processes append events to one file as fast as they can. Compared with SQLite's busy
 * timeout of the same length and IMMEDIATE transactions through better-sqlite3.
 *
 * The results are the longest call of any process, and the slowest process's number of calls divided by the fastest one's.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Tally, WriterSide } from "./fairness-writer.ts";
import type { Rows } from "./report.ts";
import { type Level, Sites } from "./sites.ts";

const processes = 8;

interface Share {
  readonly side: WriterSide;
  readonly level: Level;
  readonly perSecond: number;
  readonly worstMs: number;
  /** The 99.9th percentile of call times. */
  readonly p999Ms: number;
  readonly slowestToFastest: number;
  readonly errors: readonly string[];
}

export async function fairness(durationMs: number): Promise<Share[]> {
  const shares: Share[] = [];
  for (const level of ["normal", "full"] as const) {
    for (const side of ["ours", "raw"] as const) shares.push(await share(side, level, durationMs));
  }
  return shares;
}

async function share(side: WriterSide, level: Level, durationMs: number): Promise<Share> {
  using sites = new Sites(level);
  const file = sites.seeded();
  const writers = Array.from({ length: processes }, () => startWriter([side, level, file, `${durationMs}`]));
  // Started only when all have opened the file; otherwise the first one would run without competition.
  await Promise.all(writers.map((writer) => writer.ready));
  for (const writer of writers) writer.begin();
  const tallies = await Promise.all(writers.map((writer) => writer.tally()));
  const counts = tallies.map(({ calls }) => calls);
  return {
    side,
    level,
    perSecond: (counts.reduce((sum, count) => sum + count, 0) * 1000) / durationMs,
    worstMs: Math.max(...tallies.map(({ worstMs }) => worstMs)),
    p999Ms: Math.max(...tallies.map(({ p999Ms }) => p999Ms)),
    slowestToFastest: Math.min(...counts) / Math.max(...counts),
    errors: tallies.flatMap(({ errors }) => errors),
  };
}

function startWriter(words: readonly string[]) {
  const program = fileURLToPath(new URL("fairness-writer.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), program, ...words], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value } = await lines.next();
    if (typeof value !== "string") throw new Error(`A writer ended without printing results: ${words.join(" ")}`);
    return value;
  };
  return {
    ready: nextLine(),
    begin: () => child.stdin.end("begin\n"),
    async tally(): Promise<Tally> {
      const ended = once(child, "exit");
      const tally: Tally = JSON.parse(await nextLine());
      await ended;
      return tally;
    },
  };
}

export function fairnessRows(shares: readonly Share[]): Rows {
  const head = ["side", "synchronous", "events/s", "worst ms", "99.9 % ms", "slowest ÷ fastest", "errors"];
  const rows = shares.map(({ side, level, perSecond, worstMs, p999Ms, slowestToFastest, errors }) => [
    side === "ours" ? "ours" : "busy_timeout 5000",
    level,
    Math.round(perSecond).toLocaleString("en"),
    worstMs.toFixed(0),
    p999Ms.toFixed(0),
    slowestToFastest.toFixed(2),
    errors.length === 0 ? "0" : `${errors.length} (${[...new Set(errors)].join(" ")})`,
  ]);
  return [head, ...rows];
}
