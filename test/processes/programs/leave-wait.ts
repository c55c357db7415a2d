/** leave-wait: ends waits by their signals and by their briefs. It then ends by itself, unless one keeps it alive. */
import { openBlackboard } from "run-blackboard";
import { say } from "./talk.ts";

const board = openBlackboard({ runId: "left", file: ":memory:" });
board.createRun("leave");
board.createBrief({ briefId: "a", tier: 1, role: "coder" });
board.createBrief({ briefId: "b", tier: 1, role: "coder" });
const abort = new AbortController();
const left = board.waitForBrief("a", { pollMs: 2 ** 31 - 1, signal: abort.signal }).catch((error: unknown) => error);
const found = board.waitForBrief("b", { pollMs: 1 });
board.completeBrief("b", {});
say((await found).status);
abort.abort("left");
say(String(await left));
