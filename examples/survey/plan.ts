/**
 * Plans a survey: a workstream for each top-level folder, and a tree of briefs, with the whole survey in tier 0, top-level folders
 * in tier 1 and files in tier 2.
 *
 * Ids are derived from paths, so that planning can be repeated after an interruption without duplicates.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type NewBrief as NewBriefOf, TransitionError } from "run-blackboard";
import { type Board, type Step, together } from "./board.ts";
import { reasonOf } from "./reasons.ts";
import type { Progress } from "./report.ts";
import { type roles, wholeId } from "./roles.ts";
import type { Entry, Found } from "./walk.ts";

type NewBrief = NewBriefOf<typeof roles>;

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
  let folders: Step[] = [];
  let briefs: NewBrief[] = [{ briefId: wholeId, tier: 0, role: "survey", payload: { path: "." } }];
  // A folder's brief precedes those of its files, and all of them are one list.
  const spawned = (): Step[] => {
    const list = briefs;
    return list.length > 0 ? [(tx) => tx.spawnBriefs(list)] : [];
  };
  let count = 1;
  try {
    for await (const found of walked) {
      if (found.role === "folder") folders.push(...addWorkstream(found.entry));
      briefs.push(briefOf(found));
      failures.push(...failure(found));
      if (++count % foundAtATime > 0) continue;
      await together(board, [whilePlanning, ...folders, ...spawned()]);
      [folders, briefs] = [[], []];
      progress.planned(count);
      await nextTurn();
      if (signal.aborted) return;
    }
    // Briefs that cannot be surveyed are failed in the last commit, so that a repeated plan logs each failure once.
    await together(board, [endPlanning, ...folders, ...spawned(), ...failures]);
  } catch (error) {
    // A concurrent start of the same run has already finished planning.
    if (!(error instanceof TransitionError)) throw error;
  }
}

const whilePlanning: Step = (tx) => tx.updateRunStatus("pending", { from: "pending" });
const endPlanning: Step = (tx) => tx.updateRunStatus("active", { from: "pending" });

/** The folder's brief and its workstream share an id. */
function addWorkstream(entry: Entry): Step[] {
  const id = idOf("folder", entry);
  return [
    (tx) => tx.createWorkstream({ workstreamId: id, name: entry.path, tier: 1 }),
    (tx) => tx.updateWorkstreamStatus(id, "active"),
  ];
}

function briefOf(found: Found): NewBrief {
  const briefId = idOf(found.role, found.entry);
  const payload = { path: found.entry.path };
  if (found.role === "folder") {
    return { briefId, parentBriefId: wholeId, workstreamId: briefId, tier: 1, role: "folder", payload };
  }
  const folderId = idOf("folder", found.top);
  return { briefId, parentBriefId: folderId, workstreamId: folderId, tier: 2, role: "file", payload };
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
