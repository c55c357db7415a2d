/** Dependencies that another program may have written: of or on briefs that are missing, and in a circle. */
import { and, asc, countDistinct, eq, notExists, sql } from "drizzle-orm";
import { atMost } from "./index-choice.ts";
import { family, type Lens, type Operation, statement } from "./operation.ts";

type End = "briefId" | "blockerId";

const isLoose = ({ db, t: { briefs, dependencies } }: Lens, end: End) =>
  notExists(
    db
      .select({ found: sql`1` })
      .from(briefs)
      .where(and(eq(briefs.runId, dependencies.runId), eq(briefs.briefId, dependencies[end]))),
  );

const looseRuns = family((end: End) =>
  statement<Record<string, never>>()((lens) => {
    const { dependencies } = lens.t;
    return lens.db
      .select({ runId: dependencies.runId, n: countDistinct(dependencies.briefId) })
      .from(dependencies)
      .where(isLoose(lens, end))
      .groupBy(dependencies.runId)
      .orderBy(dependencies.runId);
  }),
);

const maxIds = 10;

const looseBriefs = family((end: End) =>
  statement<{ runId: string }>()((lens, $) => {
    const { dependencies } = lens.t;
    return lens.db
      .selectDistinct({ briefId: dependencies.briefId })
      .from(dependencies)
      .where(and(eq(dependencies.runId, $.runId), isLoose(lens, end)))
      .orderBy(asc(dependencies.briefId))
      .limit(atMost(maxIds));
  }),
);

/** Briefs of one run whose dependencies have the same flaw. */
interface Flawed {
  runId: string;
  n: number;
  /** The ids of the first ten. */
  ids: string[];
}

/** Returns the dependents of missing briefs (`blockerId`), or the missing briefs that have dependencies (`briefId`). */
export function* findLoose(end: End): Operation<Flawed[]> {
  const found: Flawed[] = [];
  for (const { runId, n } of yield* looseRuns(end)({})) {
    const rows = yield* looseBriefs(end)({ runId });
    found.push({ runId, n: Number(n), ids: rows.map(({ briefId }) => briefId) });
  }
  return found;
}

const runsWithLinks = statement<Record<string, never>>()(({ db, t: { dependencies } }) =>
  db.selectDistinct({ runId: dependencies.runId }).from(dependencies).orderBy(dependencies.runId),
);

const linksOf = statement<{ runId: string }>()(({ db, t: { dependencies } }, $) =>
  db
    .select({ briefId: dependencies.briefId, blockerId: dependencies.blockerId })
    .from(dependencies)
    .where(eq(dependencies.runId, $.runId))
    .orderBy(asc(dependencies.briefId), asc(dependencies.blockerId)),
);
type Link = { briefId: string; blockerId: string };

/** Returns the briefs that come after themselves, directly or through others. */
export function* findCircles(): Operation<Flawed[]> {
  const found: Flawed[] = [];
  for (const { runId } of yield* runsWithLinks({})) {
    const links = yield* linksOf({ runId });
    // Without what circles only lead to, and then without what only leads to circles.
    const upstream = withoutLoose(
      links,
      (link) => link.blockerId,
      (link) => link.briefId,
    );
    const circular = withoutLoose(
      upstream,
      (link) => link.briefId,
      (link) => link.blockerId,
    );
    const ids = [...new Set(circular.map(({ briefId }) => briefId))];
    if (ids.length > 0) found.push({ runId, n: ids.length, ids: ids.slice(0, maxIds) });
  }
  return found;
}

/** Removes links that begin where no link ends, until none is left to remove. Visits each link once. */
function withoutLoose(links: readonly Link[], startOf: (link: Link) => string, endOf: (link: Link) => string): Link[] {
  const from = new Map<string, Link[]>();
  const arriving = new Map<string, number>();
  for (const link of links) {
    const present = from.get(startOf(link));
    if (present) present.push(link);
    else from.set(startOf(link), [link]);
    arriving.set(endOf(link), (arriving.get(endOf(link)) ?? 0) + 1);
  }
  const loose = [...from.keys()].filter((id) => !arriving.has(id));
  for (let id = loose.pop(); id !== undefined; id = loose.pop()) {
    for (const link of from.get(id) ?? []) {
      const left = (arriving.get(endOf(link)) ?? 0) - 1;
      arriving.set(endOf(link), left);
      if (left === 0) loose.push(endOf(link));
    }
    from.delete(id);
  }
  return [...from.values()].flat();
}
