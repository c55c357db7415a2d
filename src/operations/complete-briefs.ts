/**
 * Completing many briefs in one commit, each with its event. Those that are refused don't keep the others from being completed.
 */
import { and, eq, inArray, isNotNull, isNull, or, type SQL } from "drizzle-orm";
import { LostClaimError, NotFoundError, TransitionError } from "../errors.ts";
import { Check, type Names } from "../input/check.ts";
import type { StoredObject } from "../input/json.ts";
import { encodeFor, type Roles } from "../input/roles.ts";
import { readByIds } from "./brief-sets.ts";
import { type Brief, briefColumns, isReadable, readBrief } from "./briefs.ts";
import { appendEvents, checkDetail, insertEvents } from "./entries.ts";
import { filtered, literal } from "./index-choice.ts";
import { type BriefRef, checkRef, encodedAsStated, moves, type Reference, requireRepeat } from "./lifecycle.ts";
import { isOneList, listed, listsOf } from "./lists.ts";
import {
  atOnce,
  type Context,
  type Entries,
  type Lens,
  type Operation,
  type Placeholders,
  statement,
  together,
} from "./operation.ts";
import type { BriefOf } from "./roles.ts";

/** One of the completions of `completeBriefs`. */
export interface Completion {
  /** A claim must be the current one; an id completes the brief regardless of its claim. */
  ref: BriefRef;
  result: StoredObject;
  detail?: StoredObject | undefined;
}
const completionNames: Names<Completion> = { ref: true, result: true, detail: true };

/** What `completeBriefs` did with one of its completions. */
export type Completed<R extends Roles> =
  | { brief: BriefOf<R>; error?: undefined }
  | { brief?: undefined; error: LostClaimError | TransitionError | NotFoundError };

const listedFields = { briefId: "text", attempt: "integer", result: "json" } as const;

type Completing = { runId: string; list: string; now: string | null };

/** As `moves.complete`: by id from these statuses, by claim only from the current claim. */
function completing(
  lens: Lens,
  $: Placeholders<Completing>,
  { fromFirst, entry, isFoundBy }: Entries<typeof listedFields>,
  condition?: SQL,
) {
  const { briefs } = lens.t;
  return lens.db
    .update(briefs)
    .set({ status: moves.complete.to, result: entry.result, leaseExpiresAt: null, updatedAt: lens.time($.now) })
    .from(fromFirst)
    .where(
      and(
        lens.ofRun(briefs.runId, $.runId),
        isFoundBy(briefs.briefId, "briefId"),
        filtered(
          or(
            and(isNull(entry.attempt), inArray(briefs.status, [...moves.complete.from])),
            and(eq(briefs.attempt, entry.attempt), eq(briefs.status, "active"), isNotNull(briefs.claimedBy)),
          ),
        ),
        condition,
      ),
    )
    .returning(briefColumns(lens));
}

const completeAll = statement<Completing>()((lens, $) =>
  lens.byKey(lens.t.briefs, completing(lens, $, lens.entries($.list, listedFields))),
);

const loggedFields = { ...listedFields, eventId: "text", detail: "json", role: "text" } as const;

/** Completes all of them, different briefs that wait for none: triggers count the blockers of others at the statement's end. */
const completeAllAtOnce = atOnce<Completing & { count: number }>()((lens, $) => {
  const list = lens.entries($.list, loggedFields);
  const { eventId, briefId, detail, role } = list.entry;
  const { briefs } = lens.t;
  const ofRole = or(isNull(role), lens.isText(briefs.role, role));
  const change = completing(lens, $, list, filtered(and(ofRole, eq(briefs.waitsFor, literal(0)), isReadable(lens))));
  const kind = literal(moves.complete.logs);
  return lens.allOrNone(change, $.count, (numbers) =>
    insertEvents(lens, $, list, { eventId, briefId, kind, detail }, numbers),
  );
});

const findRoles = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select({ briefId: briefs.briefId, role: briefs.role })
    .from(lens.through(briefs, "key"))
    .where(and(lens.ofRun(briefs.runId, $.runId), lens.among(briefs.briefId, $.ids)));
});

type Entry = Reference & { eventId: string; result: string; detail: string };

export function* completeBriefs(
  context: Context,
  completions: readonly Completion[],
): Operation<({ brief: Brief } | { error: LostClaimError | TransitionError | NotFoundError })[]> {
  const { runId } = context;
  const check = new Check();
  const given = check.entries("completions", completions).map((completion, n) =>
    check.entry(`completions[${n}]`, "completion", (own) => {
      const { ref, result, detail } = own.object("completion", completion, completionNames);
      const { briefId, attempt } = checkRef(own, ref ?? "", { claim: "ref", id: "ref" });
      const eventId = own.id("newId()", context.newId());
      const stated = encodedAsStated(context, ref ?? "", result);
      return { briefId, attempt, eventId, detail: checkDetail(own, detail), result, stated };
    }),
  );
  const ids = [...new Set(given.map(({ briefId }) => briefId))];
  const isStated = given.every(({ stated }) => stated !== undefined);
  if (isStated && check.refusals === 0) {
    const entries = given.map(({ stated, ...entry }) => ({ ...entry, role: stated?.role, result: stated?.text ?? "" }));
    const completed = yield* completeAtOnce(context, entries, ids);
    if (completed) return completed;
  }
  // Read only if roles are declared, since the role's schema validates the result.
  const roles = context.roles && check.refusals === 0 ? yield* rolesOf(runId, ids) : new Map<string, string>();
  const entries = given.map(({ briefId, attempt, eventId, detail, result, stated }, n): Entry => {
    const role = roles.get(briefId);
    // Without a role the brief doesn't exist, which is the error of this completion alone.
    const declared = role === undefined ? undefined : context.roles;
    const text =
      stated && stated.role === role
        ? stated.text
        : check.entry(`completions[${n}]`, "completion", (own) => encodeFor(own, declared, role, "result", result));
    return { briefId, attempt, eventId, detail, result: text };
  });
  check.done();
  const completed = isStated ? undefined : yield* completeAtOnce(context, entries, ids);
  if (completed) return completed;
  const now = context.now();
  return yield* together(() => completeEach(runId, entries, now));
}

/** `undefined` unless all are completed. */
function* completeAtOnce(
  context: Context,
  entries: readonly (Entry & { role?: string | undefined })[],
  ids: readonly string[],
) {
  if (ids.length < entries.length || !isOneList(entries)) return undefined;
  const rows = yield* completeAllAtOnce(() => {
    const list = entries.map(({ attempt = null, role = null, ...entry }) => ({ ...entry, attempt, role }));
    return { runId: context.runId, now: context.now(), count: entries.length, list: listed(loggedFields, list) };
  });
  if (!rows || rows.length === 0) return undefined;
  const completed = new Map(rows.map((row) => [row.briefId, readBrief(row)]));
  return ids.flatMap((id) => {
    const brief = completed.get(id);
    return brief ? [{ brief }] : [];
  });
}

function* rolesOf(runId: string, ids: readonly string[]): Operation<Map<string, string>> {
  const rows = yield* findRoles({ runId, ids: JSON.stringify(ids) });
  return new Map(rows.map(({ briefId, role }) => [briefId, role]));
}

function* completeEach(runId: string, entries: readonly Entry[], now: string | null) {
  const chosen = yield* choose(runId, entries);
  const completed = new Map<string, { entry: Entry; brief: Brief }>();
  const rows = [...chosen.values()].map(({ briefId, attempt = null, result }) => ({ briefId, attempt, result }));
  for (const list of listsOf(rows)) {
    for (const row of yield* completeAll({ runId, list: listed(listedFields, list), now })) {
      const entry = chosen.get(row.briefId);
      if (entry) completed.set(row.briefId, { entry, brief: readBrief(row) });
    }
  }
  const added = entries.filter((entry) => completed.get(entry.briefId)?.entry === entry);
  yield* appendEvents(
    runId,
    now,
    added.map(({ briefId, eventId, detail }) => ({ briefId, eventId, detail, kind: moves.complete.logs })),
  );
  // What waited for another of these briefs is read again, since triggers have counted since.
  const waiting = [...completed.values()].filter(({ brief }) => brief.waitsFor > 0).map(({ brief }) => brief.briefId);
  const unchanged = entries.filter(({ briefId }) => !completed.has(briefId)).map(({ briefId }) => briefId);
  const stored = yield* readByIds(runId, [...new Set([...waiting, ...unchanged])]);
  return entries.map((entry) => {
    const { briefId, attempt, result } = entry;
    const own = completed.get(briefId);
    const brief = stored.get(briefId) ?? own?.brief;
    if (!brief) return { error: new NotFoundError("brief", briefId, runId) };
    if (own?.entry === entry) return { brief };
    try {
      return { brief: requireRepeat("complete", brief, attempt, result) };
    } catch (error) {
      if (error instanceof LostClaimError || error instanceof TransitionError) return { error };
      throw error;
    }
  });
}

/** The entry that may complete each brief: of several for one brief the first that is allowed to. */
function* choose(runId: string, entries: readonly Entry[]): Operation<Map<string, Entry>> {
  const chosen = new Map<string, Entry>();
  const byId = new Map<string, Entry[]>();
  for (const entry of entries) {
    const others = byId.get(entry.briefId);
    if (others) others.push(entry);
    else byId.set(entry.briefId, [entry]);
    if (!others) chosen.set(entry.briefId, entry);
  }
  const repeated = [...byId].flatMap(([id, own]) => (own.length > 1 ? [id] : []));
  const stored = yield* readByIds(runId, repeated);
  for (const [id, brief] of stored) {
    const first = byId.get(id)?.find((entry) => mayComplete(brief, entry));
    if (first) chosen.set(id, first);
  }
  return chosen;
}

function mayComplete({ status, attempt, claimedBy }: Brief, { attempt: used }: Entry): boolean {
  if (used === undefined) return moves.complete.from.includes(status);
  return status === "active" && attempt === used && claimedBy !== null;
}
