/**
 * look-while-open ROOT RUN FILE SCRATCH: calls every public function on FILE, the path of the run's file or a link to
 * it, while this process has the run open. "one LOOK" opens the run for this call alone and prints what it did:
 * {"calls": […], "lost": […], "error": …}. "all" opens the run, calls all functions, logs an event before and after
 * each, and prints the number of events; the run stays open until the input ends.
 */
import { readFileSync, statSync } from "node:fs";
import { BlackboardError, openBlackboard } from "run-blackboard";
import { looks } from "../../../chaos/actors/looks.ts";
import { callsOn } from "./fs-calls.ts";
import { heard, say } from "./talk.ts";

const [root = "", runId = "", file = "", scratch = ""] = process.argv.slice(2);
const target = { root, runId, file, scratch };
const own = ownFile();
const locations = ["", "-shm"].map((ending) => own + ending);

function openRun() {
  return openBlackboard({ root, runId });
}

function ownFile(): string {
  using board = openRun();
  return board.location;
}

/** The POSIX locks of this process on the database and its -shm: kind and bytes. */
function locks(): string[] {
  const lines = readFileSync("/proc/locks", "utf8").split("\n");
  return locations.flatMap((path) => {
    const { ino } = statSync(path, { bigint: true });
    const name = path === own ? "the database" : "-shm";
    return lines.flatMap((line) => {
      const [, , kind, , access, pid, where = "", from, to] =
        /^(\d+): (\w+) +(\w+) +(\w+) (\d+) (\S+) (\S+) (\S+)$/.exec(line) ? ["", ...line.split(/:? +/)] : [];
      const isOurs = pid === String(process.pid) && where.endsWith(`:${ino}`);
      return isOurs ? [`${kind} ${access} on ${name}, ${from} to ${to}`] : [];
    });
  });
}

async function one(look: string) {
  using board = openRun();
  board.logEvent("retried");
  const before = locks();
  let error: string | null = null;
  const calls = await callsOn(own, async () => {
    try {
      await looks[look]?.(target);
    } catch (thrown) {
      error = thrown instanceof BlackboardError ? thrown.code : String(thrown);
    }
  });
  const after = locks();
  return { held: before.length, calls, lost: before.filter((lock) => !after.includes(lock)), error };
}

async function all() {
  const board = openRun();
  let logged = 0;
  for (const look of Object.values(looks)) {
    board.logEvent("retried");
    await look(target);
    board.logEvent("retried");
    logged += 2;
  }
  return { logged };
}

say(JSON.stringify(Object.keys(looks)));
for await (const line of heard()) {
  say(JSON.stringify(line === "all" ? await all() : await one(line.slice("one ".length))));
}
