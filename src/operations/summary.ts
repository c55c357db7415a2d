/**
 * The summary: the run's columns and what it holds, counted. One statement, so one snapshot on every engine. It counts
 * nothing itself: `tallies` says how many there are.
 */
import { desc, eq, getTableColumns, sql } from "drizzle-orm";
import {
  type BriefStatus,
  briefStatuses,
  type EventKind,
  eventKinds,
  type WorkstreamStatus,
  workstreamStatuses,
} from "../../drizzle/vocabulary.ts";
import { NotFoundError } from "../errors.ts";
import { atMost } from "./index-choice.ts";
import { type Context, type Operation, statement } from "./operation.ts";
import type { Run } from "./runs.ts";

/** Every status and kind is there, 0 where there is none. */
export interface RunSummary extends Run {
  /** `seq` of the newest event, 0 if there is none: show this state, then watch from here. */
  lastSeq: number;
  workstreams: Record<WorkstreamStatus, number>;
  briefs: Record<BriefStatus, number>;
  events: Record<EventKind, number>;
}

const summarize = statement<{ runId: string }>()(({ db, t, through }, $) => {
  const { runs, tallies, events } = t;
  const newest = db
    .select({ seq: events.seq })
    .from(through(events, "key"))
    .where(eq(events.runId, $.runId))
    .orderBy(desc(events.seq))
    .limit(atMost(1));
  return db
    .select({
      ...getTableColumns(runs),
      lastSeq: sql<number>`coalesce(${newest}, 0)`,
      subject: tallies.subject,
      label: tallies.label,
      n: tallies.n,
    })
    .from(through(runs, "key"))
    .leftJoin(through(tallies, "key"), eq(tallies.runId, runs.runId))
    .where(eq(runs.runId, $.runId));
});

export function* getRunSummary({ runId }: Context): Operation<RunSummary> {
  const rows = yield* summarize({ runId });
  const [first] = rows;
  if (!first) throw new NotFoundError("run", runId, runId);
  const { subject: _, label: __, n: ___, lastSeq, ...run } = first;
  const counts = {
    workstreams: zeros(workstreamStatuses),
    briefs: zeros(briefStatuses),
    events: zeros(eventKinds),
  };
  for (const { subject, label, n } of rows) {
    // A left join without a partner: the run is still empty.
    if (subject !== null && label !== null && Number(n) !== 0) Object.assign(counts[subject], { [label]: Number(n) });
  }
  return { ...run, lastSeq: Number(lastSeq), ...counts };
}

export function zeros<Label extends string>(vocabulary: readonly Label[]): Record<Label, number> {
  return Object.fromEntries(vocabulary.map((label) => [label, 0])) as Record<Label, number>;
}
