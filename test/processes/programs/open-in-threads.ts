/**
 * open-in-threads THREADS FILE…: opens each file in THREADS worker threads concurrently, and writes to it. Prints each
 * outcome.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { openBlackboard } from "run-blackboard";
import { outcome, say } from "./talk.ts";

interface Task {
  readonly threads: number;
  readonly files: readonly string[];
  /** The number of threads that have reached each file. */
  readonly arrived: Int32Array;
}

async function main(): Promise<void> {
  const [count = "", ...files] = process.argv.slice(2);
  const threads = Number(count);
  const task: Task = { threads, files, arrived: new Int32Array(new SharedArrayBuffer(4 * files.length)) };
  const results = Array.from({ length: threads }, async () => {
    const thread = new Worker(new URL(import.meta.url), { workerData: task });
    const [[lines]] = await Promise.all([once(thread, "message"), once(thread, "exit")]);
    return lines;
  });
  for (const lines of await Promise.all(results)) for (const line of lines) say(line);
}

function open(file: string): string {
  return outcome(() => {
    using board = openBlackboard({ runId: "threads", file });
    board.createRun("open together");
    board.logEvent("spawned");
  });
}

function inThread({ threads, files, arrived }: Task): string[] {
  return files.map((file, index) => {
    Atomics.add(arrived, index, 1);
    Atomics.notify(arrived, index);
    for (let here = 0; here < threads; here = Atomics.load(arrived, index)) Atomics.wait(arrived, index, here);
    return open(file);
  });
}

if (isMainThread) await main();
else parentPort?.postMessage(inThread(workerData));
