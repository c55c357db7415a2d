/**
 * When a run was changed last, which decides whether it may be deleted.
 */
import { desc, eq, max } from "drizzle-orm";
import type { RunStatus, Timestamp } from "../../drizzle/vocabulary.ts";
import { type Operation, query } from "./operation.ts";

export interface RunAge {
  status: RunStatus;
  /** Of the run's row, its workstreams, its briefs and its events the newest time. */
  changedAt: Timestamp;
}

export function* getRunAge(runId: string): Operation<RunAge | undefined> {
  const [run] = yield* query(({ db, t: { runs } }) =>
    db.select({ status: runs.status, changedAt: runs.updatedAt }).from(runs).where(eq(runs.runId, runId)),
  );
  if (!run) return undefined;
  const [workstream] = yield* query(({ db, t: { workstreams } }) =>
    db
      .select({ changedAt: max(workstreams.updatedAt) })
      .from(workstreams)
      .where(eq(workstreams.runId, runId)),
  );
  const [brief] = yield* query(({ db, t: { briefs } }) =>
    db
      .select({ changedAt: max(briefs.updatedAt) })
      .from(briefs)
      .where(eq(briefs.runId, runId)),
  );
  const [event] = yield* query(({ db, t: { events } }) =>
    db
      .select({ changedAt: events.createdAt })
      .from(events)
      .where(eq(events.runId, runId))
      .orderBy(desc(events.seq))
      .limit(1),
  );
  const { status } = run;
  let { changedAt } = run;
  for (const other of [workstream, brief, event]) {
    // Not as text: the Python reference writes them in another form.
    if (other?.changedAt && Date.parse(other.changedAt) > Date.parse(changedAt)) changedAt = other.changedAt;
  }
  return { status, changedAt };
}
