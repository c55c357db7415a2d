/**
 * The plan of a survey: a workstream for each folder at the top, and a tree of briefs, in which the whole is tier 0, a folder
 * at the top tier 1, and a file tier 2.
 *
 * Ids follow from paths, so that planning again finds what is there: an interrupted plan is made once more and is whole.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { TransitionError } from "run-blackboard";
import { type Board, type Step, together } from "./board.ts";
import { reasonOf } from "./reasons.ts";
import type { Progress } from "./report.ts";
import type { Entry, Found } from "./walk.ts";

export const wholeId = "survey";

/** In one commit. A large folder has many of them, so that Ctrl-C is heard in between. */
const foundAtATime = 100;

/** The run is `pending` as long as it is planned, and `active` from then on. */
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
    // What cannot be surveyed fails at the very end, and so once, however often the plan is made.
    await together(board, [endPlanning, ...batch, ...failures]);
  } catch (error) {
    // Then another start of the same run has made the plan to its end, and nothing is added to that.
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

/** The path itself where it fits: an id has at most 256 characters, and two names that are not text may look alike. */
function idOf(role: Found["role"], { path, bytes }: Entry): string {
  const id = `${role}/${path}`;
  const fits = id.length <= 200 && Buffer.from(path).equals(bytes);
  return fits ? id : `${role}/sha256-${createHash("sha256").update(bytes).digest("hex")}`;
}
