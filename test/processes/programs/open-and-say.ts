/**
 * open-and-say: opens a blackboard with the options of each line, as JSON, reads and writes, and prints the error of
 * the first of the three that failed. "nobody" makes it an unprivileged user; a number leaves it that many free
 * descriptors.
 */
import { opendirSync } from "node:fs";
import { openBlackboard } from "run-blackboard";
import { becomeNobody } from "./nobody.ts";
import { heard, say } from "./talk.ts";

const [how = ""] = process.argv.slice(2);
// Loads the driver while that is still possible.
openBlackboard({ runId: "r", file: ":memory:" }).close();
if (how === "nobody") becomeNobody();
say("ready");
for await (const line of heard()) {
  const taken = how === "" || how === "nobody" ? [] : allDescriptors();
  for (const free of taken.splice(0, Number(how))) free.closeSync();
  let answer: object = { code: "ok" };
  try {
    using board = openBlackboard(JSON.parse(line));
    board.getRun();
    board.logEvent("spawned");
  } catch (error) {
    answer = { name: nameOf(error), ...Object(error), message: String(error) };
  }
  for (const folder of taken) folder.closeSync();
  say(JSON.stringify(answer));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "none";
}

function allDescriptors() {
  const taken = [];
  try {
    for (;;) taken.push(opendirSync("/"));
  } catch {
    return taken;
  }
}
