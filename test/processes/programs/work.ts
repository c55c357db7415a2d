/**
 * work FILE|URL AGENT LEASE_MS: takes briefs and completes them until none is left, of its own or of others. Prints each claim
 * when it has it, and `lost` with it when somebody else was handed the brief meanwhile.
 */
import { setTimeout } from "node:timers/promises";
import { type Blackboard, ConnectionError, LostClaimError, type Mode, openBlackboard } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { heard, say } from "./talk.ts";

const [target = "", agentId = "", lease = ""] = process.argv.slice(2);
const leaseMs = Number(lease);
const runId = "pool";
const board: Blackboard<Mode> = target.startsWith("postgresql:")
  ? await openPostgresBlackboard({ runId, connection: target })
  : openBlackboard({ runId, file: target, synchronous: "normal" });

say("ready");
for await (const _ of heard()) break;
for (;;) {
  const claim = await insisting(async () => board.claimBrief({ agentId, leaseMs }));
  if (!claim) {
    const { briefs } = await insisting(async () => board.getRunSummary());
    if (briefs.pending + briefs.active === 0) break;
    await setTimeout(10);
    continue;
  }
  const line = `${claim.brief.briefId} ${claim.attempt}`;
  say(line);
  try {
    await insisting(async () => board.completeBrief(claim, { by: agentId }));
  } catch (error) {
    if (!(error instanceof LostClaimError)) throw error;
    say(`lost ${line}`);
  }
}
await board.close();
// The pipe to the test would keep it.
process.exit();

/** Asks again when the server is away: a claim that was made and not heard of runs out, a completion may be repeated. */
async function insisting<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      await setTimeout(20);
    }
  }
}
