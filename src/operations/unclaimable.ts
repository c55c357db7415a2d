/**
 * Reports the pending and claimed briefs that claims skip, with their ids and the reason.
 */
import { and, asc, count, eq, gt, isNotNull, isNull, lte, not, or, type SQL, sql } from "drizzle-orm";
import { isReadable } from "./briefs.ts";
import {
  canCountUp,
  hasUsableId,
  hasUsableRole,
  isUsable,
  type JsonColumn,
  jsonColumns,
  spoiltColumn,
} from "./claimable.ts";
import { atMost, filtered, literal } from "./index-choice.ts";
import { family, type Lens, type Operation, statement } from "./operation.ts";

/** Why a claim skips a brief. */
export type Reason = "id" | "role" | "attempt" | JsonColumn;

/** Briefs of one run that are skipped for one reason. */
interface Skipped {
  runId: string;
  reason: Reason;
  n: number;
  /** The ids of the first ten. Those that are NULL are missing. */
  ids: string[];
}

const maxIds = 10;
/** Few per query, since the texts to decode may be long. */
const batch = 16;

/** `ready`: only what a claim would take now. `claimed`: also what is claimed and would be taken over later. */
type Scope = "ready" | "claimed";
type Asked = { runId: string; now: string | null };

const inScope = ({ t: { briefs }, time }: Lens, now: SQL<string | null>, scope: Scope) => {
  const held = and(eq(briefs.status, literal("active")), isNotNull(briefs.claimedBy), isNotNull(briefs.leaseExpiresAt));
  const pending = eq(briefs.status, literal("pending"));
  if (scope === "claimed") return or(pending, held);
  const hasCome = or(isNull(briefs.notBefore), lte(briefs.notBefore, time(now)));
  return or(and(pending, eq(briefs.waitsFor, literal(0)), hasCome), and(held, lte(briefs.leaseExpiresAt, time(now))));
};

/** Usable and strict JSON. What is not may still be claimable: then it has to be decoded. */
const isPlain = (lens: Lens) => sql`(${filtered(isUsable(lens))} and ${filtered(isReadable(lens))})`;

const doubtfulRuns = statement<Record<string, never>>()((lens) => {
  const { briefs } = lens.t;
  return lens.db
    .select({ runId: briefs.runId })
    .from(briefs)
    .where(and(inScope(lens, sql`null`, "claimed"), not(isPlain(lens))))
    .groupBy(briefs.runId)
    .orderBy(briefs.runId);
});

const countDoubtful = statement<Asked>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select({ n: count() })
    .from(briefs)
    .where(and(eq(briefs.runId, $.runId), inScope(lens, $.now, "ready"), not(isPlain(lens))));
});

const withoutUsableId = family((scope: Scope) =>
  statement<Asked>()((lens, $) => {
    const { briefs } = lens.t;
    return lens.db
      .select({ n: count(), example: sql<string | null>`min(cast(${briefs.briefId} as text))` })
      .from(briefs)
      .where(and(eq(briefs.runId, $.runId), inScope(lens, $.now, scope), sql`(${hasUsableId(lens)}) is not true`));
  }),
);

const doubtful = family((scope: Scope) =>
  statement<Asked & { after: string; limit: number }>()((lens, $) => {
    const { briefs } = lens.t;
    const holds = (condition: SQL | undefined) => sql<number | boolean>`${condition ?? sql`true`}`;
    return lens.db
      .select({
        briefId: briefs.briefId,
        role: holds(hasUsableRole(lens)),
        attempt: holds(canCountUp(lens)),
        ...jsonColumns(lens),
      })
      .from(lens.through(briefs, "key"))
      .where(
        and(
          lens.ofRun(briefs.runId, $.runId),
          gt(briefs.briefId, $.after),
          filtered(hasUsableId(lens)),
          inScope(lens, $.now, scope),
          not(isPlain(lens)),
        ),
      )
      .orderBy(asc(briefs.briefId))
      .limit(atMost($.limit));
  }),
);

/** Returns the skipped briefs of all runs of the database, in order of run id. */
export function* findUnclaimable(): Operation<Skipped[]> {
  const found: Skipped[] = [];
  for (const { runId } of yield* doubtfulRuns({})) found.push(...(yield* skippedOf(runId, null, "claimed")));
  return found;
}

/** Returns the number of briefs of a run that would be claimed now but are skipped. */
export function* countUnclaimable(runId: string, now: string | null): Operation<number> {
  const [counted] = yield* countDoubtful({ runId, now });
  if (Number(counted?.n ?? 0) === 0) return 0;
  const skipped = yield* skippedOf(runId, now, "ready");
  return skipped.reduce((sum, { n }) => sum + n, 0);
}

function* skippedOf(runId: string, now: string | null, scope: Scope): Operation<Skipped[]> {
  const found = new Map<Reason, Skipped>();
  const [nameless] = yield* withoutUsableId(scope)({ runId, now });
  const n = Number(nameless?.n ?? 0);
  if (n > 0) found.set("id", { runId, reason: "id", n, ids: nameless?.example ? [nameless.example] : [] });
  for (let after = ""; ; ) {
    const rows = yield* doubtful(scope)({ runId, now, after, limit: batch });
    for (const row of rows) {
      const reason = row.role ? (row.attempt ? spoiltColumn(row) : "attempt") : "role";
      if (reason === undefined) continue;
      const one = found.get(reason) ?? { runId, reason, n: 0, ids: [] };
      if (one.ids.length < maxIds) one.ids.push(row.briefId);
      found.set(reason, { ...one, n: one.n + 1 });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < batch || last.briefId === after) return [...found.values()];
    after = last.briefId;
  }
}
