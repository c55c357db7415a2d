/**
 * Why briefs failed: the reason in the newest event that made each of them fail, and all failed briefs grouped by it.
 */
import { and, eq, max, sql } from "drizzle-orm";
import type { EventKind, Timestamp } from "../../drizzle/vocabulary.ts";
import { isArray } from "../foreign.ts";
import { Check, shown, textFlaw } from "../input/check.ts";
import { listBriefOutlines } from "./brief-lists.ts";
import { among, filtered, literal } from "./index-choice.ts";
import { moves } from "./lifecycle.ts";
import { type Context, inSnapshot, type Operation, statement } from "./operation.ts";
import type { BriefOutline } from "./outlines.ts";

/** Why a brief failed. */
export interface Failure {
  briefId: string;
  kind: EventKind;
  createdAt: Timestamp;
  /** The detail's `error`, `reason` or `message`, otherwise the detail as JSON, cut to 300 characters; "" for an empty detail. */
  reason: string;
}

/** The failed briefs with one reason. */
export interface FailureGroup {
  /** Null for briefs without an event that says that they failed. */
  reason: string | null;
  briefs: number;
  /** How many of them each role has, the most first. */
  roles: Record<string, number>;
  /** When the last one failed. */
  newestAt: Timestamp;
  /** The ids of those that failed last, newest first. */
  newest: string[];
}

export interface GroupedFailures {
  /** The largest group first. */
  groups: FailureGroup[];
  /** How many briefs have reasons that are not in `groups`, since there are too many different ones. */
  others: number;
}

/** The kinds of events that make a brief fail. */
const failing = Object.values(moves).flatMap(({ to, logs }) => (to === "failed" ? [logs] : []));

const maxReason = 300;
/** Details are cut before they are read: one may hold megabytes. */
const maxDetail = 4000;

/** By the index of a brief's events, however many briefs failed. */
const newestOf = statement<{ runId: string; ids: string }>()((lens, $) => {
  const { db, through } = lens;
  const { events } = lens.t;
  const ofKind = filtered(among(events.kind, failing.map(literal)));
  const newest = db
    .select({ seq: max(events.seq).as("seq") })
    .from(through(events, "events_by_brief"))
    .where(and(lens.ofRunThrough(events.runId, "events_by_brief", $.runId), lens.among(events.briefId, $.ids), ofKind))
    .groupBy(events.briefId);
  const detail = sql`cast(${events.detail} as text)`;
  return db
    .select({
      briefId: sql<string>`${events.briefId}`,
      kind: events.kind,
      createdAt: events.createdAt,
      detail: sql<string | null>`substr(${detail}, 1, ${sql.raw(String(maxDetail))})`,
    })
    .from(through(events, "key"))
    .where(and(eq(events.runId, $.runId), lens.amongRows(events.seq, newest)));
});

/** How many briefs are asked for at once. */
const pageSize = 1000;

/** Returns why each of these briefs failed last, in their order; briefs without an event of a failure are left out. */
export function* explainFailures({ runId }: Context, briefIds: readonly string[]): Operation<Failure[]> {
  const check = new Check();
  const given: unknown = briefIds;
  const ids = isArray(given) ? check.list("briefIds", given, (path, id) => stringOf(check, path, id)) : [];
  if (!isArray(given)) check.refuse("briefIds", `must be an array of brief ids, got ${shown(given)}`);
  check.done();
  const found = new Map<string, Failure>();
  for (let from = 0; from < ids.length; from += pageSize) {
    for (const failure of yield* failuresOf(runId, ids.slice(from, from + pageSize)))
      found.set(failure.briefId, failure);
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

function stringOf(check: Check, path: string, value: unknown): string {
  if (typeof value === "string") return value;
  check.refuse(path, `must be a string, got ${shown(value)}`);
  return "";
}

/** An id that another program stored may be one that can't be asked for. */
function* failuresOf(runId: string, ids: readonly string[]): Operation<Failure[]> {
  const usable = ids.filter((id) => typeof id === "string" && textFlaw(id) === undefined);
  if (usable.length === 0) return [];
  const rows = yield* newestOf({ runId, ids: JSON.stringify(usable) });
  return rows.map(({ detail, ...row }) => ({ ...row, reason: reasonIn(detail) }));
}

/** More different reasons than a person reads. */
const maxGroups = 1000;
const maxNewest = 5;

/** Groups all failed briefs by their reasons. Reads one snapshot, in pages: what is in memory does not grow with the run. */
export function* groupFailures(context: Context): Operation<GroupedFailures> {
  return yield* inSnapshot(function* () {
    const groups = new Map<string | null, Collected>();
    let others = 0;
    for (let after: string | undefined; ; ) {
      const { items, next } = yield* listBriefOutlines(context, { status: "failed", limit: pageSize, after });
      const failures = yield* failuresOf(
        context.runId,
        items.map(({ briefId }) => briefId),
      );
      const reasons = new Map(failures.map((failure) => [failure.briefId, failure]));
      for (const brief of items) {
        const failure = reasons.get(brief.briefId);
        const reason = failure?.reason ?? null;
        const group = groups.get(reason) ?? newGroup(reason);
        if (groups.size >= maxGroups && !groups.has(reason)) {
          others++;
          continue;
        }
        groups.set(reason, group);
        add(group, brief, failure?.createdAt ?? brief.updatedAt);
      }
      if (next === null) break;
      after = next;
    }
    return { groups: [...groups.values()].map(toShow).sort((a, b) => b.briefs - a.briefs), others };
  });
}

type Collected = Omit<FailureGroup, "roles" | "newest"> & {
  roles: Map<string, number>;
  newest: { briefId: string; at: Timestamp }[];
};

function newGroup(reason: string | null): Collected {
  return { reason, briefs: 0, roles: new Map(), newestAt: "", newest: [] };
}

function add(group: Collected, { briefId, role }: BriefOutline, at: Timestamp): void {
  group.briefs++;
  if (group.roles.size < maxGroups || group.roles.has(role)) group.roles.set(role, (group.roles.get(role) ?? 0) + 1);
  if (at > group.newestAt) group.newestAt = at;
  const oldest = group.newest.at(-1);
  if (group.newest.length === maxNewest && oldest !== undefined && at < oldest.at) return;
  group.newest.push({ briefId, at });
  // Stable: of those that failed at the same time, the ones listed first come first.
  group.newest = group.newest.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, maxNewest);
}

function toShow({ roles, newest, ...group }: Collected): FailureGroup {
  return {
    ...group,
    roles: Object.fromEntries([...roles].sort(([, a], [, b]) => b - a)),
    newest: newest.map(({ briefId }) => briefId),
  };
}

/** The fields that say why, the most telling first. */
const telling = ["error", "reason", "message"] as const;

/** Returns the reason in a detail's JSON, which may be cut or invalid. */
function reasonIn(detail: string | null): string {
  if (detail === null || detail === "" || detail === "{}") return "";
  const told = toldBy(parsed(detail)) ?? toldInPart(detail) ?? detail;
  return told.length > maxReason ? `${told.slice(0, maxReason - 1)}…` : told;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `{ "error": "…" }`, or `{ "error": { "message": "…" } }` as errors of some libraries are written. */
function toldBy(value: unknown, depth = 1): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(value));
  for (const name of telling) {
    const field = fields[name];
    if (typeof field === "string" && field !== "") return field;
    const within = depth === 0 ? undefined : toldBy(field, depth - 1);
    if (within !== undefined) return within;
  }
  return undefined;
}

/** The same in the beginning of a JSON text, by its words. */
function toldInPart(text: string): string | undefined {
  for (const name of telling) {
    const [, string] = new RegExp(`"${name}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)`).exec(text) ?? [];
    if (string) return String(parsed(`"${string}"`) ?? string);
  }
  return undefined;
}
