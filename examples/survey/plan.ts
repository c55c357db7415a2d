/**
 * The plan of a survey: a workstream for each folder at the top, and a tree of briefs, in which the whole is tier 0, a folder
 * at the top tier 1, and a file tier 2.
 *
 * Ids follow from paths, so that planning again finds what is there: an interrupted plan is made once more and is whole.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { batches } from "./batches.ts";
import { type Board, type Step, together } from "./board.ts";
import { fail, spawn } from "./briefs.ts";
import type { Progress } from "./report.ts";
import type { Entry, Found } from "./walk.ts";

export const wholeId = "survey";

/** The run is `pending` as long as it is planned, and `active` from then on. */
export async function plan(
  board: Board,
  walked: AsyncIterable<Found>,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const failures: Step[] = [];
  await together(board, spawn({ briefId: wholeId, tier: 0, role: "survey", payload: { path: "." } }));
  for await (const batch of batches(walked)) {
    if (signal.aborted) return;
    await together(board, batch.flatMap(add));
    failures.push(...batch.flatMap(failure));
    progress.planned(await board.getRunSummary());
    // A large folder is one long list: without this, a signal would not be heard before its end.
    await nextTurn();
  }
  // At the very end, and so once, however often the plan is made.
  await together(board, [...failures, (tx) => tx.updateRunStatus("active", { from: "pending" })]);
}

function add(found: Found): Step[] {
  return found.role === "folder" ? addFolder(found.entry) : addFile(found.entry, found.top);
}

/** The folder's brief and its workstream share an id. */
function addFolder(entry: Entry): Step[] {
  const id = idOf("folder", entry);
  const { path } = entry;
  const brief = { briefId: id, parentBriefId: wholeId, workstreamId: id, tier: 1, role: "folder", payload: { path } };
  return [(tx) => tx.createWorkstream({ workstreamId: id, name: path, tier: 1 }), ...spawn(brief)];
}

function addFile(entry: Entry, top: Entry): Step[] {
  const briefId = idOf("file", entry);
  const folderId = idOf("folder", top);
  const { path } = entry;
  return spawn({ briefId, parentBriefId: folderId, workstreamId: folderId, tier: 2, role: "file", payload: { path } });
}

function failure({ role, entry }: Found): Step[] {
  if (!entry.problem) return [];
  const id = idOf(role, entry);
  const failed = fail(id, entry.problem);
  return role === "file" ? failed : [(tx) => tx.updateWorkstreamStatus(id, "failed"), ...failed];
}

/** The path itself where it fits: an id has at most 256 characters, and two names that are not text may look alike. */
function idOf(role: Found["role"], { path, bytes }: Entry): string {
  const id = `${role}/${path}`;
  const fits = id.length <= 200 && Buffer.from(path).equals(bytes);
  return fits ? id : `${role}/sha256-${createHash("sha256").update(bytes).digest("hex")}`;
}
