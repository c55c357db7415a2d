/**
 * as-nobody: opens a blackboard with the options of each line, as JSON, reads from it, writes to it, and prints the
 * three outcomes. If started by root, it first becomes an unprivileged user.
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
