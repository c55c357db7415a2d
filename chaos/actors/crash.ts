/**
 * Creates the files of a crashed process: writes, prints "ready" and waits to be killed. `wal`: a run whose last events are only
 * in its -wal. `journal`: a run without WAL in the middle of a transaction, with a hot -journal.
 */
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { taskOf } from "./task.ts";

interface CrashTask {
  readonly leaves: "wal" | "journal";
  readonly file: string;
  readonly runId: string;
  /** The number of briefs in the file, and of those only in its -wal. */
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
  // A small cache, so that pages are written to the file before the commit.
  database.pragma("cache_size = 5");
  database.exec("BEGIN; UPDATE briefs SET payload = hex(zeroblob(300)), role = 'half done'");
}
console.log("ready");
setInterval(() => undefined, 60_000);
