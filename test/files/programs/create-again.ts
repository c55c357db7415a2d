/** create-again ROOT NAME: at each line, opens the run "r", creates it if it is missing, closes it, and prints what became of it. */
import { openBlackboard } from "run-blackboard";
import { heard, outcome, say } from "../../processes/programs/talk.ts";

const [root = ""] = process.argv.slice(2);
say("ready");
for await (const line of heard()) {
  const result = outcome(() => {
    using board = openBlackboard({ runId: "r", root, synchronous: "normal" });
    board.createRun("a goal");
  });
  say(`${line} ${result}`);
}
