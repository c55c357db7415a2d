/** hold FILE RUN: opens a blackboard, changes it with an old date, and keeps it open until its input ends. */
import { openBlackboard } from "run-blackboard";
import { heard, say } from "../../processes/programs/talk.ts";

const [file = "", runId = ""] = process.argv.slice(2);
using board = openBlackboard({ runId, file, clock: () => new Date("2025-01-01T00:00:00Z") });
board.createBrief({ briefId: "held", tier: 1, role: "coder" });
say("open");
for await (const _ of heard());
