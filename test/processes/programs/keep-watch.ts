/** keep-watch FILE: waits for an event as its only activity, prints it and ends. */
import { openBlackboard } from "run-blackboard";
import { say } from "./talk.ts";

const [file = ""] = process.argv.slice(2);
const board = openBlackboard({ runId: "shared", file });
say("ready");
for await (const { eventId } of board.watchEvents()) {
  say(eventId);
  break;
}
