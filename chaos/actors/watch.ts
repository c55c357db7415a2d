/**
 * A watcher: records each event that its watch returns. After "until SEQ" on stdin, it ends with that event or after 20 seconds.
 * With `looks`, it also reads the file between events.
 */
import { createInterface } from "node:readline";
import { openBlackboard } from "run-blackboard";
import { Journal } from "../journal.ts";
import { looks } from "./looks.ts";
import { ends, randomOf, taskOf } from "./task.ts";

interface WatchTask {
  readonly root: string;
  readonly runId: string;
  readonly file: string;
  readonly scratch: string;
  readonly journal: string;
  readonly after: number;
  readonly looks: number;
}

const task = taskOf<WatchTask>();
const random = randomOf(task);
const journal = new Journal(task.journal);
const stop = new AbortController();
const signal = AbortSignal.any([stop.signal, ends]);
let last = task.after;
let until = Number.POSITIVE_INFINITY;

createInterface({ input: process.stdin })
  .on("line", (line) => {
    until = Number(line.replace("until ", ""));
    if (last >= until) stop.abort();
    setTimeout(() => stop.abort(), 20_000).unref();
  })
  .on("close", () => stop.abort());

try {
  using board = openBlackboard({ runId: task.runId, file: task.file, readonly: true });
  journal.write({ did: "note", what: "watches", detail: String(task.after) });
  for await (const { seq, eventId } of board.watchEvents({ after: task.after, pollMs: 20, signal })) {
    journal.write({ did: "saw", id: eventId, seq });
    last = seq;
    if (last >= until) break;
    if (random.chance(task.looks)) {
      const which = random.pick(Object.keys(looks));
      try {
        await looks[which]?.(task);
      } catch (error) {
        journal.error(which, error);
      }
    }
  }
} catch (error) {
  journal.error("watchEvents", error);
}
process.exit();
