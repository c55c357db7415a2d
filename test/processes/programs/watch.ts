/**
 * watch FILE AFTER: watches the run "shared" and prints each event's seq and id until it reads a line or its input
 * ends. It then ends by itself.
 */
import { openBlackboard } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = "", after = ""] = process.argv.slice(2);
const board = openBlackboard({ runId: "shared", file });
const abort = new AbortController();
say("ready");
void (async () => {
  for await (const _ of heard()) break;
  process.stdin.destroy();
  abort.abort();
})();
for await (const { seq, eventId } of board.watchEvents({ after: Number(after), signal: abort.signal })) {
  // Waits until the line is consumed: a watch may be faster than its reader.
  await new Promise((resolve) => process.stdout.write(`${seq} ${eventId}\n`, resolve));
}
