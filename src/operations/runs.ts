/**
 * The run: one row, made once, whose status its orchestrator moves. Everything else in a blackboard belongs to it.
 */
import { and, eq, inArray } from "drizzle-orm";
import type { Run } from "../../drizzle/rows.ts";
import { type RunStatus, runStatuses } from "../../drizzle/vocabulary.ts";
import { Check } from "../input/check.ts";
import { type CreatorFields, type NewRow, repeated } from "./creation.ts";
import { type Context, family, type Operation, settle, statement } from "./operation.ts";
import { checkFrom, type From, statusNotSet, storedNothing } from "./status.ts";

export type { Run };

/** What `createRun` passes of a new run. */
export const newRunFields = { goal: "compared" } as const satisfies CreatorFields<{ goal: string }>;

const insertRun = statement<NewRow<typeof newRunFields, Run>>()(({ db, t, time }, $) =>
  db
    .insert(t.runs)
    .values({ runId: $.runId, goal: $.goal, status: "pending", createdAt: time($.now), updatedAt: time($.now) })
    .onConflictDoNothing()
    .returning(),
);

export const findRun = statement<{ runId: string }>()(({ db, t }, $) =>
  db.select().from(t.runs).where(eq(t.runs.runId, $.runId)),
);

const setStatus = family((from: readonly RunStatus[] | undefined) =>
  statement<{ runId: string; status: RunStatus; now: string | null }>()(({ db, t, time }, $) =>
    db
      .update(t.runs)
      .set({ status: $.status, updatedAt: time($.now) })
      .where(and(eq(t.runs.runId, $.runId), from && inArray(t.runs.status, [...from])))
      .returning(),
  ),
);

export function* createRun(context: Context, goal: string): Operation<Run> {
  const { runId } = context;
  const check = new Check();
  check.text("goal", goal);
  check.done();
  // Every worker of a run begins with this, and all but one find it made: they need no lock for that.
  const stored = yield* getRun(context);
  if (stored) return repeated("run", runId, stored, newRunFields, { goal });
  const now = context.now();
  return yield* settle(
    () => insertRun({ runId, goal, now }),
    (run) => run,
    function* () {
      const made = yield* getRun(context);
      if (!made) throw storedNothing("run", runId);
      return repeated("run", runId, made, newRunFields, { goal });
    },
  );
}

export function* getRun({ runId }: Context): Operation<Run | undefined> {
  const [run] = yield* findRun({ runId });
  return run;
}

export function* updateRunStatus(context: Context, status: RunStatus, options?: From<RunStatus>): Operation<Run> {
  const { runId } = context;
  const check = new Check();
  check.member("status", status, runStatuses);
  const from = checkFrom(check, options, runStatuses);
  check.done();
  const now = context.now();
  return yield* settle(
    () => setStatus(from)({ runId, status, now }),
    (run) => run,
    function* () {
      throw statusNotSet("run", runId, runId, yield* getRun(context), from);
    },
  );
}
