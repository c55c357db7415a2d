/**
 * Leaves what a crashed process leaves: writes, prints "ready" and waits to be killed. `wal`: a run whose last events are in
 * its -wal; `journal`: a run in the middle of a transaction without WAL, with a hot -journal.
 */
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { taskOf } from "./task.ts";

export interface CrashTask {
  readonly leaves: "wal" | "journal";
  readonly file: string;
  readonly runId: string;
  /** How many briefs are in the file, and how many only in its -wal. */
  readonly inFile: number;
  readonly inWal: number;
}

const { name, leaves, file, runId, inFile, inWal } = taskOf<CrashTask>();
const board = openBlackboard({ runId, file, synchronous: "normal" });
board.createRun("crash");
const fill = (from: number, count: number) =>
  board.transaction((tx) => {
    for (let n = from; n < from + count; n++) {
      tx.spawnBrief({
        briefId: `${name}/${n}`,
        tier: 1,
        role: "crashed",
        payload: { text: "x".repeat((n * 37) % 500) },
      });
    }
  });
fill(0, inFile);
if (leaves === "wal") {
  board.drizzle.$client.pragma("wal_checkpoint(TRUNCATE)");
  fill(inFile, inWal);
} else {
  board.close();
  const database = new Database(file);
  database.pragma("journal_mode = DELETE");
  // So that pages reach the file before the commit.
  database.pragma("cache_size = 5");
  database.exec("BEGIN; UPDATE briefs SET payload = hex(zeroblob(300)), role = 'half done'");
}
console.log("ready");
setInterval(() => undefined, 60_000);
