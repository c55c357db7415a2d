/**
 * What a report tells of a run, read in one snapshot: every brief without what it carries, events counted in buckets of time,
 * and of texts only the beginnings of those that are shown.
 */
import { type AnyColumn, and, asc, desc, eq, inArray, max, type SQL, sql } from "drizzle-orm";
import type { EventKind, Timestamp } from "../../drizzle/vocabulary.ts";
import { textFlaw } from "../input/check.ts";
import { explainWaiting, findWaitingForFailed, type WaitingBrief } from "./blockers.ts";
import { atMost } from "./index-choice.ts";
import { moves } from "./lifecycle.ts";
import { type Context, inSnapshot, type Lens, type Operation, query, statement } from "./operation.ts";
import { type BriefOutline, outlineColumns } from "./outlines.ts";
import { getRunOverview, type RunOverview } from "./overview.ts";
import { requireReadable } from "./run-listings.ts";

export type { BriefOutline, WaitingBrief };

/** The beginning of a JSON text, and how long all of it is, in characters. */
export interface Excerpt {
  text: string | null;
  length: number;
}

export interface ReportData {
  overview: RunOverview;
  /** All of them, oldest first. */
  briefs: BriefOutline[];
  /** Events by the beginning of their time, such as `2026-11-22T06:40`, and kind; in order of time. */
  activity: { time: string; kind: EventKind; n: number }[];
  /** By brief: those shown in full, and the failed ones. */
  texts: Map<string, { payload: Excerpt; result: Excerpt }>;
  /** The failed briefs that changed last, newest first. */
  failures: string[];
  /** The newest event of a move that failed the brief, by brief. */
  reasons: Map<string, { kind: EventKind; createdAt: Timestamp; detail: Excerpt }>;
  /** What briefs wait for: of those that wait for something failed, and the oldest others, up to `reportLimits.waiting` each. */
  waiting: Map<string, WaitingBrief>;
  /** The oldest of those that wait, directly or through others, for something failed. */
  waitingForFailed: string[];
  /** Newest first. */
  newestEvents: { seq: number; kind: EventKind; briefId: string | null; createdAt: Timestamp; detail: Excerpt }[];
}

/** Small enough that the page stays below 5 MB even if every character shown takes the six bytes of an entity. */
export const reportLimits = {
  failures: 50,
  newestEvents: 50,
  briefsWithTexts: 100,
  waiting: 1000,
  waitingForFailed: 50,
  characters: 1200,
} as const;

const n = sql<number>`count(*)`;

/** Cut by the database: what is not shown need not be read into memory. Undecoded, so that no text is too broken to show. */
function excerpt(column: AnyColumn) {
  const text = sql`cast(${column} as text)`;
  return {
    text: sql<string | null>`substr(${text}, 1, ${sql.raw(String(reportLimits.characters))})`,
    length: sql<number>`coalesce(length(${text}), 0)`,
  };
}

/** Another program may have stored bytes, or no id. */
const plainText = (column: AnyColumn) => sql<string | null>`cast(${column} as text)`;

const outlines = statement<{ runId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select({
      ...outlineColumns(lens),
      briefId: sql<string>`coalesce(${plainText(briefs.briefId)}, 'NULL')`,
      role: sql<string>`${plainText(briefs.role)}`,
      claimedBy: plainText(briefs.claimedBy),
    })
    .from(lens.through(briefs, "briefs_by_age"))
    .where(lens.ofRunThrough(briefs.runId, "briefs_by_age", $.runId))
    .orderBy(asc(briefs.createdAt), asc(briefs.briefId));
});

const newest = statement<{ runId: string }>()(({ db, t: { events }, through }, $) =>
  db
    .select({
      seq: events.seq,
      kind: events.kind,
      briefId: events.briefId,
      createdAt: events.createdAt,
      detail: excerpt(events.detail),
    })
    .from(through(events, "key"))
    .where(eq(events.runId, $.runId))
    .orderBy(desc(events.seq))
    .limit(atMost(reportLimits.newestEvents)),
);

const oldest = statement<{ runId: string }>()(({ db, t: { events }, through }, $) =>
  db
    .select({ createdAt: events.createdAt })
    .from(through(events, "key"))
    .where(eq(events.runId, $.runId))
    .orderBy(asc(events.seq))
    .limit(atMost(1)),
);

export function* gatherReport(context: Context): Operation<ReportData> {
  return yield* inSnapshot(function* () {
    const { runId } = context;
    const overview = yield* getRunOverview(context);
    requireReadable(overview);
    const briefs = yield* outlines({ runId });
    const [first] = yield* oldest({ runId });
    const newestEvents = yield* newest({ runId });
    const failures = newestFailures(briefs);
    const { waiting, waitingForFailed } = yield* readWaiting(context, briefs, overview.backlog.waitingForFailed > 0);
    const shown = briefs.slice(0, reportLimits.briefsWithTexts).map(({ briefId }) => briefId);
    return {
      overview,
      briefs,
      activity: yield* countActivity(runId, first?.createdAt, newestEvents[0]?.createdAt),
      texts: yield* readTexts(runId, [...new Set([...shown, ...failures])]),
      failures,
      reasons: yield* readReasons(runId, failures),
      waiting,
      waitingForFailed,
      newestEvents,
    };
  });
}

function* readWaiting(
  context: Context,
  briefs: readonly BriefOutline[],
  someFailed: boolean,
): Operation<Pick<ReportData, "waiting" | "waitingForFailed">> {
  const held = someFailed ? yield* findWaitingForFailed(context.runId) : new Set<string>();
  const ids = briefs
    .filter(({ briefId, status, waitsFor }) => status === "pending" && waitsFor > 0 && isUsableId(briefId))
    .map(({ briefId }) => briefId);
  const failed = ids.filter((id) => held.has(id)).slice(0, reportLimits.waiting);
  const others = ids.filter((id) => !held.has(id)).slice(0, reportLimits.waiting);
  const waiting = yield* explainWaiting(context, [...failed, ...others]);
  return {
    waiting: new Map(waiting.map((one) => [one.briefId, one])),
    waitingForFailed: failed.slice(0, reportLimits.waitingForFailed),
  };
}

/** Another program may have stored an id that can't be asked for. */
const isUsableId = (id: string) => id.length > 0 && id.length <= 256 && textFlaw(id) === undefined;

function newestFailures(briefs: readonly BriefOutline[]): string[] {
  return briefs
    .filter(({ status }) => status === "failed")
    .sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1))
    .slice(0, reportLimits.failures)
    .map(({ briefId }) => briefId);
}

/** How much of an ISO 8601 time makes a bucket: seconds, minutes, hours or days, so that there are some hundreds of them. */
const precisions = [
  { spanMs: 600_000, characters: 19 },
  { spanMs: 43_200_000, characters: 16 },
  { spanMs: 2_592_000_000, characters: 13 },
  { spanMs: Number.POSITIVE_INFINITY, characters: 10 },
] as const;

function* countActivity(
  runId: string,
  first: Timestamp | undefined,
  last: Timestamp | undefined,
): Operation<ReportData["activity"]> {
  if (first === undefined || last === undefined) return [];
  const spanMs = Date.parse(last) - Date.parse(first);
  const { characters } = precisions.find((one) => !(spanMs > one.spanMs)) ?? precisions[3];
  const rows = yield* query(({ db, t: { events } }) => {
    const time = sql<string>`substr(${events.createdAt}, 1, ${sql.raw(String(characters))})`.as("time");
    return db
      .select({ time, kind: events.kind, n })
      .from(events)
      .where(eq(events.runId, runId))
      .groupBy(sql`1`, sql`2`)
      .orderBy(sql`1`, sql`2`);
  });
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

const anyOf = (column: AnyColumn, ids: readonly string[]): SQL | undefined => inArray(column, [...ids]);

function* readTexts(runId: string, ids: readonly string[]): Operation<ReportData["texts"]> {
  const rows = yield* query(({ db, t: { briefs } }) =>
    db
      .select({ briefId: briefs.briefId, payload: excerpt(briefs.payload), result: excerpt(briefs.result) })
      .from(briefs)
      .where(and(eq(briefs.runId, runId), anyOf(briefs.briefId, ids))),
  );
  return new Map(rows.map(({ briefId, ...texts }) => [briefId, texts]));
}

/** What the moves that fail a brief log. */
const failing = Object.values(moves).flatMap(({ to, logs }) => (to === "failed" ? [logs] : []));

function* readReasons(runId: string, ids: readonly string[]): Operation<ReportData["reasons"]> {
  if (ids.length === 0) return new Map();
  const rows = yield* query(({ db, t: { events }, ofRunThrough }: Lens) => {
    const ofThese = and(
      ofRunThrough(events.runId, "events_by_brief", sql`${runId}`),
      inArray(events.kind, failing),
      anyOf(events.briefId, ids),
    );
    const newest = db
      .select({ seq: max(events.seq) })
      .from(events)
      .where(ofThese)
      .groupBy(events.briefId);
    return db
      .select({
        briefId: sql<string>`${events.briefId}`,
        kind: events.kind,
        createdAt: events.createdAt,
        detail: excerpt(events.detail),
      })
      .from(events)
      .where(and(eq(events.runId, runId), inArray(events.seq, newest)));
  });
  return new Map(rows.map(({ briefId, ...reason }) => [briefId, reason]));
}
