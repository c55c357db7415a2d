/** open-first NAME: opens a blackboard with each connection string it reads, writes to it, and prints the outcome. */
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { heard, say } from "../../processes/programs/talk.ts";

const [name = ""] = process.argv.slice(2);
say("ready");
for await (const connection of heard()) {
  try {
    await using board = await openPostgresBlackboard({ runId: "together", connection });
    await board.createRun("open together");
    await board.logEvent("spawned", { eventId: name });
    say("ok");
  } catch (error) {
    say(String(error));
  }
}
