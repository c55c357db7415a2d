/** open: opens a blackboard with the options of each line, as JSON, prints `ok` or the error, and closes it. */
import { openBlackboard } from "run-blackboard";
import { heard, outcome, say } from "./talk.ts";

say("ready");
for await (const line of heard()) {
  say(outcome(() => openBlackboard(JSON.parse(line)).close()));
}
