/**
 * watch FILE AFTER [OPTIONS]: watches the run "shared" and prints each event's seq and id, until it hears something or nothing
 * more is said to it. OPTIONS, as JSON, are further ones to open with. An error ends it too; its code is the last line.
 */
import { BlackboardError, openBlackboard } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = "", after = "", options = "{}"] = process.argv.slice(2);
const abort = new AbortController();
const board = openBlackboard({ runId: "shared", file, ...JSON.parse(options) });
say("ready");
void (async () => {
  for await (const _ of heard()) break;
  process.stdin.destroy();
  abort.abort();
})();
try {
  for await (const { seq, eventId } of board.watchEvents({ after: Number(after), signal: abort.signal })) {
    // Waits until it is taken: a watch may be faster than its reader.
    await new Promise((resolve) => process.stdout.write(`${seq} ${eventId}\n`, resolve));
  }
} catch (error) {
  if (!(error instanceof BlackboardError)) throw error;
  say(`${error.name} ${error.code}`);
  process.stdin.destroy();
}
