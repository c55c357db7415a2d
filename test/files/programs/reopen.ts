/**
 * reopen ROOT NAME: for each input line, opens the run "r", logs an event, prints its seq and keeps the run open.
 * `close` closes it.
 */
import { type Blackboard, openBlackboard } from "run-blackboard";
import { heard, say } from "../../processes/programs/talk.ts";

const [root = "", name = ""] = process.argv.slice(2);
let board: Blackboard<"sync"> | undefined;
let round = "";
say("ready");
for await (const line of heard()) {
  if (line === "close") {
    board?.close();
    say(`closed ${round}`);
    continue;
  }
  round = line;
  board = openBlackboard({ runId: "r", root, synchronous: "normal" });
  if (!board.getRun()) board.createRun("a new goal");
  say(`${round} ${board.logEvent("spawned", { eventId: `${name}/${round}` }).seq}`);
}
