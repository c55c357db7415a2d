/**
 * Working through the briefs: the files of one folder after the other, each folder when its files are finished, the whole at
 * the end. What is finished is not done again, so going on after an interruption is no different from beginning.
 */
import { join } from "node:path";
import type { Brief } from "run-blackboard";
import { batches } from "./batches.ts";
import { type Board, type Step, together } from "./board.ts";
import { complete, fail, listAll, retry } from "./briefs.ts";
import { type FileResult, measure } from "./measure.ts";
import { wholeId } from "./plan.ts";
import type { Progress } from "./report.ts";

type Sum = { files: number; bytes: number; lines: number };
/** What a folder's brief and that of the whole come to: the sum of the files that could be measured. */
export type Rollup = Sum & { languages: Record<string, Sum> };

export async function work(board: Board, folder: string, progress: Progress, signal: AbortSignal): Promise<void> {
  for await (const { briefId } of listAll(board, { status: "active" })) {
    await together(board, retry(briefId, "whoever had taken it is gone"));
  }
  for await (const { briefId } of listAll(board, { tier: 1, status: "pending" })) {
    await board.updateWorkstreamStatus(briefId, "active");
    for await (const files of batches(listAll(board, { parentBriefId: briefId, status: "pending" }))) {
      if (!signal.aborted) await measureAll(board, files, folder, signal);
      if (signal.aborted) return;
      progress.worked(await board.getRunSummary());
    }
    const rollup = await rollUp(board, briefId);
    await together(board, [...complete(briefId, rollup), (tx) => tx.updateWorkstreamStatus(briefId, "done")]);
  }
  const rollup = await rollUp(board, wholeId);
  await together(board, [...complete(wholeId, rollup), (tx) => tx.updateRunStatus("done", { from: "active" })]);
}

/** Takes the briefs, measures their files side by side, and writes down what came of it. */
async function measureAll(board: Board, files: Brief[], folder: string, signal: AbortSignal): Promise<void> {
  await together(board, files.map(take));
  const outcomes = await Promise.all(files.map((file) => attempt(file, folder, signal)));
  await together(board, outcomes.flat());
}

function take({ briefId }: Brief): Step {
  return (tx) => tx.updateBriefStatus(briefId, "active", { from: "pending" });
}

/** Measures a file and gives what is to be written about it. */
async function attempt({ briefId, payload }: Brief, folder: string, signal: AbortSignal): Promise<Step[]> {
  try {
    return complete(briefId, await measure(join(folder, String(payload.path)), signal));
  } catch (error) {
    if (signal.aborted) return [(tx) => tx.updateBriefStatus(briefId, "pending", { from: "active" })];
    return fail(briefId, error);
  }
}

async function rollUp(board: Board, parentBriefId: string): Promise<Rollup> {
  const total: Rollup = { files: 0, bytes: 0, lines: 0, languages: {} };
  for await (const brief of listAll(board, { parentBriefId, status: "done" })) {
    const part = brief.role === "file" ? asRollup(brief.result as FileResult) : (brief.result as Rollup);
    addTo(total, part);
    for (const [language, sum] of Object.entries(part.languages)) {
      total.languages[language] ??= { files: 0, bytes: 0, lines: 0 };
      addTo(total.languages[language], sum);
    }
  }
  return total;
}

function asRollup({ bytes, lines, language }: FileResult): Rollup {
  const sum = { files: 1, bytes, lines };
  return { ...sum, languages: { [language]: sum } };
}

function addTo(total: Sum, part: Sum): void {
  total.files += part.files;
  total.bytes += part.bytes;
  total.lines += part.lines;
}
