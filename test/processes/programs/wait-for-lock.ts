/**
 * wait-for-lock FILE BUSY_TIMEOUT_MS: for each input line, writes a brief with that id, or begins a transaction for it
 * if the line is `transaction ID`, while another process may hold the lock. Prints `writing`, then the outcome as JSON.
 */
import { BusyError, openBlackboard } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = "", busyTimeoutMs = ""] = process.argv.slice(2);
using board = openBlackboard({ runId: "locked", file, busyTimeoutMs: Number(busyTimeoutMs) });
board.createBrief({ briefId: `warm ${process.pid}`, tier: 1, role: "writer" });
say("ready");
for await (const line of heard()) {
  const [briefId = "", transaction] = line.split(" ").reverse();
  let begun = false;
  const write = () => board.createBrief({ briefId, tier: 1, role: "writer" });
  const cpu = process.cpuUsage();
  const start = performance.now();
  say("writing");
  let error: unknown;
  try {
    if (transaction) {
      board.transaction(() => {
        begun = true;
        write();
      });
    } else write();
  } catch (caught) {
    error = caught;
  }
  const tookMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const code = error instanceof BusyError ? error.code : error === undefined ? "ok" : String(error);
  const waitedMs = error instanceof BusyError ? error.waitedMs : 0;
  say(JSON.stringify({ code, waitedMs, tookMs, cpuMs: (user + system) / 1000, begun }));
}
