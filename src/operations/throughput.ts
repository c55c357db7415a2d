/**
 * The throughput of a run: how many events of each kind, and how many completions a minute.
 */
import { desc, eq, gte, sql } from "drizzle-orm";
import { type EventKind, eventKinds, type Timestamp } from "../../drizzle/vocabulary.ts";
import { atMost } from "./index-choice.ts";
import { type Operation, statement } from "./operation.ts";
import { zeros } from "./summary.ts";

/** What happened lately: in the last hour, or as far back as the newest 10,000 events reach. */
export interface Throughput {
  /** From when on. */
  since: Timestamp;
  /** How long that is, in milliseconds. */
  windowMs: number;
  events: Record<EventKind, number>;
  completedPerMinute: number;
}

const windowMs = 3_600_000;
const windowEvents = 10_000;

const lately = statement<{ runId: string; since: Timestamp }>()(({ db, t: { events }, through }, $) => {
  const newest = db
    .select({ kind: events.kind, createdAt: events.createdAt })
    .from(through(events, "key"))
    .where(eq(events.runId, $.runId))
    .orderBy(desc(events.seq))
    .limit(atMost(windowEvents))
    .as("newest");
  return db
    .select({ kind: newest.kind, n: sql<number>`count(*)`, oldest: sql<Timestamp>`min(${newest.createdAt})` })
    .from(newest)
    .where(gte(newest.createdAt, $.since))
    .groupBy(newest.kind);
});

export function* getThroughput(runId: string, now: Date): Operation<Throughput> {
  const hourAgo = new Date(now.getTime() - windowMs).toISOString();
  const kinds = yield* lately({ runId, since: hourAgo });
  const events = zeros(eventKinds);
  for (const { kind, n } of kinds) events[kind] = Number(n);
  const counted = Object.values(events).reduce((sum, count) => sum + count, 0);
  const oldest = kinds.map(({ oldest }) => oldest).sort()[0];
  const since = counted === windowEvents && oldest !== undefined ? oldest : hourAgo;
  const span = Math.max(1, now.getTime() - Date.parse(since));
  return {
    since,
    windowMs: span,
    events,
    completedPerMinute: Math.round((events.completed / span) * 60_000 * 100) / 100,
  };
}
