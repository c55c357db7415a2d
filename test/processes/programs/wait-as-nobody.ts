/**
 * wait-as-nobody FILE: as a user with read permission only waits for the brief "done", which is done, and the brief "b",
 * which is not. Prints the status or the error's code for each.
 */
import { BlackboardError, openBlackboard } from "run-blackboard";
import { becomeNobody } from "./nobody.ts";
import { say } from "./talk.ts";

const [file = ""] = process.argv.slice(2);
becomeNobody();
const board = openBlackboard({ runId: "shared", file, readonly: true });
for (const id of ["done", "b"]) {
  try {
    say((await board.waitForBrief(id)).status);
  } catch (error) {
    if (!(error instanceof BlackboardError)) throw error;
    say(`${error.name} ${error.code}`);
  }
}
