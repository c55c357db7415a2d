/** stand-still FILE: claims a brief with a short lease, prints a line, and later uses the claim as its input says. */
import { LostClaimError, openBlackboard } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = ""] = process.argv.slice(2);
const board = openBlackboard({ runId: "zombie", file });
say(String(process.pid));
const claim = board.claimBrief({ agentId: "first", leaseMs: 200 });
if (!claim) throw new Error("there was nothing to claim");
const uses: Record<string, () => unknown> = {
  complete: () => board.completeBrief(claim, { by: "first" }),
  renew: () => board.renewClaim(claim, { leaseMs: 60_000 }),
  release: () => board.releaseClaim(claim),
  fail: () => board.failBrief(claim),
  retry: () => board.retryBrief(claim),
  escalate: () => board.escalateBrief(claim),
};
say("claimed");
for await (const use of heard()) {
  try {
    uses[use]?.();
    say("done");
  } catch (error) {
    if (!(error instanceof LostClaimError)) throw error;
    say(`${error.code} ${JSON.stringify(error.current)}`);
  }
}
