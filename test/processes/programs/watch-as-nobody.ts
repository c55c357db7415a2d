/**
 * watch-as-nobody FILE: watches the run "shared" as a user with read permission only, and prints each event's seq and
 * id, then the code of the error that ends the watch.
 */
import { BlackboardError, openBlackboard } from "run-blackboard";
import { becomeNobody } from "./nobody.ts";
import { say } from "./talk.ts";

const [file = ""] = process.argv.slice(2);
becomeNobody();
const board = openBlackboard({ runId: "shared", file, readonly: true });
try {
  for await (const { seq, eventId } of board.watchEvents()) say(`${seq} ${eventId}`);
} catch (error) {
  if (!(error instanceof BlackboardError)) throw error;
  say(`${error.name} ${error.code}`);
}
