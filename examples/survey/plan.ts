/**
 * Plans a survey: a workstream for each top-level folder, and a tree of briefs, with the whole survey in tier 0, top-level folders
 * in tier 1 and files in tier 2.
 *
 * Ids are derived from paths, so that planning can be repeated after an interruption without duplicates.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { TransitionError } from "run-blackboard";
import { type Board, type Step, together } from "./board.ts";
import { reasonOf } from "./reasons.ts";
import type { Progress } from "./report.ts";
import { wholeId } from "./roles.ts";
import type { Entry, Found } from "./walk.ts";

/** Number of briefs per commit, so that Ctrl-C can stop planning between two commits. */
const foundAtATime = 100;

/** Creates the briefs. The run is `pending` while it is planned, then `active`. */
export async function plan(
  board: Board,
  walked: AsyncIterable<Found>,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const failures: Step[] = [];
  let batch: Step[] = [(tx) => tx.spawnBrief({ briefId: wholeId, tier: 0, role: "survey", payload: { path: "." } })];
  let count = 1;
  try {
    for await (const found of walked) {
      batch.push(...add(found));
      failures.push(...failure(found));
      if (++count % foundAtATime > 0) continue;
      await together(board, [whilePlanning, ...batch]);
      batch = [];
      progress.planned(count);
      await nextTurn();
      if (signal.aborted) return;
    }
    // Briefs that cannot be surveyed are failed in the last commit, so that a repeated plan logs each failure once.
    await together(board, [endPlanning, ...batch, ...failures]);
  } catch (error) {
    // A concurrent start of the same run has already finished planning.
    if (!(error instanceof TransitionError)) throw error;
  }
}

const whilePlanning: Step = (tx) => tx.updateRunStatus("pending", { from: "pending" });
const endPlanning: Step = (tx) => tx.updateRunStatus("active", { from: "pending" });

function add(found: Found): Step[] {
  return found.role === "folder" ? addFolder(found.entry) : addFile(found.entry, found.top);
}

/** The folder's brief and its workstream share an id. */
function addFolder(entry: Entry): Step[] {
  const id = idOf("folder", entry);
  const { path } = entry;
  const brief = { briefId: id, parentBriefId: wholeId, workstreamId: id, tier: 1, payload: { path } };
  return [
    (tx) => tx.createWorkstream({ workstreamId: id, name: path, tier: 1 }),
    (tx) => tx.updateWorkstreamStatus(id, "active"),
    (tx) => tx.spawnBrief({ ...brief, role: "folder" }),
  ];
}

function addFile(entry: Entry, top: Entry): Step[] {
  const briefId = idOf("file", entry);
  const folderId = idOf("folder", top);
  const { path } = entry;
  const brief = { briefId, parentBriefId: folderId, workstreamId: folderId, tier: 2, payload: { path } };
  return [(tx) => tx.spawnBrief({ ...brief, role: "file" })];
}

function failure({ role, entry }: Found): Step[] {
  if (!entry.problem) return [];
  const id = idOf(role, entry);
  const detail = { reason: reasonOf(entry.problem) };
  const failed: Step = (tx) => tx.failBrief(id, detail);
  return role === "file" ? [failed] : [failed, (tx) => tx.updateWorkstreamStatus(id, "failed")];
}

/** Returns an id with the path, or with its hash if it is too long (ids have at most 256 characters) or is not valid UTF-8. */
function idOf(role: Found["role"], { path, bytes }: Entry): string {
  const id = `${role}/${path}`;
  const fits = id.length <= 200 && Buffer.from(path).equals(bytes);
  return fits ? id : `${role}/sha256-${createHash("sha256").update(bytes).digest("hex")}`;
}
