/**
 * create-briefs FILE RUN N: creates N briefs in a run, prints a line, and keeps the blackboard open until its input
 * ends.
 */
import { openBlackboard } from "run-blackboard";
import { heard, say } from "../../processes/programs/talk.ts";

const [file = "", runId = "", count] = process.argv.slice(2);
using board = openBlackboard({ runId, file });
board.createRun(`goal of ${runId}`);
for (let n = 0; n < Number(count); n++) board.createBrief({ briefId: `${runId}/${n}`, tier: 1, role: "coder" });
say("created");
for await (const _ of heard());
