/**
 * Every run of a database with its summary. A run whose row another program has spoilt is listed with the error that says how:
 * it doesn't hide the others.
 */
import { runStatuses } from "../../drizzle/vocabulary.ts";
import { BlackboardError, UnreadableRowError } from "../errors.ts";
import { shown } from "../input/check.ts";
import { type Context, inSnapshot, type Operation } from "./operation.ts";
import { allRuns, type ListedSummary, summarizeListed } from "./overview.ts";
import type { Run } from "./runs.ts";

type ListedRun =
  | { runId: string; run: Run; summary: ListedSummary; error: null }
  /** `runId` is null where it is not text. */
  | { runId: string | null; run: null; summary: null; error: BlackboardError };

/** In order of the ids. */
export function* listEachRun(context: Omit<Context, "runId">): Operation<ListedRun[]> {
  return yield* inSnapshot(function* () {
    const listed: ListedRun[] = [];
    for (const run of yield* allRuns({})) {
      try {
        requireReadable(run);
        listed.push({ runId: run.runId, run, summary: yield* summarizeListed(run, context), error: null });
      } catch (error) {
        if (!(error instanceof BlackboardError)) throw error;
        listed.push({ runId: isText(run.runId) ? run.runId : null, run: null, summary: null, error });
      }
    }
    return listed;
  });
}

/** @throws UnreadableRowError for a run that no writer of this package has written. */
export function requireReadable(run: Run): void {
  requireThat(isText(run.runId), run, "runId", run.runId, "an id");
  requireThat(isText(run.goal), run, "goal", run.goal, "text");
  requireThat(runStatuses.includes(run.status), run, "status", run.status, `one of ${runStatuses.join(", ")}`);
  requireTime(run, "createdAt", run.createdAt);
  requireTime(run, "updatedAt", run.updatedAt);
}

function requireTime(run: Run, column: string, time: unknown): void {
  const isTime = typeof time === "string" && !Number.isNaN(Date.parse(time));
  requireThat(isTime, run, column, time, "a time in ISO 8601");
}

function requireThat(holds: boolean, run: Run, column: string, value: unknown, expected: string): void {
  if (holds) return;
  const id = isText(run.runId) ? run.runId : shown(run.runId);
  throw new UnreadableRowError("run", id, column, shown(value), undefined, expected);
}

/** SQLite keeps whatever another program puts into a column, so the type of a row is what it should be. */
function isText(value: unknown): value is string {
  return typeof value === "string";
}
