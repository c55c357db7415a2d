/**
 * A run's rows as they are stored, read page by page and written as they stand: what moves a run from one place to another.
 * JSON stays the text that it is. No rule of the lifecycle applies, and nothing is checked but that ids are free.
 */
import { and, asc, gt } from "drizzle-orm";
import type { briefs, events } from "../../drizzle/schema.ts";
import { briefColumns } from "./briefs.ts";
import { eventColumns } from "./events.ts";
import { lots, type Operation, query } from "./operation.ts";
import type { Run } from "./runs.ts";
import type { Workstream } from "./workstreams.ts";

export type StoredBrief = Omit<typeof briefs.$inferSelect, "payload" | "result"> & {
  payload: string | null;
  result: string | null;
};
/** `seq` is null where the database is to choose it. */
export type StoredEvent<Seq = number> = Omit<typeof events.$inferSelect, "seq" | "detail"> & {
  seq: Seq;
  detail: string | null;
};

/** Rows behind `after` in the order of their keys, from the first on when it is undefined. */
export function* readWorkstreams(runId: string, after: string | undefined, limit: number): Operation<Workstream[]> {
  return yield* query(({ db, t: { workstreams }, ofRun }) => {
    const behind = after === undefined ? undefined : gt(workstreams.workstreamId, after);
    return db
      .select()
      .from(workstreams)
      .where(and(ofRun(workstreams.runId, runId), behind))
      .orderBy(asc(workstreams.workstreamId))
      .limit(limit);
  });
}

export function* readBriefs(runId: string, after: string | undefined, limit: number): Operation<StoredBrief[]> {
  return yield* query((lens) => {
    const { briefs } = lens.t;
    const behind = after === undefined ? undefined : gt(briefs.briefId, after);
    return lens.db
      .select(briefColumns(lens))
      .from(briefs)
      .where(and(lens.ofRun(briefs.runId, runId), behind))
      .orderBy(asc(briefs.briefId))
      .limit(limit);
  });
}

export function* readEvents(runId: string, after: number | undefined, limit: number): Operation<StoredEvent[]> {
  return yield* query((lens) => {
    const { events } = lens.t;
    const behind = after === undefined ? undefined : gt(events.seq, after);
    return lens.db
      .select(eventColumns(lens))
      .from(events)
      .where(and(lens.ofRun(events.runId, runId), behind))
      .orderBy(asc(events.seq))
      .limit(limit);
  });
}

/** A row that was written. One whose id was taken already is passed over: its id is missing from the answer. */
export interface Written {
  id: string;
}

export const insertRun = lots<Run>("runs")(({ db, t }, rows) =>
  db.insert(t.runs).values(rows).onConflictDoNothing().returning({ id: t.runs.runId }),
);

export const insertWorkstreams = lots<Workstream>("workstreams")(({ db, t }, rows) =>
  db.insert(t.workstreams).values(rows).onConflictDoNothing().returning({ id: t.workstreams.workstreamId }),
);

export const insertBriefs = lots<StoredBrief>("briefs")(({ db, t }, rows) =>
  db.insert(t.briefs).values(rows).onConflictDoNothing().returning({ id: t.briefs.briefId }),
);

export const insertEvents = lots<StoredEvent<number | null>>("events")(({ db, t }, rows) =>
  db.insert(t.events).values(rows).onConflictDoNothing().returning({ id: t.events.eventId }),
);

/** Whether any run here has events. */
export function* hasEvents(): Operation<boolean> {
  const rows = yield* query(({ db, t }) => db.select({ seq: t.events.seq }).from(t.events).limit(1));
  return rows.length > 0;
}
