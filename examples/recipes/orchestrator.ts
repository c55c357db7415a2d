/**
 * Fans out, waits, and puts together: tsx orchestrator.ts RUN FILE, a file with one question a line. Killed at any moment and
 * started again, it goes on; two at once do no harm. Prints what came of it.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Board, openBoard } from "./board.ts";

const [runId = "", file = ""] = process.argv.slice(2);
const questions = readFileSync(file, "utf8").trim().split("\n");

using board = openBoard(runId);
fanOut(board);
while (isUnfinished(board)) await sleep(200);
console.log(putTogether(board));

/** Ids of its own make every line here repeatable: what is there already is not made again, and logs no second event. */
function fanOut(board: Board): void {
  board.createRun(`Answer ${file}`);
  board.spawnBrief({ briefId: "digest", tier: 2, role: "digest", payload: { questions: questions.length } });
  // One commit for many is faster, and no worker can finish the first before the last is there.
  board.transaction((tx) => {
    for (const [n, question] of questions.entries()) {
      tx.spawnBrief({
        briefId: `question/${n}`,
        parentBriefId: "digest",
        tier: 0,
        role: "answer",
        payload: { question },
      });
    }
  });
}

/** By the briefs, not by events: `updateBriefStatus` logs none, and a brief that is spawned meanwhile is waited for too. */
function isUnfinished(board: Board): boolean {
  return board.listBriefs({ parentBriefId: "digest", status: ["pending", "active"], limit: 1 }).items.length > 0;
}

/** All transactions of a run follow each other: of two orchestrators, the second finds it done. */
function putTogether(board: Board): string {
  return board.transaction((tx) => {
    const digest = tx.getBrief("digest");
    if (digest?.role === "digest" && digest.result) return digest.result.text;
    const answers: string[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page = tx.listBriefs({ parentBriefId: "digest", role: ["answer", "research"], status: "done", after });
      for (const { briefId, result } of page.items) answers.push(`${briefId}: ${result?.answer}`);
      after = page.next;
    }
    const text = answers.sort().join("\n");
    tx.completeBrief("digest", { text });
    tx.updateRunStatus("done");
    return text;
  });
}
