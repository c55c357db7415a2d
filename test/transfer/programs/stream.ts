/**
 * stream ROOT COUNT: imports a generated run of COUNT events of 4 kB each, exports it again, and prints its length and
 * whether it is equal.
 */
import { createHash } from "node:crypto";
import { exportRun, importRun } from "run-blackboard";
import { say } from "../../processes/programs/talk.ts";

const [root = "", count = ""] = process.argv.slice(2);
const createdAt = "2026-01-02T03:04:05.678Z";
const run = { runId: "r", goal: "a goal", status: "done", createdAt, updatedAt: createdAt };
const text = "x".repeat(4000);

function* lines() {
  yield JSON.stringify({ format: "run-blackboard", version: 2, run });
  for (let seq = 1; seq <= Number(count); seq++) {
    const event = { seq, eventId: `e${seq}`, runId: "r", briefId: null, kind: "failed", detail: { text }, createdAt };
    yield JSON.stringify({ event });
  }
  yield JSON.stringify({ end: { workstreams: 0, briefs: 0, events: Number(count) } });
}

const given = createHash("sha256");
function* hashed() {
  for (const line of lines()) {
    given.update(`${line}\n`);
    yield `${line}\n`;
  }
}
await importRun(hashed(), { root });
let length = 0;
const got = createHash("sha256");
for await (const piece of exportRun({ runId: "r", root })) {
  length += piece.length;
  got.update(piece);
}
say(`${length} ${got.digest("hex") === given.digest("hex") ? "same" : "different"}`);
