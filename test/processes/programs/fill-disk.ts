/**
 * fill-disk FILE ROOM COPY: writes to FILE until a write fails and beyond, then frees space and continues. ROOM is a
 * file that occupies space until it is removed, or "limit" for a limit on the size of files, which is then lifted.
 * Finally copies FILE to COPY, closed and complete, for the test to read. Prints a line per write: `single`, `commit`,
 * `swallow` or `after`, the id, the outcome.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { openBlackboard } from "run-blackboard";
import * as schema from "run-blackboard/schema";
import { outcome, say } from "./talk.ts";

const [file = "", room = "", copy = ""] = process.argv.slice(2);

if (room !== "limit") writeFileSync(room, Buffer.alloc(3 * 2 ** 20));
function makeRoom(): void {
  if (room === "limit") execFileSync("prlimit", ["--pid", `${process.pid}`, "--fsize=unlimited:"]);
  else rmSync(room, { force: true });
}

const board = openBlackboard({ runId: "full", file });
board.createRun("fill the disk");
const payload = { text: "x".repeat(2000) };

function write(phase: string, id: string, tx: Pick<typeof board, "createBrief"> = board): boolean {
  const result = outcome(() => tx.createBrief({ briefId: id, tier: 1, role: "filler", payload }));
  say(`${phase} ${id} ${result}`);
  return result === "ok";
}
function log(phase: string, id: string): boolean {
  const result = outcome(() => board.logEvent("spawned", { eventId: id, detail: payload }));
  say(`${phase} ${id} ${result}`);
  return result === "ok";
}

// More than the disk can hold, so that the loop ends even if a failure is not reported.
const enough = 20_000;
let n = 0;
while (n < enough && write("single", `b${n}`) && log("single", `e${n}`)) n++;
for (let more = 0; more < 20; more++) {
  write("single", `b-again${more}`);
  log("single", `e-again${more}`);
}

const commit = outcome(() =>
  board.transaction((tx) => {
    for (let more = 0; more < 30; more++) write("commit", `b-commit${more}`, tx);
  }),
);
say(`commit transaction ${commit}`);

// With a small cache SQLite writes before the commit, so that the disk fills up inside the transaction.
board.drizzle.$client.pragma("cache_size = 10");
const swallow = outcome(() =>
  board.transaction((tx) => {
    for (let more = 0; more < 200; more++) if (!write("swallow", `b-swallow${more}`, tx)) break;
    makeRoom();
    write("swallow", "b-tx", tx);
    write("swallow", "b-board");
    log("swallow", "e-board");
    say(`swallow nested ${outcome(() => tx.transaction((inner) => write("swallow", "b-nested", inner)))}`);
    const now = new Date().toISOString();
    const row = { eventId: "e-drizzle", runId: "full", kind: "failed" as const, createdAt: now };
    say(`swallow e-drizzle ${outcome(() => tx.drizzle.insert(schema.events).values(row).run())}`);
  }),
);
say(`swallow transaction ${swallow}`);

for (let more = 0; more < 50; more++) {
  write("after", `b-after${more}`);
  log("after", `e-after${more}`);
}
board.close();
openBlackboard({ runId: "full", file }).close();
copyFileSync(file, copy);
