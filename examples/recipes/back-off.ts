/**
 * An agent that backs off: tsx back-off.ts RUN. If the model is overloaded, the agent retries the brief later and meanwhile works
 * on other briefs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LostClaimError } from "run-blackboard";
import { ask, openBoard } from "./board.ts";

const leaseMs = Number(process.env.LEASE_MS ?? 60_000);
const firstDelayMs = Number(process.env.FIRST_DELAY_MS ?? 1000);
const maxRetries = 8;
const [runId = ""] = process.argv.slice(2);

using board = openBoard(runId);
for (;;) {
  const claim = board.claimBrief({ agentId: `patient-${process.pid}`, leaseMs, role: "answer", maxRetries });
  if (!claim) {
    await sleep(100);
    continue;
  }
  const { payload, retryCount } = claim.brief;
  try {
    const answer = await board.holdClaim(claim, { leaseMs }, (signal) => ask("small", payload.question, signal));
    board.completeBrief(claim, { answer });
  } catch (error) {
    if (error instanceof LostClaimError) continue;
    if (retryCount >= maxRetries) {
      board.failBrief(claim, { error: String(error) });
      continue;
    }
    const delayMs = Math.ceil(firstDelayMs * 2 ** retryCount * (0.5 + Math.random() / 2));
    board.retryBrief(claim, { error: String(error), delayMs }, { delayMs });
    console.log(`${claim.brief.briefId} again in ${delayMs} ms: ${error}`);
  }
}
