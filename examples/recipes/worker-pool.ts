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
const busy = new Set<Promise<void>>();
while (!stop.signal.aborted) {
  const claims = claimFor(Number(agents) - busy.size);
  for (const claim of claims) {
    const working: Promise<void> = attempt(claim).finally(() => busy.delete(working));
    busy.add(working);
  }
  // Until an agent is free or, with nothing to claim, until it is time to ask again. That is cheap and takes no lock.
  const idle =
    busy.size < Number(agents) ? [sleep(250, undefined, { signal: stop.signal }).catch(() => undefined)] : [];
  await Promise.race([...busy, ...idle]);
}
await Promise.all(busy);

/** Claims a brief for each free agent, in one commit. */
function claimFor(free: number): Claim[] {
  if (free === 0) return [];
  const agentId = `pool-${process.pid}`;
  return board.claimBriefs({ agentId, leaseMs, role: ["answer", "research"], maxRetries: 5, limit: free });
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
