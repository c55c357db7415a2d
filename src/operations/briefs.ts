/**
 * Briefs: the tasks of a run, a tree by `parentBriefId`.
 */
import { and, eq, exists, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { BriefRow } from "../../drizzle/rows.ts";
import type { JsonObject } from "../../drizzle/vocabulary.ts";
import { NotFoundError } from "../errors.ts";
import { isArray } from "../foreign.ts";
import { Check, minInteger, shown } from "../input/check.ts";
import type { PlainObject } from "../input/json.ts";
import { checkRole, encodeFor } from "../input/roles.ts";
import { type CreatorFields, type NewRow, newColumns, repeated, takenElsewhere } from "./creation.ts";
import { addDependencies, getBlockers } from "./dependencies.ts";
import { appendEvent, checkNewEntry } from "./entries.ts";
import {
  atOnce,
  type Context,
  family,
  type Lens,
  type Operation,
  type Placeholders,
  query,
  settle,
  statement,
  together,
} from "./operation.ts";
import { getRun } from "./runs.ts";
import { storedNothing } from "./status.ts";
import { asText, readObject } from "./stored-json.ts";
import { getWorkstream } from "./workstreams.ts";

/** A brief; `payload` is `{}` if none was passed or the row has NULL. */
export type Brief<Payload = JsonObject, Result = JsonObject, Role extends string = string> = Omit<
  BriefRow,
  "payload" | "result" | "role" | "parked"
> & { role: Role; payload: Payload; result: Result | null };

export interface NewBriefBase {
  /** A UUIDv7 when left out. */
  briefId?: string | undefined;
  parentBriefId?: string | null | undefined;
  workstreamId?: string | null | undefined;
  /** An integer from 0 to 2^31 - 1, as is retryCount. */
  tier: number;
  retryCount?: number | undefined;
  /** The brief with the highest priority is claimed first, then the oldest. An integer from -2^31 to 2^31 - 1; 0 when left out. */
  priority?: number | undefined;
  /** The brief can't be claimed before this time. */
  notBefore?: Date | undefined;
  /**
   * Ids of the briefs of this run that must be done before this one can be claimed; at most 1,000, a repeated id counts once.
   * They must exist, so no cycle can arise.
   */
  after?: readonly string[] | undefined;
}
/** Before its role has said what the payload must be. */
export type UncheckedBrief = NewBriefBase & { role: string; payload?: unknown };

/** What `createBrief` and `spawnBrief` pass of a new brief. */
export const newBriefFields = {
  briefId: "id",
  parentBriefId: "compared",
  workstreamId: "compared",
  tier: "compared",
  role: "compared",
  payload: "compared as JSON",
  retryCount: "not compared",
  priority: "compared",
  // A claim clears it.
  notBefore: "not compared",
  after: "compared as a set",
} as const satisfies CreatorFields<UncheckedBrief>;
export type CheckedBrief = NewRow<typeof newBriefFields, BriefRow>;

/** Every column but `parked`, which only claims use. JSON as text. With names, so that a statement can refer to a part of itself. */
export function briefColumns({ t: { briefs } }: Lens) {
  const { parked: _, ...columns } = getTableColumns(briefs);
  return {
    ...columns,
    payload: asText(briefs.payload).as("payload"),
    result: asText(briefs.result).as("result"),
    progress: asText(briefs.progress).as("progress"),
  };
}

/** The row, if another program has not spoilt it: see `settle`. */
export const isReadable = ({ t: { briefs }, readable }: Lens) =>
  and(readable(briefs.payload), readable(briefs.result), readable(briefs.progress));

interface Texts {
  briefId: string;
  payload: string | null;
  result: string | null;
  progress: string | null;
}
type Decoded<Stored> = Omit<Stored, "payload" | "result" | "progress"> & Pick<Brief, "payload" | "result" | "progress">;

/**
 * Decodes a row in place, since it is not shared.
 * @throws UnreadableRowError.
 */
export function readBrief<Stored extends Texts>(row: Stored): Decoded<Stored> {
  return Object.assign(row, {
    payload: readObject("brief", row.briefId, "payload", row.payload) ?? {},
    result: readObject("brief", row.briefId, "result", row.result),
    progress: readObject("brief", row.briefId, "progress", row.progress),
  });
}

/** A claim clears it when the time has come. */
export const parkedUntil = (time: SQL<string | null>) => sql`case when cast(${time} as text) is null then 0 else 1 end`;

type References = { parent: boolean; workstream: boolean };

/**
 * Inserts from the run's row, and only if the parent and the workstream exist. One statement for each combination of references:
 * PostgreSQL planned a single one again at each call, which cost two thirds more.
 */
const referring = (names: References) => (lens: Lens, $: Placeholders<CheckedBrief>) => {
  const { db, t } = lens;
  const parent = db
    .select({ found: sql`1` })
    .from(t.briefs)
    .where(and(eq(t.briefs.runId, $.runId), eq(t.briefs.briefId, $.parentBriefId)));
  const workstream = db
    .select({ found: sql`1` })
    .from(t.workstreams)
    .where(and(eq(t.workstreams.runId, $.runId), eq(t.workstreams.workstreamId, $.workstreamId)));
  return db
    .insert(t.briefs)
    .select(
      db
        .select(newColumns(lens, t.briefs, newBriefFields, $, { parked: parkedUntil($.notBefore) }))
        .from(t.runs)
        .where(
          and(
            eq(t.runs.runId, $.runId),
            names.parent ? exists(parent) : undefined,
            names.workstream ? exists(workstream) : undefined,
          ),
        ),
    )
    .onConflictDoNothing()
    .returning(briefColumns(lens));
};

const insertReferring = family((names: References) => statement<CheckedBrief>()(referring(names)));

const spawnReferring = family((names: References) =>
  atOnce<CheckedBrief & { eventId: string; detail: string }>()((lens, $) =>
    lens.withEvent(referring(names)(lens, $), ({ briefId }) => {
      const { eventId, detail, now } = $;
      return { eventId, briefId, kind: sql`'spawned'`, detail, now };
    }),
  ),
);

function referencesOf({ parentBriefId, workstreamId }: CheckedBrief): References {
  return { parent: parentBriefId !== null, workstream: workstreamId !== null };
}

function insertBrief(row: CheckedBrief) {
  return insertReferring(referencesOf(row))(row);
}

const findBrief = statement<{ runId: string; briefId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select(briefColumns(lens))
    .from(briefs)
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId)));
});

/** What is stored of a new brief, and how a repeat of it is told from a conflict. */
export function checkNewBrief(
  check: Check,
  context: Context,
  brief: UncheckedBrief,
  now = context.now(),
): CheckedBrief {
  const asked = check.object("brief", brief, newBriefFields);
  const given = {
    parentBriefId: check.nullableId("parentBriefId", asked.parentBriefId),
    workstreamId: check.nullableId("workstreamId", asked.workstreamId),
    tier: check.integer("tier", asked.tier),
    role: checkRole(check, context.roles, "role", asked.role),
  };
  const payload = encodeFor(check, context.roles, given.role, "payload", asked.payload ?? {});
  const retryCount = asked.retryCount === undefined ? 0 : check.integer("retryCount", asked.retryCount);
  const priority = asked.priority === undefined ? 0 : check.integer("priority", asked.priority, minInteger);
  const notBefore = asked.notBefore === undefined ? null : check.date("notBefore", asked.notBefore);
  const after = checkAfter(check, asked.after);
  const briefId = check.idOr("briefId", asked.briefId, context.newId);
  const { runId } = context;
  return { briefId, runId, ...given, payload, retryCount, priority, notBefore, after, now };
}

const maxAfter = 1000;

function checkAfter(check: Check, after: unknown): string[] {
  if (after === undefined) return [];
  if (!isArray(after)) {
    check.refuse("after", `must be an array of brief ids, got ${shown(after)}`);
    return [];
  }
  const ids = check.ids("after", after) ?? [];
  if (ids.length > maxAfter) check.refuse("after", `must have at most ${maxAfter} different ids, got ${ids.length}`);
  return ids;
}

export function* createBrief(context: Context, brief: UncheckedBrief): Operation<Brief> {
  const check = new Check();
  const checked = checkNewBrief(check, context, brief);
  check.done();
  if (checked.after.length > 0) {
    return yield* together(function* () {
      const created = yield* insertDependent(checked);
      return created ?? (yield* storedBrief(context, checked));
    });
  }
  return yield* settle(
    () => insertBrief(checked),
    readBrief,
    () => storedBrief(context, checked),
  );
}

/** Inserts a brief and its dependencies in the caller's transaction; `undefined` if no row was inserted. */
function* insertDependent(checked: CheckedBrief): Operation<Brief | undefined> {
  const { runId, briefId, after } = checked;
  const [row] = yield* insertBrief(checked);
  if (!row || after.length === 0) return row && readBrief(row);
  yield* addDependencies(runId, briefId, after);
  // Read again, since triggers have counted the blockers.
  const [counted] = yield* findBrief({ runId, briefId });
  return readBrief(counted ?? row);
}

/** Creates a brief and logs `spawned`, in one commit; a repeat writes neither. */
export function* spawnBrief(context: Context, brief: UncheckedBrief, detail?: PlainObject): Operation<Brief> {
  const check = new Check();
  const checked = checkNewBrief(check, context, brief);
  const { eventId, detail: text } = checkNewEntry(check, context, detail);
  check.done();
  const { briefId, runId, now } = checked;
  if (checked.after.length === 0) {
    const [spawned] =
      (yield* spawnReferring(referencesOf(checked))(() => ({ ...checked, eventId, detail: text }))) ?? [];
    if (spawned) return readBrief(spawned);
  }
  return yield* together(function* () {
    const created = yield* insertDependent(checked);
    if (!created) return yield* storedBrief(context, checked);
    yield* appendEvent({ eventId, runId, briefId, kind: "spawned", detail: text, now });
    return created;
  });
}

/** Returns the stored brief for a repeat; otherwise throws why nothing was inserted. */
function* storedBrief(context: Context, checked: CheckedBrief): Operation<Brief> {
  const { briefId, runId, parentBriefId, workstreamId } = checked;
  const stored = yield* getBrief(context, briefId);
  if (stored) {
    repeated("brief", briefId, { ...stored, after: yield* getBlockers(runId, briefId) }, newBriefFields, checked);
    return stored;
  }
  if (!(yield* getRun(context))) throw new NotFoundError("run", runId, runId);
  if (parentBriefId !== null && !(yield* getBrief(context, parentBriefId))) {
    throw new NotFoundError("brief", parentBriefId, runId);
  }
  if (workstreamId !== null && !(yield* getWorkstream(context, workstreamId))) {
    throw new NotFoundError("workstream", workstreamId, runId);
  }
  if (yield* isTaken(briefId)) throw takenElsewhere("brief", briefId);
  throw storedNothing("brief", briefId);
}

export function* getBrief({ runId }: Context, briefId: string): Operation<Brief | undefined> {
  const check = new Check();
  check.id("briefId", briefId);
  check.done();
  const [row] = yield* findBrief({ runId, briefId });
  return row && readBrief(row);
}

const findRole = statement<{ runId: string; briefId: string }>()(({ db, t: { briefs } }, $) =>
  db
    .select({ role: briefs.role })
    .from(briefs)
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId))),
);

/**
 * Returns a brief's role, whose schema validates the result.
 * @throws NotFoundError.
 */
export function* roleOf({ runId }: Context, briefId: string): Operation<string> {
  const [row] = yield* findRole({ runId, briefId });
  if (!row) throw new NotFoundError("brief", briefId, runId);
  return row.role;
}

/** Whether any run of the file has a brief of this id. */
export function* isTaken(briefId: string): Operation<boolean> {
  const rows = yield* query(({ db, t }) =>
    db.select({ runId: t.briefs.runId }).from(t.briefs).where(eq(t.briefs.briefId, briefId)),
  );
  return rows.length > 0;
}
