/**
 * Workstreams: the parts a run's goal is split into, each with an owner and a status of its own.
 */
import { and, asc, eq, getTableColumns, inArray, ne, or } from "drizzle-orm";
import type { Workstream } from "../../drizzle/rows.ts";
import { type WorkstreamStatus, workstreamStatuses } from "../../drizzle/vocabulary.ts";
import { NotFoundError } from "../errors.ts";
import { Check, type Names } from "../input/check.ts";
import { type CreatorFields, type NewRow, newColumns, repeated, takenElsewhere } from "./creation.ts";
import { atMost } from "./index-choice.ts";
import { type Context, family, type Operation, query, settle, statement } from "./operation.ts";
import { checkCursor, checkLimit, encodeCursor, isBehind, type Page, type PageRequest, page } from "./pages.ts";
import { getRun } from "./runs.ts";
import { checkFrom, type From, statusNotSet, storedNothing } from "./status.ts";

export type { Workstream };

export interface NewWorkstream {
  /** A UUIDv7 when left out. */
  workstreamId?: string | undefined;
  name: string;
  /** An integer from 0 to 2^31 - 1. */
  tier: number;
  ownerAgentId?: string | null | undefined;
}
/** What `createWorkstream` passes of a new workstream. */
export const newWorkstreamFields = {
  workstreamId: "id",
  name: "compared",
  tier: "compared",
  ownerAgentId: "compared",
} as const satisfies CreatorFields<NewWorkstream>;

export interface WorkstreamFilter extends PageRequest<string> {
  /** An array means any of these, an empty one none. */
  status?: WorkstreamStatus | readonly WorkstreamStatus[] | undefined;
}
const filterNames: Names<WorkstreamFilter> = { status: true, after: true, limit: true };

/** Out of the run's row, so that nothing is inserted where there is no run. */
const insertWorkstream = statement<NewRow<typeof newWorkstreamFields, Workstream>>()((lens, $) => {
  const { db, t } = lens;
  return db
    .insert(t.workstreams)
    .select(
      db
        .select(newColumns(lens, t.workstreams, newWorkstreamFields, $))
        .from(t.runs)
        .where(eq(t.runs.runId, $.runId)),
    )
    .onConflictDoNothing()
    .returning();
});

const findWorkstream = statement<{ runId: string; workstreamId: string }>()(({ db, t }, $) =>
  db
    .select()
    .from(t.workstreams)
    .where(and(eq(t.workstreams.runId, $.runId), eq(t.workstreams.workstreamId, $.workstreamId))),
);

const setStatus = family((from: readonly WorkstreamStatus[] | undefined) =>
  statement<{ runId: string; workstreamId: string; status: WorkstreamStatus; now: string | null }>()(
    ({ db, t, time, lockingRun }, $) => {
      // Unblocking returns many briefs to the queue.
      const lock = lockingRun(t.workstreams.runId);
      return db
        .update(t.workstreams)
        .set({ status: $.status, updatedAt: time($.now) })
        .where(
          and(
            lock && or(ne(t.workstreams.status, "blocked"), lock),
            eq(t.workstreams.runId, $.runId),
            eq(t.workstreams.workstreamId, $.workstreamId),
            from && inArray(t.workstreams.status, [...from]),
          ),
        )
        .returning();
    },
  ),
);

export function* createWorkstream(context: Context, workstream: NewWorkstream): Operation<Workstream> {
  const { runId } = context;
  const check = new Check();
  const asked = check.object("workstream", workstream, newWorkstreamFields);
  const row = {
    name: check.text("name", asked.name),
    tier: check.integer("tier", asked.tier),
    ownerAgentId: check.nullableId("ownerAgentId", asked.ownerAgentId),
    workstreamId: check.idOr("workstreamId", asked.workstreamId, context.newId),
    runId,
  };
  check.done();
  const { workstreamId } = row;
  const now = context.now();
  return yield* settle(
    () => insertWorkstream({ ...row, now }),
    (workstream) => workstream,
    function* () {
      const stored = yield* getWorkstream(context, workstreamId);
      if (stored) return repeated("workstream", workstreamId, stored, newWorkstreamFields, row);
      if (!(yield* getRun(context))) throw new NotFoundError("run", runId, runId);
      if (yield* isTaken(workstreamId)) throw takenElsewhere("workstream", workstreamId);
      throw storedNothing("workstream", workstreamId);
    },
  );
}

export function* getWorkstream({ runId }: Context, workstreamId: string): Operation<Workstream | undefined> {
  const check = new Check();
  check.id("workstreamId", workstreamId);
  check.done();
  const [workstream] = yield* findWorkstream({ runId, workstreamId });
  return workstream;
}

export function* updateWorkstreamStatus(
  context: Context,
  workstreamId: string,
  status: WorkstreamStatus,
  options?: From<WorkstreamStatus>,
): Operation<Workstream> {
  const { runId } = context;
  const check = new Check();
  check.id("workstreamId", workstreamId);
  check.member("status", status, workstreamStatuses);
  const from = checkFrom(check, options, workstreamStatuses);
  check.done();
  const now = context.now();
  return yield* settle(
    () => setStatus(from)({ runId, workstreamId, status, now }),
    (workstream) => workstream,
    function* () {
      const stored = yield* getWorkstream(context, workstreamId);
      throw statusNotSet("workstream", workstreamId, runId, stored, from);
    },
  );
}

interface Shape {
  statuses: readonly WorkstreamStatus[] | undefined;
  after: boolean;
}
const listOf = family(({ statuses, after }: Shape) =>
  statement<{ runId: string; createdAt: string | null; id: string | null; limit: number }>()(
    ({ db, t: { workstreams }, through, ofRunThrough }, $) =>
      db
        .select(getTableColumns(workstreams))
        .from(through(workstreams, "workstreams_by_age"))
        .where(
          and(
            ofRunThrough(workstreams.runId, "workstreams_by_age", $.runId),
            statuses && inArray(workstreams.status, [...statuses]),
            after ? isBehind(workstreams.createdAt, workstreams.workstreamId, $) : undefined,
          ),
        )
        .orderBy(asc(workstreams.createdAt), asc(workstreams.workstreamId))
        .limit(atMost($.limit)),
  ),
);

export function* listWorkstreams(context: Context, filter?: WorkstreamFilter): Operation<Page<Workstream, string>> {
  const check = new Check();
  const asked = check.object("filter", filter, filterNames);
  const statuses = check.members("status", asked.status, workstreamStatuses);
  const after = checkCursor(check, "workstreams", asked.after);
  const limit = checkLimit(check, asked.limit);
  check.done();
  const list = listOf({ statuses, after: after !== undefined });
  const { createdAt = null, id = null } = after ?? {};
  const rows = yield* list({ runId: context.runId, createdAt, id, limit: limit + 1 });
  return page(rows, limit, ({ createdAt, workstreamId }) =>
    encodeCursor("workstreams", { createdAt, id: workstreamId }),
  );
}

/** Whether any run of the file has a workstream of this id. */
function* isTaken(workstreamId: string): Operation<boolean> {
  const rows = yield* query(({ db, t }) =>
    db.select({ runId: t.workstreams.runId }).from(t.workstreams).where(eq(t.workstreams.workstreamId, workstreamId)),
  );
  return rows.length > 0;
}
