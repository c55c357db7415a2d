/**
 * write-beside NAME URL ROUNDS: writes to the run "shared" in every way at once: single events, a callback that reads and then
 * writes, single updates. Says each event and each count that was acknowledged. What a lost connection leaves in doubt it
 * repeats, with the same ids.
 */
import { ConnectionError } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { heard, say } from "../../processes/programs/talk.ts";

const [url = "", rounds = "", name = ""] = process.argv.slice(2);
const board = await openPostgresBlackboard({ runId: "shared", connection: url });

async function untilItLanded(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
    }
  }
}

/** Counts once for each id: reads, and then writes what follows from it. */
function count(briefId: string): Promise<void> {
  return board.transaction(async (tx) => {
    if (await tx.getBrief(briefId)) return;
    await tx.logEvent("spawned", { eventId: briefId });
    await tx.createBrief({ briefId, tier: 1, role: "counted" });
    const counter = await tx.getBrief("counter");
    await tx.updateBriefResult("counter", { counted: Number(counter?.result?.counted ?? 0) + 1 });
  });
}

say("ready");
for await (const _ of heard()) {
  for (let n = 0; n < Number(rounds); n++) {
    const id = `${name}/${n}`;
    await untilItLanded(() => board.logEvent("completed", { eventId: `single ${id}` }));
    say(`event single ${id}`);
    // The callback holds the log's counter and then wants the brief; this one by itself would go the other way.
    const retried = board.updateBriefStatus("counter", "active").then(() => board.retryBrief("counter"));
    const [counted] = await Promise.allSettled([count(id), retried, board.updateRunStatus("active")]);
    if (counted?.status === "rejected") await untilItLanded(() => count(id));
    say(`event ${id}`);
    await untilItLanded(() => board.updateBriefStatus(id, "done"));
    say(`done ${id}`);
  }
  say("through");
}
await board.close();
