/**
 * Briefs by their ids, as many at a time as may be in memory.
 */
import { and } from "drizzle-orm";
import { jsonColumns, pageBytes, sizeOf } from "./bounds.ts";
import { type Brief, briefColumns, readBrief } from "./briefs.ts";
import { among, numbered } from "./index-choice.ts";
import { type Lens, type Operation, type Placeholders, statement } from "./operation.ts";

/** How many ids are asked for at once. */
export const setSize = 128;

type Asked = { runId: string; [id: `id${number}`]: string };

/** By the key: an index that begins with the run would be read again for each id. */
const isAsked = ({ t: { briefs }, ofRun }: Lens, $: Placeholders<Asked>) =>
  and(ofRun(briefs.runId, $.runId), among(briefs.briefId, numbered($, "id", setSize)));

const sizesOf = statement<Asked>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select({ briefId: briefs.briefId, bytes: sizeOf(lens, jsonColumns(briefs)) })
    .from(lens.through(briefs, "key"))
    .where(isAsked(lens, $));
});

const rowsOf = statement<Asked>()((lens, $) =>
  lens.db.select(briefColumns(lens)).from(lens.through(lens.t.briefs, "key")).where(isAsked(lens, $)),
);

/** One statement for any number of ids: the last one fills it up. */
function asked(runId: string, ids: readonly string[]): Asked {
  const parameters: Asked = { runId };
  for (let n = 0; n < setSize; n++) parameters[`id${n}`] = ids[Math.min(n, ids.length - 1)] ?? "";
  return parameters;
}

/**
 * The ids, at most `setSize`, in groups whose briefs may be in memory together: each but the last holds `pageBytes`, the brief
 * that reaches that included. Ids of no brief are left out.
 */
export function* groupBySize(runId: string, ids: readonly string[]): Operation<string[][]> {
  const rows = yield* sizesOf(asked(runId, ids));
  const sizes = new Map(rows.map(({ briefId, bytes }) => [briefId, Number(bytes)]));
  const groups: string[][] = [];
  let bytes = pageBytes;
  for (const id of ids) {
    const size = sizes.get(id);
    if (size === undefined) continue;
    if (bytes >= pageBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(id);
    bytes += size;
  }
  return groups;
}

/** The briefs of at most `setSize` ids, in the order of the ids. */
export function* readGroup(runId: string, ids: readonly string[]): Operation<Brief[]> {
  const rows = yield* rowsOf(asked(runId, ids));
  const found = new Map(rows.map((row) => [row.briefId, readBrief(row)]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

const findBriefs = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select(briefColumns(lens))
    .from(lens.through(briefs, "key"))
    .where(and(lens.ofRun(briefs.runId, $.runId), lens.among(briefs.briefId, $.ids)));
});

/** Returns the briefs of these ids that exist, by id. */
export function* readByIds(runId: string, ids: readonly string[]): Operation<Map<string, Brief>> {
  if (ids.length === 0) return new Map();
  const rows = yield* findBriefs({ runId, ids: JSON.stringify(ids) });
  return new Map(rows.map((row) => [row.briefId, readBrief(row)]));
}
