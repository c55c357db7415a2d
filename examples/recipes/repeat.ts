/**
 * Work that a server's restart does not disturb: DATABASE_URL=… tsx repeat.ts RUN COUNT. Each call is repeated until it is
 * answered, and each is such that doing it twice is doing it once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, LostClaimError } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";

const [runId = "", count = ""] = process.argv.slice(2);
const leaseMs = 2000;
const agentId = `steady-${process.pid}`;

const connection = process.env.DATABASE_URL ?? "";
await using board = await answered(() => openPostgresBlackboard({ runId, connection }));

// Known ids: what landed although nobody heard so is found, not made again.
await answered(() => board.createRun("Outlast the server"));
for (let n = 0; n < Number(count); n++) {
  await answered(() => board.spawnBrief({ briefId: `brief/${n}`, tier: 0, role: "echo", payload: { n } }));
}

while (await answered(() => isUnfinished())) {
  // A claim that landed unheard is nobody's to repeat: the brief comes back when its lease is over. So keep leases short.
  const claim = await answered(() => board.claimBrief({ agentId, leaseMs }));
  if (!claim) {
    await sleep(100);
    continue;
  }
  try {
    // The same claim with the same result: the stored brief, and no second event. One's own event needs an id for that, and
    // what is called in a transaction must be repeatable, call by call.
    await answered(() =>
      board.transaction(async (tx) => {
        const { briefId, payload } = await tx.completeBrief(claim, { n: claim.brief.payload.n });
        await tx.logEvent("completed", { eventId: `counted/${briefId}`, detail: { counted: payload.n } });
      }),
    );
  } catch (error) {
    // The server was away for longer than the lease, and somebody else did it.
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
