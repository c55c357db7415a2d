/**
 * Work that survives restarts of the server: DATABASE_URL=… tsx repeat.ts RUN COUNT. Each call is repeated until it succeeds, and
 * each is idempotent.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, LostClaimError } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";

const [runId = "", count = ""] = process.argv.slice(2);
const leaseMs = 2000;
const agentId = `steady-${process.pid}`;

const connection = process.env.DATABASE_URL ?? "";
await using board = await answered(() => openPostgresBlackboard({ runId, connection }));

// Fixed ids: if a call succeeded but its response was lost, the repeated call returns the existing row.
await answered(() => board.createRun("Outlast the server"));
for (let n = 0; n < Number(count); n++) {
  await answered(() => board.spawnBrief({ briefId: `brief/${n}`, tier: 0, role: "echo", payload: { n } }));
}

while (await answered(() => isUnfinished())) {
  // A claim whose response was lost cannot be retried: the brief can be claimed again when its lease expires. Keep leases short.
  const claim = await answered(() => board.claimBrief({ agentId, leaseMs }));
  if (!claim) {
    await sleep(100);
    continue;
  }
  try {
    // Completing again with the same claim and result returns the stored brief and logs no second event. Your own event needs an
    // id for that. Every call inside the transaction must be idempotent.
    await answered(() =>
      board.transaction(async (tx) => {
        const { briefId, payload } = await tx.completeBrief(claim, { n: claim.brief.payload.n });
        await tx.logEvent("completed", { eventId: `counted/${briefId}`, detail: { counted: payload.n } });
      }),
    );
  } catch (error) {
    // The server was unavailable for longer than the lease, and a different worker completed the brief.
    if (!(error instanceof LostClaimError)) throw error;
  }
  console.log(claim.brief.briefId);
}

async function isUnfinished(): Promise<boolean> {
  return (await board.listBriefs({ status: ["pending", "active"], limit: 1 })).items.length > 0;
}

async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (let waitMs = 50; ; waitMs = Math.min(2 * waitMs, 2000)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      await sleep(waitMs);
    }
  }
}
