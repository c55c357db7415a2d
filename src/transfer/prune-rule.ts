/**
 * Which runs may be deleted: those that are finished, and have been so for long enough.
 */
import type { RunStatus, Timestamp } from "../../drizzle/vocabulary.ts";
import type { Check, Names } from "../input/check.ts";
import { timestamps } from "../input/options.ts";
import type { ListedSummary } from "../operations/overview.ts";

export interface PruneRule {
  /** Only runs whose last change is at least so long ago, in milliseconds: of the run, a workstream, a brief, or an event. */
  olderThanMs: number;
  /** Says what would be deleted and changes nothing. */
  dryRun?: boolean | undefined;
  /** For tests: what time it is. */
  clock?: (() => Date) | undefined;
}
export const ruleNames: Names<PruneRule> = { olderThanMs: true, dryRun: true, clock: true };

/** What became of one run. */
export interface PrunedRun {
  /** The run's id; that of its folder where the file cannot be read or holds no run. */
  runId: string;
  /** The file's absolute path, or the server and database without credentials. */
  location: string;
  /** Null where it cannot be read. */
  status: RunStatus | null;
  /** The last change. */
  changedAt: Timestamp | null;
  /** due: it would have been deleted, but for `dryRun`. */
  outcome: "deleted" | "due" | "kept";
  /** Why it was kept. */
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
  /** In milliseconds since 1970: what was changed later is kept. */
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

/** Why the rule keeps a run, or null if it does not. */
export function reasonToKeep({ status, changedAt }: RunAge, { latest }: CheckedRule): string | null {
  if (status !== "done" && status !== "failed") return `its status is ${status}; only done and failed runs are deleted`;
  // A time that cannot be read is not old.
  return Date.parse(changedAt) <= latest ? null : `it was last changed at ${changedAt}`;
}
