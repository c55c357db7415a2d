/**
 * A run's stored rows, read page by page and written unchanged, to move a run between places.
 * JSON stays the text that it is. No rule of the lifecycle applies, and nothing is checked but that ids are free.
 */
import { and, asc, eq, getTableColumns, gt, isNull } from "drizzle-orm";
import type { briefs, events } from "../../drizzle/schema.ts";
import { jsonColumns, onFirstPage, pageRows } from "./bounds.ts";
import { briefColumns } from "./briefs.ts";
import { eventColumns } from "./events.ts";
import { atMost } from "./index-choice.ts";
import { batches, family, type Operation, query, statement } from "./operation.ts";
import type { Run } from "./runs.ts";
import type { Workstream } from "./workstreams.ts";

export type StoredBrief = Omit<typeof briefs.$inferSelect, "payload" | "result" | "progress" | "parked"> & {
  payload: string | null;
  result: string | null;
  progress: string | null;
};
/** `seq` is null where the database is to choose it. */
export type StoredEvent<Seq = number> = Omit<typeof events.$inferSelect, "seq" | "detail"> & {
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
      .where(and(where, onFirstPage(lens, { from: byKey, key, where, ordered: asc, bulky })))
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
      .where(and(where, onFirstPage(lens, { from: byKey, key, where, ordered: asc, bulky: jsonColumns(briefs) })))
      .orderBy(asc(key))
      .limit(atMost(pageRows));
  }),
);

export function* readBriefs(runId: string, after: string | undefined): Operation<StoredBrief[]> {
  return yield* briefsFrom(after === undefined ? "start" : "after")({ runId, after: after ?? null });
}

const eventsFrom = statement<{ runId: string; after: number }>()((lens, $) => {
  const { events } = lens.t;
  const byKey = lens.through(events, "key");
  const where = and(lens.ofRun(events.runId, $.runId), gt(events.seq, $.after));
  const bulky = jsonColumns(events);
  return lens.db
    .select(eventColumns(lens))
    .from(byKey)
    .where(and(where, onFirstPage(lens, { from: byKey, key: events.seq, where, ordered: asc, bulky })))
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

const insertWholeBriefs = batches<StoredBrief & { parked: number }>("briefs")(({ db, t }, rows) =>
  db.insert(t.briefs).values(rows).onConflictDoNothing().returning({ id: t.briefs.briefId }),
);

/** What is parked for a workstream is returned to the queue. */
export function* insertBriefs(rows: readonly StoredBrief[]): Operation<Written[]> {
  return yield* insertWholeBriefs(rows.map((row) => ({ ...row, parked: row.notBefore === null ? 0 : 1 })));
}

export const insertEvents = batches<StoredEvent<number | null>>("events")(({ db, t }, rows) =>
  db.insert(t.events).values(rows).onConflictDoNothing().returning({ id: t.events.eventId }),
);

/** Whether any run here has events. */
export function* hasEvents(): Operation<boolean> {
  const rows = yield* query(({ db, t }) => db.select({ seq: t.events.seq }).from(t.events).limit(atMost(1)));
  return rows.length > 0;
}
