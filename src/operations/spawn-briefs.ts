/**
 * Creating many briefs in one commit, each with its event.
 */
import { type AnyColumn, and, eq, type SQL, sql } from "drizzle-orm";
import { NotFoundError } from "../errors.ts";
import { Check } from "../input/check.ts";
import type { PlainObject } from "../input/json.ts";
import { readByIds } from "./brief-sets.ts";
import {
  type Brief,
  briefColumns,
  type CheckedBrief,
  checkNewBrief,
  isTaken,
  newBriefFields,
  parkedUntil,
  readBrief,
  type UncheckedBrief,
} from "./briefs.ts";
import { newColumns, repeated, takenElsewhere } from "./creation.ts";
import { addDependenciesOf, getBlockersOf } from "./dependencies.ts";
import { appendEvents, checkDetail, insertEvents } from "./entries.ts";
import { isOneList, listed, listsOf } from "./lists.ts";
import {
  atOnce,
  type Context,
  type Entries,
  family,
  type Lens,
  type Operation,
  type Placeholders,
  statement,
  together,
} from "./operation.ts";
import { getRun } from "./runs.ts";
import { storedNothing } from "./status.ts";

/** Maximum number of entries of `after` in one list. */
const maxDependencies = 10_000;

/** A field of a new brief that is missing here doesn't compile; `after` is a table of its own. */
const listedFields = {
  briefId: "text",
  parentBriefId: "text",
  workstreamId: "text",
  tier: "integer",
  role: "text",
  payload: "json",
  retryCount: "integer",
  priority: "integer",
  notBefore: "text",
} as const satisfies Record<Exclude<keyof typeof newBriefFields, "after">, "text" | "integer" | "json">;

type Inserting = { runId: string; list: string; now: string | null };

/** Inserts from the run's row. */
function inserting(
  lens: Lens,
  $: Placeholders<Inserting>,
  { from, entry, position }: Entries<typeof listedFields>,
  condition?: SQL,
) {
  const { db, t } = lens;
  const values = { ...entry, now: $.now };
  const columns = newColumns(lens, t.briefs, newBriefFields, values, { parked: parkedUntil(entry.notBefore) });
  return db
    .insert(t.briefs)
    .select(
      db
        .select(columns)
        .from(t.runs)
        .innerJoin(from, sql`true`)
        .where(and(eq(t.runs.runId, $.runId), condition))
        .orderBy(position),
    )
    .onConflictDoNothing()
    .returning(briefColumns(lens));
}

/** Which of the referenced rows exist is found out afterwards, in the same transaction. */
const insertBriefs = statement<Inserting>()((lens, $) => inserting(lens, $, lens.entries($.list, listedFields)));

const loggedFields = { ...listedFields, eventId: "text" } as const;

type References = { parents: boolean; workstreams: boolean };
type Spawning = Inserting & { count: number; detail: string };
/** The different rows of other calls that the list refers to. */
type Referring = { parents: string; parentCount: number; workstreams: string; workstreamCount: number };

/** Creates all of them, which are new and wait for none. One statement for each combination of references: see `spawnBrief`. */
const spawnAllAtOnce = family((names: References) =>
  atOnce<Spawning & Referring>()((lens, $) => {
    const { briefs, workstreams } = lens.t;
    const list = lens.entries($.list, loggedFields);
    const { eventId, briefId } = list.entry;
    const countOf = (table: typeof briefs | typeof workstreams, id: AnyColumn, ids: SQL) =>
      lens.db
        .select({ n: sql`count(*)` })
        .from(table)
        .where(and(eq(table.runId, $.runId), lens.among(id, ids)));
    const condition = and(
      names.parents ? sql`${countOf(briefs, briefs.briefId, $.parents)} = ${$.parentCount}` : undefined,
      names.workstreams
        ? sql`${countOf(workstreams, workstreams.workstreamId, $.workstreams)} = ${$.workstreamCount}`
        : undefined,
    );
    const values = { eventId, briefId, kind: sql`'spawned'`, detail: $.detail };
    return lens.allOrNone(inserting(lens, $, list, condition), $.count, (numbers) =>
      insertEvents(lens, $, list, values, numbers),
    );
  }),
);

/** `undefined` unless all are created. */
function* spawnAtOnce(runId: string, entries: readonly Entry[], now: string | null, detail: string) {
  const before = new Set<string>();
  const parents = new Set<string>();
  const streams = new Set<string>();
  for (const { briefId, parentBriefId, workstreamId, after } of entries) {
    // What waits is counted by triggers at the statement's end.
    if (before.has(briefId) || after.length > 0) return undefined;
    if (parentBriefId !== null && !before.has(parentBriefId)) parents.add(parentBriefId);
    if (workstreamId !== null) streams.add(workstreamId);
    before.add(briefId);
  }
  if (!isOneList(entries)) return undefined;
  const rows = yield* spawnAllAtOnce({ parents: parents.size > 0, workstreams: streams.size > 0 })(() => ({
    runId,
    now,
    detail,
    count: entries.length,
    list: listed(loggedFields, entries),
    parents: JSON.stringify([...parents]),
    parentCount: parents.size,
    workstreams: JSON.stringify([...streams]),
    workstreamCount: streams.size,
  }));
  if (!rows || rows.length === 0) return undefined;
  const created = new Map(rows.map((row) => [row.briefId, readBrief(row)]));
  return entries.flatMap(({ briefId }) => created.get(briefId) ?? []);
}

const findBriefIds = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select({ id: briefs.briefId })
    .from(lens.through(briefs, "key"))
    .where(and(lens.ofRun(briefs.runId, $.runId), lens.among(briefs.briefId, $.ids)));
});

const findWorkstreamIds = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { workstreams } = lens.t;
  return lens.db
    .select({ id: workstreams.workstreamId })
    .from(lens.through(workstreams, "key"))
    .where(and(lens.ofRun(workstreams.runId, $.runId), lens.among(workstreams.workstreamId, $.ids)));
});

function* existing(find: typeof findBriefIds, runId: string, ids: ReadonlySet<string>): Operation<Set<string>> {
  if (ids.size === 0) return new Set();
  const rows = yield* find({ runId, ids: JSON.stringify([...ids]) });
  return new Set(rows.map(({ id }) => id));
}

type Entry = CheckedBrief & { eventId: string };

export function* spawnBriefs(
  context: Context,
  briefs: readonly UncheckedBrief[],
  detail?: PlainObject,
): Operation<Brief[]> {
  const { runId } = context;
  const check = new Check();
  const now = context.now();
  const entries = check.entries("briefs", briefs).map((brief, n) =>
    check.entry(`briefs[${n}]`, "brief", (own): Entry => {
      const checked = checkNewBrief(own, context, brief, now);
      return { ...checked, eventId: own.id("newId()", context.newId()) };
    }),
  );
  const text = checkDetail(check, detail);
  const dependencies = entries.reduce((sum, { after }) => sum + after.length, 0);
  if (dependencies > maxDependencies) {
    check.refuse("briefs", `must have at most ${maxDependencies} ids in \`after\` altogether, got ${dependencies}`);
  }
  check.done();
  const created = yield* spawnAtOnce(runId, entries, now, text);
  if (created) return created;
  return yield* together(function* () {
    const spawned = yield* insertAll(runId, entries, now);
    yield* requireAll(context, entries, spawned);
    const { created } = spawned;
    const isNew = ({ briefId, eventId }: Entry) =>
      created.has(briefId) && spawned.first.get(briefId)?.eventId === eventId;
    const added = entries.filter(isNew);
    const dependent = added.filter(({ after }) => after.length > 0);
    yield* addDependenciesOf(runId, dependent);
    yield* appendEvents(
      runId,
      now,
      added.map(({ briefId, eventId }) => ({ briefId, eventId, kind: "spawned", detail: text })),
    );
    // Read again, since triggers have counted the blockers.
    const ids = dependent.map(({ briefId }) => briefId);
    const rows = new Map([...spawned.stored, ...created, ...(yield* readByIds(runId, ids))]);
    return entries.flatMap(({ briefId }) => rows.get(briefId) ?? []);
  });
}

interface Spawned {
  /** The first entry of each id, which is the one that creates the brief. */
  first: ReadonlyMap<string, Entry>;
  created: ReadonlyMap<string, Brief>;
  /** Those that existed before. */
  stored: ReadonlyMap<string, Brief>;
}

function* insertAll(runId: string, entries: readonly Entry[], now: string | null): Operation<Spawned> {
  const first = new Map<string, Entry>();
  for (const entry of entries) if (!first.has(entry.briefId)) first.set(entry.briefId, entry);
  const created = new Map<string, Brief>();
  const rows = [...first.values()].map(({ after: _, eventId: __, runId: ___, now: ____, ...row }) => row);
  for (const list of listsOf(rows)) {
    for (const row of yield* insertBriefs({ runId, list: listed(listedFields, list), now }))
      created.set(row.briefId, readBrief(row));
  }
  const others = [...first.keys()].filter((id) => !created.has(id));
  return { first, created, stored: yield* readByIds(runId, others) };
}

/**
 * Throws what `spawnBrief` would throw for the first entry that fails: a repeat that differs, or a reference to a row that neither
 * existed before nor is created by an entry before it.
 */
function* requireAll(
  context: Context,
  entries: readonly Entry[],
  { first, created, stored }: Spawned,
): Operation<void> {
  const { runId } = context;
  const added = [...first.values()].filter(({ briefId }) => !stored.has(briefId));
  const named = added.flatMap(({ parentBriefId, after }) =>
    parentBriefId === null ? after : [parentBriefId, ...after],
  );
  const briefs = yield* existing(findBriefIds, runId, new Set(named));
  const streams = added.flatMap(({ workstreamId }) => workstreamId ?? []);
  const workstreams = yield* existing(findWorkstreamIds, runId, new Set(streams));
  const blockers = yield* getBlockersOf(runId, [...stored.keys()]);
  const before = new Set<string>();
  const exists = (id: string) => before.has(id) || (briefs.has(id) && !created.has(id));
  for (const entry of entries) {
    const { briefId, parentBriefId, workstreamId, after } = entry;
    const present = stored.get(briefId) ?? (before.has(briefId) ? created.get(briefId) : undefined);
    if (present) {
      const own = stored.has(briefId) ? (blockers.get(briefId) ?? []) : first.get(briefId)?.after;
      repeated("brief", briefId, { ...present, after: own }, newBriefFields, entry);
      continue;
    }
    if (!created.has(briefId) && !(yield* getRun(context))) throw new NotFoundError("run", runId, runId);
    if (parentBriefId !== null && !exists(parentBriefId)) throw new NotFoundError("brief", parentBriefId, runId);
    if (workstreamId !== null && !workstreams.has(workstreamId)) {
      throw new NotFoundError("workstream", workstreamId, runId);
    }
    for (const id of after) if (!exists(id)) throw new NotFoundError("brief", id, runId);
    if (!created.has(briefId)) {
      throw (yield* isTaken(briefId)) ? takenElsewhere("brief", briefId) : storedNothing("brief", briefId);
    }
    before.add(briefId);
  }
}
