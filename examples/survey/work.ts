/**
 * A worker: claims briefs one after another, first files, then folders, then the whole survey, and stores their results. Any
 * number of workers can run concurrently, in any process. If a worker dies, another worker claims its brief when the lease
 * expires.
 */
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { BlackboardError, type ClaimOf, LostClaimError } from "run-blackboard";
import { type Board, together } from "./board.ts";
import { measure } from "./measure.ts";
import { reasonOf } from "./reasons.ts";
import type { FileResult, Rollup, roles } from "./roles.ts";

/** A worker renews its lease every third of this time; the brief of a dead worker waits this long. */
const leaseMs = 5000;
/** Number of retries after which a file fails, since reading it may be what kills workers. */
export const maxRetries = 3;
/** Interval at which an idle worker checks for briefs. */
const pollMs = 100;

type Claim = ClaimOf<typeof roles>;

interface Job {
  board: Board;
  /** The surveyed folder. */
  folder: string;
  agentId: string;
  /** Stops the worker, which releases its claim. */
  signal: AbortSignal;
}

/** Works until the survey is complete or the signal aborts. */
export async function work(job: Job): Promise<void> {
  const { board, agentId, signal } = job;
  for (const role of ["file", "folder", "survey"] as const) {
    const request = { agentId, leaseMs, role, maxRetries: role === "file" ? maxRetries : undefined };
    while (!signal.aborted) {
      const claim = await board.claimBrief(request);
      if (claim) await attempt(job, claim);
      else if (await isFinished(board, role)) break;
      // Other workers hold the last briefs, and may die before finishing them.
      else await pause(pollMs);
    }
  }
}

/** Reads briefs, not events: claiming or releasing a brief logs no event. */
async function isFinished(board: Board, role: Claim["role"]): Promise<boolean> {
  const { items } = await board.listBriefs({ role, status: ["pending", "active"], limit: 1 });
  return items.length === 0;
}

async function attempt(job: Job, claim: Claim): Promise<void> {
  try {
    await perform(job, claim).catch(async (error) => {
      if (!job.signal.aborted || error instanceof BlackboardError) throw error;
      await job.board.releaseClaim(claim);
    });
  } catch (error) {
    // This process was suspended for longer than its lease, and a different worker has claimed the brief.
    if (!(error instanceof LostClaimError)) throw error;
  }
}

async function perform(job: Job, claim: Claim): Promise<void> {
  if (claim.role === "file") await measureFile(job, claim);
  else await sumUp(job, claim);
}

async function measureFile({ board, folder, signal }: Job, claim: ClaimOf<typeof roles, "file">): Promise<void> {
  const path = join(folder, claim.brief.payload.path);
  let result: FileResult;
  try {
    result = await board.holdClaim(claim, { leaseMs, signal }, (signal) => measure(path, signal));
  } catch (error) {
    if (signal.aborted || error instanceof BlackboardError) throw error;
    await board.failBrief(claim, { reason: reasonOf(error) });
    return;
  }
  await board.completeBrief(claim, result);
}

async function sumUp({ board, signal }: Job, claim: ClaimOf<typeof roles, "folder" | "survey">): Promise<void> {
  const { briefId } = claim.brief;
  const rollup = await board.holdClaim(claim, { leaseMs, signal }, (signal) => rollUp(board, briefId, signal));
  await together(board, [
    (tx) => tx.completeBrief(claim, rollup),
    (tx) => (claim.role === "folder" ? tx.updateWorkstreamStatus(briefId, "done") : tx.updateRunStatus("done")),
  ]);
}

async function rollUp(board: Board, parentBriefId: string, signal: AbortSignal): Promise<Rollup> {
  const total: Rollup = { files: 0, bytes: 0, lines: 0, languages: {} };
  let after: string | undefined;
  do {
    const page = await board.listBriefs({ parentBriefId, status: "done", after, limit: 1000 });
    for (const { role, result } of page.items) {
      if (result) addTo(total, role === "file" ? asRollup(result) : result);
    }
    after = page.next ?? undefined;
    // Yield, so that the lease is renewed even in a folder of a million files.
    await nextTurn(undefined, { signal });
  } while (after !== undefined);
  return total;
}

function asRollup({ bytes, lines, language }: FileResult): Rollup {
  const sum = { files: 1, bytes, lines };
  return { ...sum, languages: { [language]: sum } };
}

function addTo(total: Rollup, part: Rollup): void {
  addSum(total, part);
  for (const [language, sum] of Object.entries(part.languages)) {
    total.languages[language] ??= { files: 0, bytes: 0, lines: 0 };
    addSum(total.languages[language], sum);
  }
}

type Sum = Omit<Rollup, "languages">;

function addSum(total: Sum, part: Sum): void {
  total.files += part.files;
  total.bytes += part.bytes;
  total.lines += part.lines;
}
