/**
 * A takeover in one statement, where the engine has them: see `atOnce`. It selects and locks the longest-expired brief, claims it
 * or makes it failed, and stores the event with what the selected row contained.
 */
import { and, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import { briefColumns, readBrief } from "./briefs.ts";
import { isBlocked, isDecodable, runAllowsClaims, type Shape, type Wanted } from "./claimable.ts";
import { type Claim, claimOf } from "./held-claims.ts";
import { atMost, filtered } from "./index-choice.ts";
import { atOnce, type Context, family, type Lens, type Operation } from "./operation.ts";
import { claimed, expiredFirst, isExpired, retryCounted, type Taking } from "./takeovers.ts";

type Values = { readonly [column: string]: SQL | null };

/** The values of an UPDATE that sets `first` under a condition and otherwise `second`; what one of them doesn't set stays. */
function either({ t: { briefs } }: Lens, condition: SQL, first: Values, second: Values): Record<string, SQL> {
  const set: Record<string, SQL> = {};
  for (const [name, column] of Object.entries(getTableColumns(briefs))) {
    if (!(name in first || name in second)) continue;
    const [one, other] = [first, second].map(({ [name]: value }) =>
      value === undefined ? column : (value ?? sql`null`),
    );
    set[name] = sql`case when ${condition} then ${one} else ${other} end`;
  }
  return set;
}

type TakingOne = Wanted & Taking & { eventId: string; maxRetries: number | null };

const takeFirst = family((shape: Shape) =>
  atOnce<TakingOne>()((lens, $) => {
    const { db, t, time } = lens;
    const { briefs } = t;
    const before = lens.chosen(
      lens.skippingLocked(
        db
          .select({ briefId: briefs.briefId, attempt: briefs.attempt, claimedBy: briefs.claimedBy })
          .from(briefs)
          .where(
            and(
              runAllowsClaims(lens, $.runId),
              isExpired(lens, $, shape),
              // As a CASE, which PostgreSQL estimates to match half of the rows: it would expect to find none, and sort.
              sql`case when ${isBlocked(lens)} then false else true end`,
              filtered(isDecodable(lens)),
            ),
          )
          .orderBy(...expiredFirst(lens))
          .limit(atMost(1)),
      ),
    );
    const isExhausted = sql`${briefs.retryCount} >= cast(${$.maxRetries} as integer)`;
    const failing = { status: sql`'failed'`, leaseExpiresAt: sql`null`, updatedAt: time($.now) };
    const change = db
      .update(briefs)
      .set(either(lens, isExhausted, failing, { ...claimed(lens, $), retryCount: retryCounted(lens) }))
      .where(and(eq(briefs.runId, $.runId), sql`${briefs.briefId} = ${before.briefId}`))
      .returning(briefColumns(lens));
    return lens.withEvent(change, ({ briefId, status }) => {
      const byOutcome = (exhausted: string, taken: string) =>
        sql`case when ${status} = 'failed' then ${sql.raw(`'${exhausted}'`)} else ${sql.raw(`'${taken}'`)} end`;
      const reason = byOutcome("retries exhausted", "lease expired");
      const detail = lens.object({ reason, previousAgent: before.claimedBy, attempt: before.attempt });
      return { eventId: $.eventId, briefId, kind: byOutcome("failed", "retried"), detail, now: $.now };
    });
  }),
);

/**
 * Takes over the longest-expired brief. Briefs before it that are out of retries become failed, each in a statement of its own.
 * Returns "nothing" if no brief was left, and "undone" if `takeExpired` must do it.
 */
export function* takeFirstExpired(
  context: Context,
  shape: Shape,
  taking: Wanted & Taking,
  maxRetries: number | undefined,
): Operation<Claim | "nothing" | "undone"> {
  for (;;) {
    const rows = yield* takeFirst(shape)(() => ({
      ...taking,
      eventId: context.newId(),
      maxRetries: maxRetries ?? null,
    }));
    if (rows === undefined) return "undone";
    const [row] = rows;
    if (row === undefined) return "nothing";
    if (row.status === "active") return claimOf(readBrief(row));
  }
}
