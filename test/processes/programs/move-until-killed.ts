/**
 * move-until-killed FILE NAME: after a line of input, spawns, claims and moves briefs endlessly, and prints a line
 * after each.
 */
import { openBlackboard } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = "", agentId = ""] = process.argv.slice(2);
say("loaded");
for await (const _ of heard()) break;
const board = openBlackboard({ runId: "killed", file, synchronous: "normal" });
for (let n = 0; ; n++) {
  board.spawnBrief({ briefId: `${agentId}/${n}`, tier: 1, role: agentId, payload: { text: "x".repeat(n % 3000) } });
  say("spawned");
  const claim = board.claimBrief({ agentId, leaseMs: 600_000, role: agentId });
  if (!claim) throw new Error("nobody else has this role");
  if (n % 4 === 0) board.completeBrief(claim, { n });
  else if (n % 4 === 1) board.failBrief(claim);
  else if (n % 4 === 2) board.escalateBrief(claim);
  else board.retryBrief(claim);
  say("moved");
  if (n % 4 === 1) board.retryBrief(claim.brief.briefId);
}
