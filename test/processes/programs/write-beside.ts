/**
 * write-beside FILE NAME ROUNDS: writes concurrently with other writers, in single writes and transactions, competes
 * with them for briefs and increments shared rows. Finally prints the acknowledged writes as JSON.
 */
import { openBlackboard, TransitionError } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = "", name = "", rounds = ""] = process.argv.slice(2);
using board = openBlackboard({ runId: "shared", file });
const done = { briefs: 0, events: 0, retries: 0, counted: 0, won: 0, longestMs: 0 };

function count(what: Exclude<keyof typeof done, "longestMs">, write: () => unknown): void {
  const start = performance.now();
  write();
  done[what]++;
  done.longestMs = Math.max(done.longestMs, Math.round(performance.now() - start));
}

say("ready");
for await (const _ of heard()) break;
for (let n = 0; n < Number(rounds); n++) {
  const briefId = `${name}/${n}`;
  count("briefs", () => board.createBrief({ briefId, tier: 1, role: "writer", payload: { n } }));
  count("events", () => board.logEvent("spawned", { briefId }));
  count("retries", () => board.incrementBriefRetry("counter"));
  count("counted", () =>
    board.transaction((tx) => {
      const before = Number(tx.getBrief("counter")?.result?.counted);
      tx.updateBriefResult("counter", { counted: before + 1 });
    }),
  );
  try {
    count("won", () => board.updateBriefStatus(`prize/${n}`, "active", { from: "pending" }));
  } catch (error) {
    if (!(error instanceof TransitionError)) throw error;
  }
}
say(JSON.stringify(done));
