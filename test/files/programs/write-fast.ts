/** write-fast FILE: writes to the run "r" without a pause until its input ends. */
import { setImmediate as turn } from "node:timers/promises";
import { openBlackboard } from "run-blackboard";
import { heard, say } from "../../processes/programs/talk.ts";

const [file = ""] = process.argv.slice(2);
using board = openBlackboard({ runId: "r", file, synchronous: "normal" });
let isOver = false;
const listening = (async () => {
  for await (const _ of heard());
  isOver = true;
})();
say("writing");
while (!isOver) {
  board.logEvent("spawned", { detail: { text: "x".repeat(10_000) } });
  await turn();
}
await listening;
