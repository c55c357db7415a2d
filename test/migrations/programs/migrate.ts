/**
 * migrate: migrates the file that each line names and prints the outcome. A migration's SQL may call `tell`, which
 * prints its argument, `hold`, which waits while a file exists, and `step`, at which the process may kill itself.
 */
import { existsSync } from "node:fs";
import { BusyError, MigrationError } from "run-blackboard";
import type { Migration } from "../../../src/engine/history.ts";
import { connect } from "../../../src/sqlite/connection/connection.ts";
import { migrate } from "../../../src/sqlite/migrations/apply.ts";
import { heard, outcome, say } from "../../processes/programs/talk.ts";

export interface Task {
  readonly file: string;
  readonly migrations: readonly Migration[];
  readonly migrateTimeoutMs?: number;
  /** In pages: with a small cache SQLite writes to the WAL before the commit. */
  readonly cacheSize?: number;
  /** The step at which the process kills itself. */
  readonly dieAt?: number;
}
export interface Answer {
  /** `ok`, or the error's name and code. */
  readonly outcome: string;
  readonly waitedMs: number;
  readonly tookMs: number;
}

const bell = new Int32Array(new SharedArrayBuffer(4));

function bring({ file, migrations, migrateTimeoutMs = 60_000, cacheSize, dieAt }: Task): void {
  const { client } = connect({ location: file, create: true, readonly: false, synchronous: "full", migrateTimeoutMs });
  try {
    if (cacheSize !== undefined) client.pragma(`cache_size = ${cacheSize}`);
    client.function("tell", (text: string) => {
      say(text);
      return text;
    });
    client.function("hold", (path: string) => {
      while (existsSync(path)) Atomics.wait(bell, 0, 0, 1);
      return path;
    });
    client.function("step", (n: number) => {
      if (n === dieAt) process.kill(process.pid, "SIGKILL");
      return n;
    });
    migrate(client, migrations, { location: file, migrateTimeoutMs });
    // Statements after the commit: the process may kill itself there too.
    client.prepare("SELECT step(-1)").get();
  } finally {
    client.close();
  }
}

// Loads and warms up everything before the first file.
connect({ location: ":memory:", create: true, readonly: false, synchronous: "full", migrateTimeoutMs: 60_000 }).close();
say("ready");
for await (const line of heard()) {
  const start = performance.now();
  let waitedMs = 0;
  const result = outcome(() => {
    try {
      bring(JSON.parse(line));
    } catch (error) {
      if (error instanceof BusyError) waitedMs = error.waitedMs;
      if (error instanceof MigrationError) process.stderr.write(`${error.message}\n`);
      throw error;
    }
  });
  const answer: Answer = { outcome: result, waitedMs, tookMs: performance.now() - start };
  say(JSON.stringify(answer));
}
