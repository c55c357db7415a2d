/**
 * One of the eight writers: `fairness-writer.ts SIDE LEVEL FILE MS`. Prints "ready" when the file is open, starts when it reads
 * a line on stdin, and prints its results as JSON.
 */
import { once } from "node:events";
import { openBlackboard } from "run-blackboard";
import { newId } from "../src/input/new-id.ts";
import { type EventRow, eventColumns, now, parseEvent } from "./raw.ts";
import { detail } from "./samples.ts";
import { type Level, openRaw, runId } from "./sites.ts";

export type WriterSide = "ours" | "raw";

export interface Tally {
  readonly calls: number;
  readonly worstMs: number;
  readonly p999Ms: number;
  readonly errors: readonly string[];
}

const [side, level, file, durationMs] = process.argv.slice(2) as [WriterSide, Level, string, string];

function ours(): () => unknown {
  const board = openBlackboard({ runId, file, synchronous: level });
  return () => board.logEvent("spawned", { detail });
}

/** better-sqlite3 with its default busy timeout of 5,000 ms, which is also this package's default. */
function raw(): () => unknown {
  const db = openRaw(file, level);
  const insert = db.prepare<unknown[], EventRow>(
    `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at) VALUES (?, ?, NULL, ?, ?, ?)
     RETURNING ${eventColumns}`,
  );
  const log = db.transaction(() => insert.all(newId(), runId, "spawned", JSON.stringify(detail), now()));
  return () => log.immediate().map(parseEvent);
}

function write(call: () => unknown, duration: number): Tally {
  const errors: string[] = [];
  const times: number[] = [];
  const start = performance.now();
  for (let before = start; before - start < duration; ) {
    try {
      call();
    } catch (error) {
      errors.push(error instanceof Error && "code" in error ? String(error.code) : String(error));
    }
    const after = performance.now();
    times.push(after - before);
    before = after;
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? 0;
  return { calls: times.length - errors.length, worstMs: at(1), p999Ms: at(0.999), errors };
}

const call = side === "ours" ? ours() : raw();
console.log("ready");
await once(process.stdin, "data");
console.log(JSON.stringify(write(call, Number(durationMs))));
process.stdin.destroy();
