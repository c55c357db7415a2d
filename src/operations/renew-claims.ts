/**
 * Renewing many claims in one commit. Those that are lost don't keep the others from being renewed.
 */
import { and, eq, isNotNull } from "drizzle-orm";
import { LostClaimError, NotFoundError } from "../errors.ts";
import { Check } from "../input/check.ts";
import { readByIds } from "./brief-sets.ts";
import { type Brief, briefColumns, readBrief } from "./briefs.ts";
import {
  type ClaimRef,
  checkClaim,
  claimOf,
  type Lease,
  type LeaseOptions,
  leaseFrom,
  leaseNames,
  notCurrent,
} from "./held-claims.ts";
import { filtered } from "./index-choice.ts";
import { listed } from "./lists.ts";
import { type Context, type Operation, statement, together } from "./operation.ts";

/** What `renewClaims` did: the renewed claims, and an error for each of the others, both in the order of the list. */
export interface Renewed<C> {
  renewed: C[];
  lost: (LostClaimError | NotFoundError)[];
}

const keyTypes = { briefId: "text", attempt: "integer" } as const;

const renewAll = statement<Lease & { runId: string; list: string }>()((lens, $) => {
  const { briefs } = lens.t;
  const { from, entry, isFoundBy } = lens.entries($.list, keyTypes);
  const update = lens.db
    .update(briefs)
    .set({ leaseExpiresAt: lens.timeIn($.leaseMs, $.leaseExpiresAt), updatedAt: lens.time($.now) })
    .from(from)
    .where(
      and(
        lens.ofRun(briefs.runId, $.runId),
        isFoundBy(briefs.briefId, "briefId"),
        filtered(and(eq(briefs.attempt, entry.attempt), eq(briefs.status, "active"), isNotNull(briefs.claimedBy))),
      ),
    )
    .returning(briefColumns(lens));
  return lens.byKey(briefs, update);
});

export function* renewClaims<C extends ClaimRef>(
  context: Context,
  claims: readonly C[],
  options: LeaseOptions,
): Operation<Renewed<C & { brief: Brief; leaseExpiresAt: string }>> {
  const { runId } = context;
  const check = new Check();
  const entries = check.entries("claims", claims).map((claim, n) =>
    check.entry(`claims[${n}]`, "claim", (own) => {
      const ref = checkClaim(own, "claim", claim);
      // Read before anything is written, since a caller's getter may throw.
      return { ...ref, given: own.copy("claim", claim) };
    }),
  );
  const leaseMs = check.integer("leaseMs", check.object("options", options, leaseNames).leaseMs, 1);
  check.done();
  const lease = leaseFrom(context, leaseMs);
  return yield* together(function* () {
    const keys = new Map(entries.map(({ briefId, attempt }) => [`${attempt} ${briefId}`, { briefId, attempt }]));
    const rows = yield* renewAll({ runId, list: listed(keyTypes, [...keys.values()]), ...lease });
    const current = new Map(rows.map((row) => [`${row.attempt} ${row.briefId}`, readBrief(row)]));
    const others = entries.filter(({ briefId, attempt }) => !current.has(`${attempt} ${briefId}`));
    const stored = yield* readByIds(runId, [...new Set(others.map(({ briefId }) => briefId))]);
    const answer: Renewed<C & { brief: Brief; leaseExpiresAt: string }> = { renewed: [], lost: [] };
    for (const { briefId, attempt, given } of entries) {
      const renewed = current.get(`${attempt} ${briefId}`);
      if (renewed) {
        const { brief, leaseExpiresAt } = claimOf(renewed);
        answer.renewed.push({ ...given, brief, leaseExpiresAt });
        continue;
      }
      const brief = stored.get(briefId);
      const error = brief ? notCurrent(brief, attempt) : new NotFoundError("brief", briefId, runId);
      if (!(error instanceof LostClaimError || error instanceof NotFoundError)) throw error;
      answer.lost.push(error);
    }
    return answer;
  });
}
