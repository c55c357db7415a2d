/**
 * open: opens a blackboard with the options that each line gives as JSON, prints `ok` or the error, closes it.
 */
import { openBlackboard } from "run-blackboard";
import { heard, outcome, say } from "./talk.ts";

say("ready");
for await (const line of heard()) {
  say(outcome(() => openBlackboard(JSON.parse(line)).close()));
}
