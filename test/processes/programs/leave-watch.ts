/**
 * leave-watch: leaves one watch after its first event, one while it waits, and never starts a third. It then ends by
 * itself, unless one of them keeps the process alive.
 */
import { openBlackboard } from "run-blackboard";
import { say } from "./talk.ts";

const board = openBlackboard({ runId: "left", file: ":memory:" });
board.createRun("leave");
board.logEvent("spawned");
for await (const { kind } of board.watchEvents({ pollMs: 2 ** 31 - 1 })) {
  say(kind);
  break;
}
const waiting = board.watchEvents({ after: 1, pollMs: 2 ** 31 - 1 })[Symbol.asyncIterator]();
const next = waiting.next();
await new Promise((resolve) => setImmediate(resolve));
await waiting.return?.();
say(String((await next).done));
board.watchEvents()[Symbol.asyncIterator]();
