/**
 * Renewing many claims in one commit. Those that are lost don't keep the others from being renewed.
 */
import { and, eq, isNotNull, type SQL } from "drizzle-orm";
import { LostClaimError, NotFoundError } from "../errors.ts";
import { Check } from "../input/check.ts";
import { readByIds } from "./brief-sets.ts";
import { type Brief, briefColumns, isReadable, readBrief } from "./briefs.ts";
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
import {
  atOnce,
  type Context,
  type Lens,
  type Operation,
  type Placeholders,
  statement,
  together,
} from "./operation.ts";

/** What `renewClaims` did: the renewed claims, and an error for each of the others, both in the order of the list. */
export interface Renewed<C> {
  renewed: C[];
  lost: (LostClaimError | NotFoundError)[];
}

const keyTypes = { briefId: "text", attempt: "integer" } as const;

type Renewing = Lease & { runId: string; list: string };

function renewing(lens: Lens, $: Placeholders<Renewing>, condition?: SQL) {
  const { briefs } = lens.t;
  const { fromFirst, entry, isFoundBy } = lens.entries($.list, keyTypes);
  return lens.db
    .update(briefs)
    .set({ leaseExpiresAt: lens.timeIn($.leaseMs, $.leaseExpiresAt), updatedAt: lens.time($.now) })
    .from(fromFirst)
    .where(
      and(
        lens.ofRun(briefs.runId, $.runId),
        isFoundBy(briefs.briefId, "briefId"),
        filtered(and(eq(briefs.attempt, entry.attempt), eq(briefs.status, "active"), isNotNull(briefs.claimedBy))),
        condition,
      ),
    )
    .returning(briefColumns(lens));
}

const renewAll = statement<Renewing>()((lens, $) => lens.byKey(lens.t.briefs, renewing(lens, $)));

const renewAllAtOnce = atOnce<Renewing & { count: number }>()((lens, $) =>
  lens.allOrNone(renewing(lens, $, filtered(isReadable(lens))), $.count),
);

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
  const keys = new Map(entries.map(({ briefId, attempt }) => [`${attempt} ${briefId}`, { briefId, attempt }]));
  const renewal = () => ({ runId, list: listed(keyTypes, [...keys.values()]), ...lease });
  const rows = yield* renewAllAtOnce(() => ({ ...renewal(), count: keys.size }));
  // None are returned unless all are renewed.
  if (rows && rows.length > 0) return yield* answerOf(runId, entries, rows.map(readBrief));
  return yield* together(function* () {
    return yield* answerOf(runId, entries, (yield* renewAll(renewal())).map(readBrief));
  });
}

function* answerOf<C>(
  runId: string,
  entries: readonly { briefId: string; attempt: number; given: C }[],
  renewed: readonly Brief[],
): Operation<Renewed<C & { brief: Brief; leaseExpiresAt: string }>> {
  const current = new Map(renewed.map((brief) => [`${brief.attempt} ${brief.briefId}`, brief]));
  const others = entries.filter(({ briefId, attempt }) => !current.has(`${attempt} ${briefId}`));
  const stored = yield* readByIds(runId, [...new Set(others.map(({ briefId }) => briefId))]);
  const answer: Renewed<C & { brief: Brief; leaseExpiresAt: string }> = { renewed: [], lost: [] };
  for (const { briefId, attempt, given } of entries) {
    const own = current.get(`${attempt} ${briefId}`);
    if (own) {
      const { brief, leaseExpiresAt } = claimOf(own);
      answer.renewed.push({ ...given, brief, leaseExpiresAt });
      continue;
    }
    const brief = stored.get(briefId);
    const error = brief ? notCurrent(brief, attempt) : new NotFoundError("brief", briefId, runId);
    if (!(error instanceof LostClaimError || error instanceof NotFoundError)) throw error;
    answer.lost.push(error);
  }
  return answer;
}
