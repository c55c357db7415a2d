/**
 * One of the workers of a drain: `drain-worker.ts MODE LEVEL FILE`. Prints "ready" when the file is open, starts when it reads a
 * line on stdin, claims and completes until nothing is left, and prints how many briefs it completed.
 */
import { once } from "node:events";
import { openBlackboard } from "run-blackboard";
import { detail, result } from "./samples.ts";
import { type Level, runId } from "./sites.ts";

export type DrainMode = "lists of 32" | "one by one";

const [mode, level, file] = process.argv.slice(2) as [DrainMode, Level, string];
const board = openBlackboard({ runId, file, synchronous: level, busyTimeoutMs: 60_000 });
const request = { agentId: `worker-${process.pid}`, leaseMs: 600_000 };

function step(): number {
  if (mode === "one by one") {
    const claim = board.claimBrief(request);
    if (claim) board.completeBrief(claim, result, detail);
    return claim ? 1 : 0;
  }
  const claims = board.claimBriefs({ ...request, limit: 32 });
  if (claims.length > 0) board.completeBriefs(claims.map((ref) => ({ ref, result, detail })));
  return claims.length;
}

console.log("ready");
await once(process.stdin, "data");
let completed = 0;
for (let more = step(); more > 0; more = step()) completed += more;
console.log(completed);
board.close();
process.stdin.destroy();
