/**
 * write FILE RUN: writes pairs of a brief and its event, each in one commit, until its input ends; prints a line per
 * hundred.
 */
import { openBlackboard } from "run-blackboard";
import { heard, say } from "../../processes/programs/talk.ts";

const [file = "", runId = ""] = process.argv.slice(2);
let stopped = false;
void (async () => {
  for await (const _ of heard());
  stopped = true;
})();
const board = openBlackboard({ runId, file, synchronous: "normal" });
board.createRun("never finished");
for (let n = 1; !stopped; n++) {
  board.transaction((tx) => {
    tx.createBrief({ briefId: `b/${n}`, tier: 1, role: "coder", payload: { text: "x".repeat(n % 2000) } });
    tx.logEvent("spawned", { briefId: `b/${n}` });
  });
  if (n % 100 === 0) {
    say(`${n}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
board.close();
