/**
 * as-nobody: opens a blackboard with the options that each line gives as JSON, reads from it, writes to it, and prints what
 * became of the three. Started by root it does so as a user who may do nothing; everybody else may not do everything anyway.
 */
import { openBlackboard } from "run-blackboard";
import { heard, outcome, say } from "./talk.ts";

// Loads the driver while that is still allowed.
openBlackboard({ runId: "nobody", file: ":memory:" }).close();
const nobody = 65534;
if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
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
