/**
 * Agents that work until SIGTERM: tsx worker-pool.ts RUN [AGENTS]. You can start any number of pools on one run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ClaimOf, LostClaimError } from "run-blackboard";
import { ask, openBoard, type roles } from "./board.ts";

type Claim = ClaimOf<typeof roles, "answer" | "research">;

/** Longer than any pause of this process: a longer pause loses the claim. */
const leaseMs = Number(process.env.LEASE_MS ?? 60_000);
const [runId = "", agents = "4"] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

using board = openBoard(runId);
await Promise.all(Array.from({ length: Number(agents) }, (_, n) => agent(`pool-${process.pid}-${n}`)));

async function agent(agentId: string): Promise<void> {
  while (!stop.signal.aborted) {
    const claim = board.claimBrief({ agentId, leaseMs, role: ["answer", "research"], maxRetries: 5 });
    if (claim) await attempt(claim);
    // Nothing to claim. Asking again is cheap and takes no lock.
    else await sleep(250, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

async function attempt(claim: Claim): Promise<void> {
  try {
    await work(claim);
  } catch (error) {
    try {
      if (stop.signal.aborted) board.releaseClaim(claim);
      else giveBack(claim, String(error));
    } catch (lost) {
      // The claim was superseded: a different agent works on the brief.
      if (!(lost instanceof LostClaimError)) throw lost;
    }
  }
}

async function work(claim: Claim): Promise<void> {
  const lease = { leaseMs, signal: stop.signal };
  switch (claim.role) {
    case "answer": {
      const { question } = claim.brief.payload;
      const answer = await board.holdClaim(claim, lease, (signal) => ask("small", question, signal));
      board.completeBrief(claim, { answer });
      break;
    }
    case "research": {
      const { question, failure } = claim.brief.payload;
      const prompt = `${question}\nThis did not work: ${failure}`;
      const answer = await board.holdClaim(claim, lease, (signal) => ask("large", prompt, signal));
      board.completeBrief(claim, { answer });
      break;
    }
  }
}

/** Retries a brief twice, then escalates it to the large model, or fails it if that is the one that failed. */
function giveBack(claim: Claim, failure: string): void {
  const { briefId, parentBriefId, tier, retryCount } = claim.brief;
  if (retryCount < 2) {
    board.retryBrief(claim, { failure });
  } else if (claim.role === "research") {
    board.failBrief(claim, { failure });
  } else {
    const { question } = claim.brief.payload;
    board.transaction((tx) => {
      tx.escalateBrief(claim, { failure });
      tx.spawnBrief({
        briefId: `${briefId}/research`,
        parentBriefId,
        tier: tier + 1,
        role: "research",
        payload: { question, failure },
      });
    });
  }
}
