/**
 * append NAME: for each line, a connection string and a number, logs that number of events one by one, every third in a
 * transaction with a second one, and prints the number of events.
 */
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { heard, say } from "../../processes/programs/talk.ts";

const [name = ""] = process.argv.slice(2);
say("ready");
for await (const line of heard()) {
  const { connection, count } = JSON.parse(line);
  await using board = await openPostgresBlackboard({ runId: "run-1", connection });
  let logged = 0;
  for (let n = 0; n < count; n++) {
    if (n % 3 > 0) {
      await board.logEvent("spawned", { eventId: `${name}/${n}` });
      logged++;
      continue;
    }
    await board.transaction(async (tx) => {
      await tx.logEvent("spawned", { eventId: `${name}/${n}` });
      await tx.logEvent("completed", { eventId: `${name}/${n}/done` });
    });
    logged += 2;
  }
  say(String(logged));
}
