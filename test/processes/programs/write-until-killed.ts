/** write-until-killed FILE NAME: writes endlessly and prints each id when its write is acknowledged. */
import { openBlackboard } from "run-blackboard";
import { heard, say } from "./talk.ts";

const [file = "", name = ""] = process.argv.slice(2);
say("loaded");
for await (const _ of heard()) break;
const board = openBlackboard({ runId: "killed", file });
board.createRun("survive");
for (let n = 0; ; n++) {
  const briefId = `${name}/${n}`;
  const eventId = `${name}/event/${n}`;
  if (n % 3 === 0) {
    board.createBrief({ briefId, tier: 1, role: "single", payload: { text: "x".repeat(n % 5000) } });
    say(briefId);
    board.logEvent("spawned", { eventId, briefId });
    say(eventId);
  } else {
    board.transaction((tx) => {
      tx.createBrief({ briefId, tier: 1, role: "paired" });
      tx.logEvent("spawned", { eventId, briefId });
    });
    say(briefId);
    say(eventId);
  }
}
