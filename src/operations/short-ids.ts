/**
 * Short forms of ids, for people: a long id is named by its last characters. The first ones of a UUIDv7 are the time, which the
 * briefs that are created together share; the last 32 bits are random, so they stay unique as more briefs come.
 */
import { type AnyColumn, and, asc, count, eq, gt, inArray, or, type SQL, sql } from "drizzle-orm";
import { atMost, filtered, literal } from "./index-choice.ts";
import { type Context, family, type Lens, type Operation, statement } from "./operation.ts";

/** A longer id is shown by its end, in characters. */
export const longestWhole = 16;
/** Length of an end, unless that is not unique. */
export const shortestEnd = 8;

export type Named = "brief" | "workstream";

/** The table, its id, and an index that has the ids of a run. */
function source({ t: { briefs, workstreams }, through, ofRunThrough }: Lens, named: Named, runId: SQL<string>) {
  return named === "brief"
    ? {
        from: through(briefs, "briefs_by_age"),
        ofRun: ofRunThrough(briefs.runId, "briefs_by_age", runId),
        id: briefs.briefId,
        time: briefs.createdAt,
      }
    : {
        from: through(workstreams, "workstreams_by_age"),
        ofRun: ofRunThrough(workstreams.runId, "workstreams_by_age", runId),
        id: workstreams.workstreamId,
        time: workstreams.createdAt,
      };
}

/** Raw SQL, since the builder has no functions of texts. */
const lengthOf = (text: AnyColumn | SQL) => sql<number>`length(${text})`;
const endOf = (id: AnyColumn, length: SQL | number) =>
  sql<string>`substr(${id}, length(${id}) - ${typeof length === "number" ? literal(length) : length} + 1)`;

/** More are not read: then each of these ids is shown whole. */
const maxSharing = 50_000;

const sharingEnds = family((named: Named) =>
  statement<{ runId: string }>()((lens, $) => {
    const { from, ofRun, id } = source(lens, named, $.runId);
    const isLong = and(ofRun, filtered(gt(lengthOf(id), literal(longestWhole))));
    const end = endOf(id, shortestEnd);
    const shared = lens.db
      .select({ end })
      .from(from)
      .where(isLong)
      .groupBy(end)
      .having(gt(count(), literal(1)));
    return lens.db
      .select({ id })
      .from(from)
      .where(and(isLong, filtered(inArray(end, shared))))
      .limit(atMost(maxSharing + 1));
  }),
);

/**
 * Returns the long ids of a run whose last eight characters are not unique among its long ids; `undefined` if there are too many
 * of them to read.
 */
export function* findSharingEnds({ runId }: Context, named: Named): Operation<string[] | undefined> {
  const rows = yield* sharingEnds(named)({ runId });
  return rows.length > maxSharing ? undefined : rows.map(({ id }) => id).filter(isText);
}

/** How many candidates are read: whether there are more than can be shown. */
export const maxCandidates = 11;

const matching = family(({ named, beginning, ending }: { named: Named; beginning: boolean; ending: boolean }) =>
  statement<{ runId: string; text: string }>()((lens, $) => {
    const { from, ofRun, id, time } = source(lens, named, $.runId);
    const length = lengthOf(sql`cast(${$.text} as text)`);
    const begins = beginning ? eq(sql`substr(${id}, 1, ${length})`, $.text) : undefined;
    const ends = ending ? eq(endOf(id, length), $.text) : undefined;
    return lens.db
      .select({ id })
      .from(from)
      .where(and(ofRun, filtered(gt(lengthOf(id), length)), filtered(or(begins, ends))))
      .orderBy(asc(time), asc(id))
      .limit(atMost(maxCandidates));
  }),
);

/** Returns the oldest of the ids that begin or end with this text and are longer. */
export function* findIdsLike(
  { runId }: Context,
  named: Named,
  text: string,
  { beginning, ending }: { beginning: boolean; ending: boolean },
): Operation<string[]> {
  const rows = yield* matching({ named, beginning, ending })({ runId, text });
  return rows.map(({ id }) => id).filter(isText);
}

/** How many ids a shell offers. */
const maxCompletions = 200;

const completions = family((named: Named) =>
  statement<{ runId: string; text: string }>()((lens, $) => {
    const { from, ofRun, id, time } = source(lens, named, $.runId);
    const length = lengthOf(sql`cast(${$.text} as text)`);
    const begins = eq(sql`substr(${id}, 1, ${length})`, $.text);
    const endBegins = and(
      gt(lengthOf(id), literal(longestWhole)),
      eq(sql`substr(${endOf(id, shortestEnd)}, 1, ${length})`, $.text),
    );
    return lens.db
      .select({ id })
      .from(from)
      .where(and(ofRun, filtered(or(begins, endBegins))))
      .orderBy(asc(time), asc(id))
      .limit(atMost(maxCompletions));
  }),
);

/** Returns the oldest ids that begin with a text, or whose last eight characters do. */
export function* findCompletions({ runId }: Context, named: Named, text: string): Operation<string[]> {
  const rows = yield* completions(named)({ runId, text });
  return rows.map(({ id }) => id).filter(isText);
}

/** How many ids are compared with a misspelt one, and how much longer or shorter they may be. */
const maxCompared = 10_000;
const maxDifference = 3;

const comparable = family((named: Named) =>
  statement<{ runId: string; length: number }>()((lens, $) => {
    const { from, ofRun, id, time } = source(lens, named, $.runId);
    const difference = sql`abs(length(${id}) - ${$.length})`;
    return lens.db
      .select({ id })
      .from(from)
      .where(and(ofRun, filtered(sql`${difference} <= ${literal(maxDifference)}`)))
      .orderBy(asc(time), asc(id))
      .limit(atMost(maxCompared));
  }),
);

/** Returns the oldest ids that are about as long as this one, of which it may be a misspelling. */
export function* findComparableIds({ runId }: Context, named: Named, text: string): Operation<string[]> {
  const rows = yield* comparable(named)({ runId, length: [...text].length });
  return rows.map(({ id }) => id).filter(isText);
}

/** SQLite keeps whatever another program puts into a column. */
function isText(id: unknown): id is string {
  return typeof id === "string";
}
