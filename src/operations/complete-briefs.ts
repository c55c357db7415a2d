/**
 * Completing many briefs in one commit, each with its event. Those that are refused don't keep the others from being completed.
 */
import { and, eq, inArray, isNotNull, isNull, or } from "drizzle-orm";
import { LostClaimError, NotFoundError, TransitionError } from "../errors.ts";
import { Check, type Names } from "../input/check.ts";
import type { StoredObject } from "../input/json.ts";
import { encodeFor, type Roles } from "../input/roles.ts";
import { readByIds } from "./brief-sets.ts";
import { type Brief, briefColumns, readBrief } from "./briefs.ts";
import { appendEvents, checkDetail } from "./entries.ts";
import { filtered } from "./index-choice.ts";
import { type BriefRef, checkRef, moves, type Reference, requireRepeat } from "./lifecycle.ts";
import { listed, listsOf } from "./lists.ts";
import { type Context, type Operation, statement, together } from "./operation.ts";
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

/** As `moves.complete`: by id from these statuses, by claim only from the current claim. */
const completeAll = statement<{ runId: string; list: string; now: string | null }>()((lens, $) => {
  const { briefs } = lens.t;
  const { from, entry, isFoundBy } = lens.entries($.list, listedFields);
  const update = lens.db
    .update(briefs)
    .set({ status: moves.complete.to, result: entry.result, leaseExpiresAt: null, updatedAt: lens.time($.now) })
    .from(from)
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
      ),
    )
    .returning(briefColumns(lens));
  return lens.byKey(briefs, update);
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
      return { briefId, attempt, eventId, detail: checkDetail(own, detail), result };
    }),
  );
  const ids = [...new Set(given.map(({ briefId }) => briefId))];
  // Read only if roles are declared, since the role's schema validates the result.
  const roles = context.roles && check.refusals === 0 ? yield* rolesOf(runId, ids) : new Map<string, string>();
  const entries = given.map(({ briefId, attempt, eventId, detail, result }, n): Entry => {
    const role = roles.get(briefId);
    // Without a role the brief doesn't exist, which is the error of this completion alone.
    const declared = role === undefined ? undefined : context.roles;
    const text = check.entry(`completions[${n}]`, "completion", (own) =>
      encodeFor(own, declared, role, "result", result),
    );
    return { briefId, attempt, eventId, detail, result: text };
  });
  check.done();
  const now = context.now();
  return yield* together(() => completeEach(runId, entries, now));
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
