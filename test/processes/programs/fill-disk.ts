/**
 * fill-disk FILE ROOM COPY: writes to FILE until it is refused and beyond, then makes room and goes on. Where writing is
 * limited to a size of file, ROOM is "limit" and the limit is lifted; otherwise it is a file that takes up space until it is
 * removed. In the end FILE is copied to COPY, closed and whole, for the test to look into.
 *
 * Prints a line for each write: `single`, `commit`, `swallow` or `after`, the id, what became of it.
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

// More than the disk can take, so that a write whose refusal is lost does not go on for ever.
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

// With a small cache SQLite writes before the commit, so that a full disk is met in the middle of the transaction.
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
