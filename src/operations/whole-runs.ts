/**
 * A run's stored rows, read page by page and written unchanged, to move a run between places.
 * JSON stays the text that it is. No rule of the lifecycle applies, and nothing is checked but that ids are free.
 *
 * A brief is moved with the ids of its dependencies, which may name briefs that are written later or never. What is derived from
 * other rows isn't moved: triggers count the dependencies again, and `parked` follows from `notBefore`.
 */
import { and, asc, between, eq, exists, getTableColumns, gt, isNull, sql } from "drizzle-orm";
import type { BriefRow, EventRow } from "../../drizzle/rows.ts";
import { jsonColumns, onFirstPage, pageRows } from "./bounds.ts";
import { briefColumns } from "./briefs.ts";
import { addDependenciesOf } from "./dependencies.ts";
import { eventColumns } from "./events.ts";
import { atMost, filtered } from "./index-choice.ts";
import { batches, family, type Operation, query, statement } from "./operation.ts";
import type { Run } from "./runs.ts";
import type { Workstream } from "./workstreams.ts";

/** Columns of a brief that are derived from other rows or columns. */
export const derivedBriefColumns = ["waitsFor", "parked"] as const;
type DerivedColumn = (typeof derivedBriefColumns)[number];

type StoredBrief = Omit<BriefRow, "payload" | "result" | "progress" | "parked"> & {
  payload: string | null;
  result: string | null;
  progress: string | null;
};
/** A brief with its dependencies: the ids of the briefs that it comes after, in order. */
export type WholeBrief = Omit<StoredBrief, DerivedColumn> & { after: readonly string[] };
/** `seq` is null where the database is to choose it. */
export type StoredEvent<Seq = number> = Omit<EventRow, "seq" | "detail"> & {
  seq: Seq;
  detail: string | null;
};

/** A page of rows in the order of their keys, from the first on or after one; see `onFirstPage`. The last page is empty. */
export type ReadPage<Row, Cursor> = (runId: string, after: Cursor | undefined) => Operation<Row[]>;

type From = "start" | "after";

const workstreamsFrom = family((from: From) =>
  statement<{ runId: string; after: string | null }>()((lens, $) => {
    const { workstreams } = lens.t;
    const byKey = lens.through(workstreams, "key");
    const key = workstreams.workstreamId;
    const where = and(lens.ofRun(workstreams.runId, $.runId), from === "after" ? gt(key, $.after) : undefined);
    const bulky = [workstreams.name, workstreams.ownerAgentId];
    return lens.db
      .select(getTableColumns(workstreams))
      .from(byKey)
      .where(and(where, onFirstPage(lens, { from: byKey, key, where, bulky })))
      .orderBy(asc(key))
      .limit(atMost(pageRows));
  }),
);

export function* readWorkstreams(runId: string, after: string | undefined): Operation<Workstream[]> {
  return yield* workstreamsFrom(after === undefined ? "start" : "after")({ runId, after: after ?? null });
}

const briefsFrom = family((from: From) =>
  statement<{ runId: string; after: string | null }>()((lens, $) => {
    const { briefs } = lens.t;
    const byKey = lens.through(briefs, "key");
    const key = briefs.briefId;
    const where = and(lens.ofRun(briefs.runId, $.runId), from === "after" ? gt(key, $.after) : undefined);
    return lens.db
      .select(briefColumns(lens))
      .from(byKey)
      .where(and(where, onFirstPage(lens, { from: byKey, key, where, bulky: jsonColumns(briefs) })))
      .orderBy(asc(key))
      .limit(atMost(pageRows));
  }),
);

export function* readBriefs(runId: string, after: string | undefined): Operation<StoredBrief[]> {
  return yield* briefsFrom(after === undefined ? "start" : "after")({ runId, after: after ?? null });
}

type Links = { runId: string; first: string; last: string; limit: number };

/** The dependencies of a page of briefs, by the index `dependencies_of_brief`. */
const dependenciesOf = statement<Links>()((lens, $) => {
  const { briefs, dependencies } = lens.t;
  const brief = lens.db
    .select({ found: sql`1` })
    .from(briefs)
    .where(and(lens.ofRun(briefs.runId, $.runId), eq(briefs.briefId, dependencies.briefId)));
  return lens.db
    .select({ briefId: dependencies.briefId, blockerId: dependencies.blockerId })
    .from(dependencies)
    .where(
      and(eq(dependencies.runId, $.runId), between(dependencies.briefId, $.first, $.last), filtered(exists(brief))),
    )
    .orderBy(asc(dependencies.briefId), asc(dependencies.blockerId))
    .limit(atMost($.limit));
});

/** How many dependencies a page has at most, unless those of a single brief are more. */
const pageDependencies = 8192;

/** Like `readBriefs`, with the dependencies of the briefs. A page ends before the brief with which they would be too many. */
export function* readWholeBriefs(runId: string, after: string | undefined): Operation<WholeBrief[]> {
  const rows = yield* readBriefs(runId, after);
  const [first, last] = [rows[0]?.briefId, rows.at(-1)?.briefId];
  if (first === undefined || last === undefined) return [];
  const links = yield* dependenciesOf({ runId, first, last, limit: pageDependencies });
  const cut = links.length < pageDependencies ? undefined : links.at(-1)?.briefId;
  if (cut === undefined) return withDependencies(rows, links);
  const end = rows.findIndex(({ briefId }) => briefId === cut);
  if (end > 0) return withDependencies(rows.slice(0, end), links);
  const all = yield* dependenciesOf({ runId, first: cut, last: cut, limit: Number.MAX_SAFE_INTEGER });
  return withDependencies(rows.slice(0, 1), all);
}

function withDependencies(rows: StoredBrief[], links: { briefId: string; blockerId: string }[]): WholeBrief[] {
  const blockers = new Map<string, string[]>();
  for (const { briefId, blockerId } of links) {
    const present = blockers.get(briefId);
    if (present) present.push(blockerId);
    else blockers.set(briefId, [blockerId]);
  }
  return rows.map(({ waitsFor: _, ...row }) => ({ ...row, after: blockers.get(row.briefId) ?? [] }));
}

const eventsFrom = statement<{ runId: string; after: number }>()((lens, $) => {
  const { events } = lens.t;
  const byKey = lens.through(events, "key");
  const where = and(lens.ofRun(events.runId, $.runId), gt(events.seq, $.after));
  const bulky = jsonColumns(events);
  return lens.db
    .select(eventColumns(lens))
    .from(byKey)
    .where(and(where, onFirstPage(lens, { from: byKey, key: events.seq, where, bulky })))
    .orderBy(asc(events.seq))
    .limit(atMost(pageRows));
});

export function* readEvents(runId: string, after: number | undefined): Operation<StoredEvent[]> {
  return yield* eventsFrom({ runId, after: after ?? Number.MIN_SAFE_INTEGER });
}

/** What of a run has no id, as a row of the reference may: no page has it, and nothing could name it. */
export function* findNameless(runId: string): Operation<"workstream" | "brief" | undefined> {
  const [workstream] = yield* query(({ db, t: { workstreams } }) =>
    db
      .select({ name: workstreams.name })
      .from(workstreams)
      .where(and(eq(workstreams.runId, runId), isNull(workstreams.workstreamId)))
      .limit(atMost(1)),
  );
  if (workstream) return "workstream";
  const [brief] = yield* query(({ db, t: { briefs } }) =>
    db
      .select({ role: briefs.role })
      .from(briefs)
      .where(and(eq(briefs.runId, runId), isNull(briefs.briefId)))
      .limit(atMost(1)),
  );
  return brief ? "brief" : undefined;
}

/** A row that was written. One whose id was taken already is passed over: its id is missing from the answer. */
export interface Written {
  id: string;
}

export const insertRun = batches<Run>("runs")(({ db, t }, rows) =>
  db.insert(t.runs).values(rows).onConflictDoNothing().returning({ id: t.runs.runId }),
);

export const insertWorkstreams = batches<Workstream>("workstreams")(({ db, t }, rows) =>
  db.insert(t.workstreams).values(rows).onConflictDoNothing().returning({ id: t.workstreams.workstreamId }),
);

type InsertedBrief = StoredBrief & { parked: number };

const insertBriefRows = batches<InsertedBrief>("briefs")(({ db, t }, rows) =>
  db.insert(t.briefs).values(rows).onConflictDoNothing().returning({ id: t.briefs.briefId }),
);

/**
 * Writes briefs of one run and then their dependencies. A dependency counts until its blocker is written and done, so the counts are right
 * in whatever order briefs are written. What was parked for a workstream is returned to the queue.
 */
export function* insertBriefs(rows: readonly WholeBrief[]): Operation<Written[]> {
  const written = yield* insertBriefRows(
    rows.map(({ after: _, ...row }) => ({ ...row, waitsFor: 0, parked: row.notBefore === null ? 0 : 1 })),
  );
  const [first] = rows;
  if (first) yield* addDependenciesOf(first.runId, rows);
  return written;
}

export const insertEvents = batches<StoredEvent<number | null>>("events")(({ db, t }, rows) =>
  db.insert(t.events).values(rows).onConflictDoNothing().returning({ id: t.events.eventId }),
);

/** Whether any run here has events. */
export function* hasEvents(): Operation<boolean> {
  const rows = yield* query(({ db, t }) => db.select({ seq: t.events.seq }).from(t.events).limit(atMost(1)));
  return rows.length > 0;
}
