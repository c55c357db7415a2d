/**
 * Plans a run and adds up what agents in other languages have done: tsx both-doors.ts RUN. It may be started again after a crash.
 */
import { openBlackboard } from "run-blackboard";

const texts = ["the quick brown fox", "jumps over", "the lazy dog"];

const [runId = ""] = process.argv.slice(2);
using board = openBlackboard({ runId });
board.createRun("Count the words of some texts");

const counts = texts.map((text, n) => ({ briefId: `count/${n}`, tier: 1, role: "count", payload: { text } }));
const total = { briefId: "total", tier: 1, role: "total", after: counts.map(({ briefId }) => briefId) };
board.spawnBriefs([...counts, total]);
await board.waitForBriefs({ role: "count" });

// In one commit, so that no crash leaves a claim. There is nothing to claim if a count failed or the total is stored already.
board.transaction(() => {
  const claim = board.claimBrief({ agentId: `adder-${process.pid}`, leaseMs: 60_000, role: "total" });
  if (!claim) return;
  const { items } = board.listBriefs({ role: "count", limit: 1000 });
  board.completeBrief(claim, { words: items.reduce((sum, { result }) => sum + Number(result?.words), 0) });
});
const result = board.getBrief("total")?.result;
board.updateRunStatus(result ? "done" : "failed");
console.log(result);
