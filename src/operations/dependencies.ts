/**
 * Dependencies: which brief waits until which other brief (the blocker) is done. Rows are written with a new brief, whose blockers
 * exist already, so no cycle arises. Triggers count the blockers that are not done in `waitsFor`.
 */
import { and, asc, eq, ne, notExists, or, type SQL, sql } from "drizzle-orm";
import { NotFoundError } from "../errors.ts";
import { listed } from "./lists.ts";
import { type Lens, type Operation, statement } from "./operation.ts";

/** `blockerIds` is a JSON array. */
type Links = { runId: string; briefId: string; blockerIds: string };

const insertDependencies = statement<Links>()((lens, $) => {
  const { briefs, dependencies } = lens.t;
  return lens.db
    .insert(dependencies)
    .select(
      lens.db
        .select({
          runId: briefs.runId,
          briefId: lens.typed(dependencies.briefId, $.briefId),
          blockerId: briefs.briefId,
        })
        .from(lens.through(briefs, "key"))
        .where(
          and(
            lens.ofRun(briefs.runId, $.runId),
            lens.among(briefs.briefId, $.blockerIds),
            ne(briefs.briefId, $.briefId),
          ),
        ),
    )
    .returning({ blockerId: dependencies.blockerId });
});

const blockersOf = statement<{ runId: string; briefId: string }>()(({ db, t: { dependencies } }, $) =>
  db
    .select({ blockerId: dependencies.blockerId })
    .from(dependencies)
    .where(and(eq(dependencies.runId, $.runId), eq(dependencies.briefId, $.briefId)))
    .orderBy(asc(dependencies.blockerId)),
);

/**
 * For a statement that may change whether a brief is done, and so the counts of its dependents: true once it has locked the run,
 * if the brief has any. On PostgreSQL calls that lock a brief and then its dependents would deadlock with each other.
 */
export function lockingDependents(lens: Lens, $: { readonly [Name in "runId" | "briefId"]: SQL<string> }) {
  const { briefs, dependencies } = lens.t;
  const lock = lens.lockingRun(briefs.runId);
  if (lock === undefined) return undefined;
  const dependents = lens.db
    .select({ found: sql`1` })
    .from(dependencies)
    .where(and(eq(dependencies.runId, $.runId), eq(dependencies.blockerId, $.briefId)));
  return or(notExists(dependents), lock);
}

/**
 * Makes a brief that was just created wait for its blockers.
 * @throws NotFoundError for the first that does not exist. The brief itself counts as missing.
 */
export function* addDependencies(runId: string, briefId: string, blockerIds: readonly string[]): Operation<void> {
  const rows = yield* insertDependencies({ runId, briefId, blockerIds: JSON.stringify(blockerIds) });
  if (rows.length === blockerIds.length) return;
  const found = new Set(rows.map(({ blockerId }) => blockerId));
  for (const id of blockerIds) if (!found.has(id)) throw new NotFoundError("brief", id, runId);
}

/** The ids of the briefs that a brief comes after, in order. */
export function* getBlockers(runId: string, briefId: string): Operation<string[]> {
  return (yield* blockersOf({ runId, briefId })).map(({ blockerId }) => blockerId);
}

const linkTypes = { briefId: "text", blockerId: "text" } as const;

const insertListed = statement<{ runId: string; list: string }>()((lens, $) => {
  const { runs, dependencies } = lens.t;
  const { from, entry } = lens.entries($.list, linkTypes);
  return lens.db
    .insert(dependencies)
    .select(
      lens.db
        .select({
          runId: runs.runId,
          briefId: lens.typed(dependencies.briefId, entry.briefId),
          blockerId: lens.typed(dependencies.blockerId, entry.blockerId),
        })
        .from(runs)
        .innerJoin(from, sql`true`)
        .where(eq(runs.runId, $.runId)),
    )
    .onConflictDoNothing()
    .returning({ briefId: dependencies.briefId });
});

/** Makes briefs that were just created wait for their blockers, which exist. */
export function* addDependenciesOf(
  runId: string,
  briefs: readonly { briefId: string; after: readonly string[] }[],
): Operation<void> {
  const links = briefs.flatMap(({ briefId, after }) => after.map((blockerId) => ({ briefId, blockerId })));
  if (links.length > 0) yield* insertListed({ runId, list: listed(linkTypes, links) });
}

const blockersOfAll = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { dependencies } = lens.t;
  return lens.db
    .select({ briefId: dependencies.briefId, blockerId: dependencies.blockerId })
    .from(dependencies)
    .where(and(eq(dependencies.runId, $.runId), lens.among(dependencies.briefId, $.ids)));
});

/** The ids of the briefs that each of these briefs comes after. */
export function* getBlockersOf(runId: string, ids: readonly string[]): Operation<Map<string, string[]>> {
  const blockers = new Map<string, string[]>();
  if (ids.length === 0) return blockers;
  for (const { briefId, blockerId } of yield* blockersOfAll({ runId, ids: JSON.stringify(ids) })) {
    const own = blockers.get(briefId);
    if (own) own.push(blockerId);
    else blockers.set(briefId, [blockerId]);
  }
  return blockers;
}
