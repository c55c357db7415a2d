/**
 * write-beside NAME URL ROUNDS: writes to the run "shared" concurrently in every way: single events, a callback that
 * reads and then writes, single updates. Prints each acknowledged event and count. Repeats writes whose response was
 * lost, with the same ids.
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

/** Counts once per id: reads, and then writes a value derived from it. */
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
    // The callback locks the log's counter before the brief; this update alone would lock in the opposite order.
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
