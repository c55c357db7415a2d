/** keep-wait FILE: waits for the brief "b" and for all briefs as its only activity, prints what it learns and ends. */
import { openBlackboard } from "run-blackboard";
import { say } from "./talk.ts";

const [file = ""] = process.argv.slice(2);
const board = openBlackboard({ runId: "shared", file });
const all = board.waitForBriefs({ tier: 1 });
say("ready");
const { status, result } = await board.waitForBrief("b");
say(`${status} ${JSON.stringify(result)}`);
say(JSON.stringify(await all));
