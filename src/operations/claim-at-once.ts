/**
 * Looks for a brief to claim, and where the engine can claims it in the same statement: one round trip, which reads the head of the
 * queue once. Beside a long transaction that head has an index entry of each brief that was claimed since, which cannot be removed.
 */
import { and, eq, sql } from "drizzle-orm";
import { briefColumns, isReadable, readBrief } from "./briefs.ts";
import { allowsClaims, isBlocked, isReady, isUnblocked, likelihood, type Shape, type Wanted } from "./claimable.ts";
import { type Claim, claimOf } from "./held-claims.ts";
import { atMost, inTurn, queueIndex } from "./index-choice.ts";
import { combined, family, type Lens, type Operation, type Placeholders, statement } from "./operation.ts";
import { firstDue } from "./parking.ts";
import { claimed, firstExpired, type Taking } from "./takeovers.ts";

type Looking = Wanted & { now: string | null };

/** The `likelihood` of a ready brief, 0 for one in a blocked workstream. */
const readyOf = (lens: Lens) =>
  sql<number>`case when ${isBlocked(lens)} then 0 else ${likelihood(lens)} end`.as("likelihood");

/**
 * Whether a lease has expired and whether the time of a parked brief has come, each as the first such brief. Finds no row if the run's
 * status allows no claims. An ordered LIMIT 1 instead of EXISTS: PostgreSQL estimates that EXISTS over expired rows matches a third of
 * the table, expects to find one early, and scans the whole table if there is none.
 */
function beforeQueue(lens: Lens, $: Placeholders<Looking>, shape: Shape) {
  return {
    expired: sql<number | null>`${firstExpired(lens, $, shape)}`.as("expired"),
    due: sql<number | null>`${firstDue(lens, $)}`.as("due"),
  };
}

const firstReady = (lens: Lens, $: Placeholders<Looking>, shape: Shape) =>
  lens.db
    .select({ likelihood: readyOf(lens) })
    .from(lens.through(lens.t.briefs, queueIndex(shape.roles)))
    .where(isReady(lens, $, shape))
    .orderBy(...inTurn(lens.t.briefs))
    .limit(atMost(1));

/** `beforeQueue`, and the first ready brief. It takes no lock, so idle agents don't block others. */
export const look = family((shape: Shape) =>
  statement<Looking>()((lens, $) => {
    const { runs } = lens.t;
    return lens.db
      .select({ ...beforeQueue(lens, $, shape), ready: sql<number | null>`${firstReady(lens, $, shape)}`.as("ready") })
      .from(runs)
      .where(and(eq(runs.runId, $.runId), allowsClaims(runs.status)));
  }),
);

/**
 * Claims the first briefs of the queue, unless a brief has to be taken over or returned to the queue before, or one of the first has to
 * be passed over or decoded.
 */
const lookingAndTaking = (shape: Shape, isOne: boolean) =>
  combined<Wanted & Taking & { limit: number }>()((lens, $) => {
    const { db, t, ofRun, amongRows, skippingLocked } = lens;
    const seen = lens.part(
      "seen",
      db
        .select(beforeQueue(lens, $, shape))
        .from(t.runs)
        .where(and(eq(t.runs.runId, $.runId), allowsClaims(t.runs.status))),
    );
    const { expired, due } = seen.columns;
    const isNext = sql`${expired} is null and ${due} is null`;
    const isSound = sql<boolean>`${and(isUnblocked(lens), isReadable(lens))}`.as("isSound");
    const chosen = lens.part(
      "chosen",
      skippingLocked(
        db
          .select({ briefId: t.briefs.briefId, isSound, ready: readyOf(lens) })
          .from(lens.through(t.briefs, queueIndex(shape.roles)))
          .where(and(sql`(select ${isNext} from ${seen.from})`, isReady(lens, $, shape)))
          .orderBy(...inTurn(t.briefs))
          .limit(atMost($.limit)),
      ),
    );
    const chosenIds = sql`(select ${chosen.columns.briefId} from ${chosen.from})`;
    // A single one by equality: for a list the planner expects ten briefs, and with old statistics it reads all of the run.
    const isChosen = isOne ? sql`${t.briefs.briefId} = ${chosenIds}` : amongRows(t.briefs.briefId, chosenIds);
    const update = db
      .update(t.briefs)
      .set(claimed(lens, $))
      .where(
        and(
          ofRun(t.briefs.runId, $.runId),
          isChosen,
          sql`(select bool_and(${chosen.columns.isSound}) from ${chosen.from})`,
        ),
      )
      .returning(briefColumns(lens));
    const firstChosen = sql`(select ${chosen.columns.ready} from ${chosen.from} limit 1)`;
    // One of the two is evaluated, so the head of the queue is read once.
    const ready = sql<number | null>`case when ${isNext} then ${firstChosen} else ${firstReady(lens, $, shape)} end`;
    return lens.seenWithChanged(seen, { ready: ready.as("ready") }, chosen, lens.part("changed", update));
  });
const lookAndTakeOne = family((shape: Shape) => lookingAndTaking(shape, true));
const lookAndTakeSeveral = family((shape: Shape) => lookingAndTaking(shape, false));

/** What comes first, each as NULL if there is none. */
interface Found {
  expired: number | null;
  due: number | null;
  ready: number | null;
}

/**
 * Returns the claims, in no order, or what has to be done before. `found` is `undefined` if the run's status allows no claims; ready
 * briefs that other agents are claiming are not found.
 */
export function* lookAndClaim(
  { shape, taking }: { shape: Shape; taking: Wanted & Taking },
  limit: number,
): Operation<{ claims: Claim[]; found: Found | undefined }> {
  const lookAndTake = limit === 1 ? lookAndTakeOne(shape) : lookAndTakeSeveral(shape);
  const rows = yield* lookAndTake(() => ({ ...taking, limit }));
  if (!rows) {
    const [found] = yield* look(shape)(taking);
    return { claims: [], found };
  }
  const claims = rows.flatMap(({ expired: _, due: __, ready: ___, ...row }) =>
    row.briefId === null ? [] : [claimOf(readBrief(row))],
  );
  return { claims, found: rows[0] };
}
