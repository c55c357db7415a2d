/**
 * Briefs: the tasks of a run, a tree by `parentBriefId`.
 */
import { and, eq, exists, getTableColumns, sql } from "drizzle-orm";
import type { briefs } from "../../drizzle/schema.ts";
import type { JsonObject } from "../../drizzle/vocabulary.ts";
import { NotFoundError } from "../errors.ts";
import { Check } from "../input/check.ts";
import type { PlainObject } from "../input/json.ts";
import { checkRole, encodeFor } from "../input/roles.ts";
import { acceptedNames, type CreatorFields, type NewRow, newColumns, repeated, takenElsewhere } from "./creation.ts";
import { appendEvent, checkNewEntry } from "./entries.ts";
import { type Context, family, type Lens, type Operation, query, settle, statement, together } from "./operation.ts";
import { getRun } from "./runs.ts";
import { storedNothing } from "./status.ts";
import { asText, readObject } from "./stored-json.ts";
import { getWorkstream } from "./workstreams.ts";

type Row = typeof briefs.$inferSelect;

/** A brief; `payload` is `{}` if none was passed or the row has NULL. */
export type Brief<Payload = JsonObject, Result = JsonObject, Role extends string = string> = Omit<
  Row,
  "payload" | "result" | "role"
> & { role: Role; payload: Payload; result: Result | null };

export interface NewBriefBase {
  /** A UUIDv7 when left out. */
  briefId?: string | undefined;
  parentBriefId?: string | null | undefined;
  workstreamId?: string | null | undefined;
  /** An integer from 0 to 2^31 - 1, as is retryCount. */
  tier: number;
  retryCount?: number | undefined;
}
/** Before its role has said what the payload must be. */
type UncheckedBrief = NewBriefBase & { role: string; payload?: unknown };

/** What `createBrief` and `spawnBrief` pass of a new brief. */
export const newBriefFields = {
  briefId: "id",
  parentBriefId: "compared",
  workstreamId: "compared",
  tier: "compared",
  role: "compared",
  payload: "compared as JSON",
  retryCount: "not compared",
} as const satisfies CreatorFields<UncheckedBrief>;
const newBriefNames = acceptedNames<UncheckedBrief>(newBriefFields);
type Checked = NewRow<typeof newBriefFields, Row>;

export const briefColumns = ({ t: { briefs } }: Lens) => ({
  ...getTableColumns(briefs),
  payload: asText(briefs.payload),
  result: asText(briefs.result),
});

/** The row, if another program has not spoilt it: see `settle`. */
export const isReadable = ({ t: { briefs }, readable }: Lens) => and(readable(briefs.payload), readable(briefs.result));

/**
 * Decodes a row in place, since it is not shared.
 * @throws UnreadableRowError.
 */
export function readBrief(
  row: Omit<Row, "payload" | "result"> & { payload: string | null; result: string | null },
): Brief {
  return Object.assign(row, {
    payload: readObject("brief", row.briefId, "payload", row.payload) ?? {},
    result: readObject("brief", row.briefId, "result", row.result),
  });
}

/**
 * Inserts from the run's row, and only if the parent and the workstream exist. One statement for each combination of references:
 * PostgreSQL planned a single one again at each call, which cost two thirds more.
 */
const insertReferring = family((names: { parent: boolean; workstream: boolean }) =>
  statement<Checked>()((lens, $) => {
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
          .select(newColumns(lens, t.briefs, newBriefFields, $))
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
  }),
);

function insertBrief(row: Checked) {
  const { parentBriefId, workstreamId } = row;
  return insertReferring({ parent: parentBriefId !== null, workstream: workstreamId !== null })(row);
}

const findBrief = statement<{ runId: string; briefId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select(briefColumns(lens))
    .from(briefs)
    .where(and(eq(briefs.runId, $.runId), eq(briefs.briefId, $.briefId)));
});

/** What is stored of a new brief, and how a repeat of it is told from a conflict. */
function checkNewBrief(check: Check, context: Context, brief: UncheckedBrief): Checked {
  const asked = check.object("brief", brief, newBriefNames);
  const given = {
    parentBriefId: check.nullableId("parentBriefId", asked.parentBriefId),
    workstreamId: check.nullableId("workstreamId", asked.workstreamId),
    tier: check.integer("tier", asked.tier),
    role: checkRole(check, context.roles, "role", asked.role),
  };
  const payload = encodeFor(check, context.roles, given.role, "payload", asked.payload ?? {});
  const retryCount = asked.retryCount === undefined ? 0 : check.integer("retryCount", asked.retryCount);
  const briefId = check.idOr("briefId", asked.briefId, context.newId);
  return { briefId, runId: context.runId, ...given, payload, retryCount, now: context.now() };
}

export function* createBrief(context: Context, brief: UncheckedBrief): Operation<Brief> {
  const check = new Check();
  const checked = checkNewBrief(check, context, brief);
  check.done();
  return yield* settle(
    () => insertBrief(checked),
    readBrief,
    () => storedBrief(context, checked),
  );
}

/** Creates a brief and logs `spawned`, in one commit; a repeat writes neither. */
export function* spawnBrief(context: Context, brief: UncheckedBrief, detail?: PlainObject): Operation<Brief> {
  const check = new Check();
  const checked = checkNewBrief(check, context, brief);
  const { eventId, detail: text } = checkNewEntry(check, context, detail);
  check.done();
  const { briefId, runId, now } = checked;
  return yield* together(function* () {
    const [row] = yield* insertBrief(checked);
    if (!row) return yield* storedBrief(context, checked);
    yield* appendEvent({ eventId, runId, briefId, kind: "spawned", detail: text, now });
    return readBrief(row);
  });
}

/** Returns the stored brief for a repeat; otherwise throws why nothing was inserted. */
function* storedBrief(context: Context, checked: Checked): Operation<Brief> {
  const { briefId, runId, parentBriefId, workstreamId } = checked;
  const stored = yield* getBrief(context, briefId);
  if (stored) return repeated("brief", briefId, stored, newBriefFields, checked);
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
function* isTaken(briefId: string): Operation<boolean> {
  const rows = yield* query(({ db, t }) =>
    db.select({ runId: t.briefs.runId }).from(t.briefs).where(eq(t.briefs.briefId, briefId)),
  );
  return rows.length > 0;
}
