/**
 * as-nobody: opens a blackboard with the options that each line gives as JSON, reads from it, writes to it, and prints what
 * became of the three. Started by root it does so as a user who may do nothing; everybody else may not do everything anyway.
 */
import { openBlackboard } from "run-blackboard";
import { becomeNobody } from "./nobody.ts";
import { heard, outcome, say } from "./talk.ts";

becomeNobody();
say("ready");
for await (const line of heard()) {
  let [read, written] = ["not tried", "not tried"];
  const opened = outcome(() => {
    using board = openBlackboard(JSON.parse(line));
    read = outcome(() => board.getRunSummary());
    written = outcome(() => board.logEvent("spawned"));
  });
  say(JSON.stringify({ opened, read, written }));
}
