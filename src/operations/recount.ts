/**
 * What claims rely on and another program may have stored wrongly: `waits_for`, which triggers keep, and `parked`, which claims
 * set. A brief for which either is wrong is never handed out, or too early.
 */
import { and, count, eq, isNull, ne, not, notInArray, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { isBlocked } from "./claimable.ts";
import { family, type Lens, type Operation, statement } from "./operation.ts";

/** The number of a brief's dependencies that are not done; those that are missing count too. */
function unfinished({ db, t: { briefs, dependencies } }: Lens): SQL {
  const blocker = alias(briefs, "blocker");
  const counted = db
    .select({ n: count() })
    .from(dependencies)
    .leftJoin(blocker, and(eq(blocker.runId, dependencies.runId), eq(blocker.briefId, dependencies.blockerId)))
    .where(
      and(
        eq(dependencies.runId, briefs.runId),
        eq(dependencies.briefId, briefs.briefId),
        or(isNull(blocker.status), ne(blocker.status, sql`'done'`)),
      ),
    );
  return sql`${counted}`;
}

const isMiscounted = (lens: Lens) => ne(lens.t.briefs.waitsFor, unfinished(lens));

/** Parked in a way that no claim and no trigger ends: before no time, in a workstream that isn't blocked, or for no reason. */
function isMisparked(lens: Lens): SQL | undefined {
  const { parked, notBefore } = lens.t.briefs;
  return or(
    notInArray(parked, sql`(0, 1, 2)`),
    and(sql`${parked} = 1`, isNull(notBefore)),
    and(sql`${parked} = 2`, not(isBlocked(lens))),
  );
}

const wrong = { waitsFor: isMiscounted, parked: isMisparked };
type Column = keyof typeof wrong;

const wrongIn = family((column: Column) =>
  statement<Record<string, never>>()((lens) => {
    const { briefs } = lens.t;
    return lens.db
      .select({ runId: briefs.runId, n: count(), example: sql<string>`min(${briefs.briefId})` })
      .from(briefs)
      .where(wrong[column](lens))
      .groupBy(briefs.runId)
      .orderBy(briefs.runId);
  }),
);

/** Returns for each run the number of briefs for which the column is wrong, and the id of one of them. */
export function findWrong(column: Column): Operation<{ runId: string; n: number; example: string }[]> {
  return wrongIn(column)({});
}

const countAgain = statement<Record<string, never>>()((lens) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({ waitsFor: unfinished(lens) })
    .where(isMiscounted(lens))
    .returning({ briefId: briefs.briefId });
});

/** A claim parks what a blocked workstream holds back again. */
const parkAgain = statement<Record<string, never>>()((lens) => {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({ parked: sql`case when ${briefs.notBefore} is null then 0 else 1 end` })
    .where(isMisparked(lens))
    .returning({ briefId: briefs.briefId });
});

/** Corrects both columns in all runs of the database. The caller's transaction must keep others from changing briefs. */
export function* recount(): Operation<void> {
  yield* countAgain({});
  yield* parkAgain({});
}
