/**
 * Decides which runs `prune` deletes: finished runs that have not changed for long enough.
 */
import type { RunStatus, Timestamp } from "../../drizzle/vocabulary.ts";
import type { Check, Names } from "../input/check.ts";
import { timestamps } from "../input/options.ts";
import type { ListedSummary } from "../operations/overview.ts";

export interface PruneRule {
  /** Minimum age in milliseconds of the last change to the run, a workstream, a brief or an event. */
  olderThanMs: number;
  /** Reports what would be deleted and changes nothing. */
  dryRun?: boolean | undefined;
  /** Returns the current time; for tests. */
  clock?: (() => Date) | undefined;
}
export const ruleNames: Names<PruneRule> = { olderThanMs: true, dryRun: true, clock: true };

/** The outcome for one run. */
export interface PrunedRun {
  /** The run's id; the folder's name if the file cannot be read or contains no run. */
  runId: string;
  /** The file's absolute path, or the server and database without credentials. */
  location: string;
  /** Null if the file cannot be read. */
  status: RunStatus | null;
  /** The time of the last change. */
  changedAt: Timestamp | null;
  /** due: would be deleted without `dryRun`. */
  outcome: "deleted" | "due" | "kept";
  /** Why the run was kept; null otherwise. */
  reason: string | null;
}

export type RunAge = Pick<PrunedRun, "runId"> & { status: RunStatus; changedAt: Timestamp };

export function ageOf({
  runId,
  status,
  lastChangeAt,
}: Pick<ListedSummary, "runId" | "status" | "lastChangeAt">): RunAge {
  return { runId, status, changedAt: lastChangeAt };
}

export interface CheckedRule {
  /** Unix time in milliseconds: runs changed after it are kept. */
  readonly latest: number;
  readonly dryRun: boolean;
}

export function checkRule(check: Check, { olderThanMs, dryRun, clock }: Partial<PruneRule>): CheckedRule {
  const ageMs = check.integer("olderThanMs", olderThanMs, 0, Number.MAX_SAFE_INTEGER);
  if (clock !== undefined) check.callable("clock", clock);
  const isDry = dryRun !== undefined && check.boolean("dryRun", dryRun);
  check.done();
  const now = timestamps(clock ?? (() => new Date()));
  return { latest: Date.parse(now()) - ageMs, dryRun: isDry };
}

/** Returns why the rule keeps a run; null if the run may be deleted. */
export function reasonToKeep({ status, changedAt }: RunAge, { latest }: CheckedRule): string | null {
  if (status !== "done" && status !== "failed") return `its status is ${status}; only done and failed runs are deleted`;
  // NaN, from an invalid time, compares false: the run is kept.
  return Date.parse(changedAt) <= latest ? null : `it was last changed at ${changedAt}`;
}
