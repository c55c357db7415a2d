/**
 * work FILE|URL AGENT LEASE_MS: claims briefs, including expired ones, and completes them until none is left. Prints
 * each claim, `lost` with it if another worker has taken over the brief, and `early` with the id of a brief of its payload's
 * `after` that is not done.
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
  const claim = await retrying(async () => board.claimBrief({ agentId, leaseMs }));
  if (!claim) {
    const { briefs } = await retrying(async () => board.getRunSummary());
    if (briefs.pending + briefs.active === 0) break;
    await setTimeout(10);
    continue;
  }
  const line = `${claim.brief.briefId} ${claim.attempt}`;
  say(line);
  const { after } = claim.brief.payload;
  for (const id of Array.isArray(after) ? after : []) {
    const blocker = await retrying(async () => board.getBrief(String(id)));
    if (blocker?.status !== "done") say(`early ${line} ${id}`);
  }
  try {
    await retrying(async () => board.completeBrief(claim, { by: agentId }));
  } catch (error) {
    if (!(error instanceof LostClaimError)) throw error;
    say(`lost ${line}`);
  }
}
await board.close();
// The pipe to the test would keep the process alive.
process.exit();

/** Retries while the server is away: a claim whose response was lost expires, and a completion may be repeated. */
async function retrying<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      await setTimeout(20);
    }
  }
}
