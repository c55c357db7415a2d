/**
 * The summary: the run's columns and what it holds, counted. One statement, so one snapshot on every engine.
 */
import { type AnyColumn, desc, eq, sql } from "drizzle-orm";
import {
  type BriefStatus,
  briefStatuses,
  type EventKind,
  eventKinds,
  type WorkstreamStatus,
  workstreamStatuses,
} from "../../drizzle/vocabulary.ts";
import { NotFoundError } from "../errors.ts";
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

const summarize = statement<{ runId: string }>()(({ db, t }, $) => {
  const { runs, workstreams, briefs, events } = t;
  const tallies = db
    .select({ subject: subject("workstreams"), label: label(workstreams.status), n: counted })
    .from(workstreams)
    .where(eq(workstreams.runId, $.runId))
    .groupBy(workstreams.status)
    .unionAll(
      db
        .select({ subject: subject("briefs"), label: label(briefs.status), n: counted })
        .from(briefs)
        .where(eq(briefs.runId, $.runId))
        .groupBy(briefs.status),
    )
    .unionAll(
      db
        .select({ subject: subject("events"), label: label(events.kind), n: counted })
        .from(events)
        .where(eq(events.runId, $.runId))
        .groupBy(events.kind),
    )
    .as("tallies");
  const newest = db
    .select({ seq: events.seq })
    .from(events)
    .where(eq(events.runId, $.runId))
    .orderBy(desc(events.seq))
    .limit(1);
  return db
    .select({
      run: runs,
      lastSeq: sql<number>`coalesce(${newest}, 0)`,
      subject: tallies.subject,
      label: tallies.label,
      n: tallies.n,
    })
    .from(runs)
    .leftJoin(tallies, sql`true`)
    .where(eq(runs.runId, $.runId));
});

type Subject = "workstreams" | "briefs" | "events";
const subject = (name: Subject) => sql<Subject>`${sql.raw(`'${name}'`)}`.as("subject");
/** As plain text, so that a UNION can join the three vocabularies. */
const label = (column: AnyColumn) => sql<string>`${column}`.as("label");
const counted = sql<number>`count(*)`.as("n");

export function* getRunSummary({ runId }: Context): Operation<RunSummary> {
  const rows = yield* summarize({ runId });
  const [first] = rows;
  if (!first) throw new NotFoundError("run", runId, runId);
  const counts = {
    workstreams: zeros(workstreamStatuses),
    briefs: zeros(briefStatuses),
    events: zeros(eventKinds),
  };
  for (const { subject, label, n } of rows) {
    // A left join without a partner: the run is still empty.
    if (subject !== null && label !== null) Object.assign(counts[subject], { [label]: Number(n) });
  }
  return { ...first.run, lastSeq: Number(first.lastSeq), ...counts };
}

export function zeros<Label extends string>(vocabulary: readonly Label[]): Record<Label, number> {
  return Object.fromEntries(vocabulary.map((label) => [label, 0])) as Record<Label, number>;
}
