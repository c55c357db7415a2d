/**
 * How long work takes: from a brief's latest claim to its end, and when the run will have finished at the present rate. Reads
 * the newest events only, so that the cost does not grow with the run.
 */
import { and, desc, eq, isNotNull, sql } from "drizzle-orm";
import type { EventKind, Timestamp } from "../../drizzle/vocabulary.ts";
import type { Backlog } from "./backlog.ts";
import { among, atMost, filtered, literal } from "./index-choice.ts";
import { moves } from "./lifecycle.ts";
import { family, type Operation, statement } from "./operation.ts";
import type { RunSummary } from "./summary.ts";

/** The times from claim to end of briefs that are done or failed, in milliseconds. */
export interface Durations {
  /** How many briefs were measured: those that ended last and had been claimed. */
  briefs: number;
  medianMs: number;
  /** 95 % took at most this long. */
  p95Ms: number;
}

/** The kinds of events that end a brief. */
const endings = [
  ...new Set(Object.values(moves).flatMap(({ to, logs }) => (to === "done" || to === "failed" ? [logs] : []))),
];

/** Of each kind. Reading 5,000 briefs by key takes 10 ms; more would hardly change the quantiles. */
const newestOfKind = 5000;

const newestEnded = family((kind: EventKind) =>
  statement<{ runId: string }>()(({ db, t: { events }, through, ofRunThrough }, $) =>
    db
      .select({ briefId: sql<string>`${events.briefId}` })
      .from(through(events, "events_by_kind"))
      .where(and(ofRunThrough(events.runId, "events_by_kind", $.runId), eq(events.kind, literal(kind))))
      .orderBy(desc(events.seq))
      .limit(atMost(newestOfKind)),
  ),
);

const spansOf = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { briefs } = lens.t;
  const hasEnded = among(briefs.status, [literal("done"), literal("failed")]);
  return lens.db
    .select({ claimedAt: briefs.claimedAt, endedAt: briefs.updatedAt })
    .from(lens.through(briefs, "key"))
    .where(
      and(
        lens.ofRun(briefs.runId, $.runId),
        lens.among(briefs.briefId, $.ids),
        filtered(and(hasEnded, isNotNull(briefs.claimedAt))),
      ),
    );
});

/** Returns the durations of the briefs that ended last, up to 5,000 of each way to end; null if no agent has ended one. */
export function* readDurations(runId: string): Operation<Durations | null> {
  const ids = new Set<string>();
  for (const kind of endings) {
    for (const { briefId } of yield* newestEnded(kind)({ runId })) if (typeof briefId === "string") ids.add(briefId);
  }
  if (ids.size === 0) return null;
  const spans = yield* spansOf({ runId, ids: JSON.stringify([...ids]) });
  const sorted = spans.flatMap((span) => durationOf(span) ?? []).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  return { briefs: sorted.length, medianMs: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
}

/** Returns the milliseconds from a claim to its end; `undefined` without a claim and for invalid times. */
export function durationOf(span: { claimedAt: Timestamp | null; endedAt: Timestamp }): number | undefined {
  if (span.claimedAt === null) return undefined;
  const ms = Date.parse(span.endedAt) - Date.parse(span.claimedAt);
  return ms >= 0 ? ms : undefined;
}

/** Returns the smallest value of a sorted list that at least this part of its values does not exceed; 0 for an empty list. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

type Known = Pick<RunSummary, "briefs" | "createdAt"> & {
  throughput: { since: Timestamp; windowMs: number; events: Readonly<Record<EventKind, number>> };
  backlog: Pick<Backlog, "waitingForFailed" | "blocked">;
  allowsClaims: boolean;
};

/**
 * Returns when the briefs that can still end will have ended, at the rate of the throughput's window; null if there are none, or
 * if none ended in it. Briefs that wait for something failed, or are in a blocked workstream, do not count.
 */
export function estimateEnd({ briefs, throughput, backlog, allowsClaims, createdAt }: Known, now: Date): string | null {
  const left = briefs.pending + briefs.active - backlog.waitingForFailed - backlog.blocked;
  const ended = endings.reduce((sum, kind) => sum + throughput.events[kind], 0);
  if (!allowsClaims || left <= 0 || ended === 0) return null;
  const beganAt = Date.parse(createdAt);
  // A run that began within the window would seem slower than it is. NaN, from an invalid time, compares false.
  const spanMs = beganAt > Date.parse(throughput.since) ? now.getTime() - beganAt : throughput.windowMs;
  const end = now.getTime() + (Math.max(0, spanMs) / ended) * left;
  return end < maxTime ? new Date(end).toISOString() : null;
}

/** The year 9999: a later one has no form that sorts after it. */
const maxTime = Date.parse("9999-12-31T23:59:59.999Z");
