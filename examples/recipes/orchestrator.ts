/**
 * Fans out, waits and combines the results: tsx orchestrator.ts RUN FILE, where FILE has one question per line. It can be killed
 * at any time and restarted, and two can run concurrently. Prints the combined answers.
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

/** Can be repeated, because the ids are fixed: an existing row is returned unchanged, without a second event. */
function fanOut(board: Board): void {
  board.createRun(`Answer ${file}`);
  board.spawnBrief({ briefId: "digest", tier: 2, role: "digest", payload: { questions: questions.length } });
  const briefs = questions.map((question, n) => ({
    briefId: `question/${n}`,
    parentBriefId: "digest",
    tier: 0,
    role: "answer" as const,
    payload: { question },
  }));
  // One commit is faster, and no worker can finish the first brief before the last one exists. A list has at most 1,000 briefs.
  board.transaction((tx) => {
    for (let from = 0; from < briefs.length; from += 1000) tx.spawnBriefs(briefs.slice(from, from + 1000));
  });
}

/** Reads briefs, not events: `updateBriefStatus` logs no event, and briefs spawned in the meantime are included. */
function isUnfinished(board: Board): boolean {
  return board.listBriefs({ parentBriefId: "digest", status: ["pending", "active"], limit: 1 }).items.length > 0;
}

/** Transactions of a run are serialized: with two orchestrators, the second finds the digest done. */
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
