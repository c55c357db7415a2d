/**
 * Pending briefs outside of the queue. A claim parks what is at the head of the queue and belongs to a blocked workstream, so that
 * idle agents don't read it again and again; a trigger returns these to the queue when the workstream is unblocked. A brief
 * with a `notBefore` is parked from the start, until a claim finds that the time has come.
 */
import { and, lte, type SQL, sql } from "drizzle-orm";
import { isBlocked, isReady, type Shape, type Wanted } from "./claimable.ts";
import { atMost, inTurn, queueIndex } from "./index-choice.ts";
import { family, type Lens, statement } from "./operation.ts";

type Asked = { runId: string; now: string | null };

/** Parked for their time, which has come. By the index `briefs_delayed`. */
const isDue = (lens: Lens, $: { readonly [Name in keyof Asked]: SQL } & { now: SQL<string | null> }) => {
  const { briefs } = lens.t;
  return and(
    lens.ofRunThrough(briefs.runId, "briefs_delayed", $.runId),
    sql`${briefs.parked} = 1`,
    lte(briefs.notBefore, lens.time($.now)),
  );
};

export const firstDue = (lens: Lens, $: { readonly [Name in keyof Asked]: SQL } & { now: SQL<string | null> }) =>
  lens.db
    .select({ found: sql`1` })
    .from(lens.through(lens.t.briefs, "briefs_delayed"))
    .where(isDue(lens, $))
    .limit(atMost(1));

/** Returns all briefs whose time has come to the queue: in it they are ordered with the others. */
export const unparkDue = statement<Asked>()((lens, $) => {
  const { db, t, amongRows, skippingLocked } = lens;
  const due = db
    .select({ briefId: t.briefs.briefId })
    .from(lens.through(t.briefs, "briefs_delayed"))
    .where(isDue(lens, $));
  return db
    .update(t.briefs)
    .set({ parked: sql`0` })
    .where(and(isDue(lens, $), amongRows(t.briefs.briefId, skippingLocked(due))))
    .returning({ briefId: t.briefs.briefId });
});

/** How many briefs at the head of the queue are considered at once. */
const parkedAtOnce = 500;

/** Parks those at the head of the queue whose workstream is blocked. On PostgreSQL it skips a workstream that is being unblocked. */
export const parkBlocked = family((shape: Shape) =>
  statement<Wanted & { now: string | null }>()((lens, $) => {
    const { db, t, ofRun, amongRows, skippingLocked } = lens;
    const head = db
      .select({ briefId: t.briefs.briefId })
      .from(lens.through(lens.t.briefs, queueIndex(shape.roles)))
      .where(isReady(lens, $, shape))
      .orderBy(...inTurn(t.briefs))
      .limit(atMost(parkedAtOnce));
    return db
      .update(t.briefs)
      .set({ parked: sql`2` })
      .where(
        and(ofRun(t.briefs.runId, $.runId), amongRows(t.briefs.briefId, skippingLocked(head)), isBlocked(lens, true)),
      )
      .returning({ briefId: t.briefs.briefId });
  }),
);
