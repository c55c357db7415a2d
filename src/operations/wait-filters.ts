/**
 * The filter of a wait for several briefs: checking it, and counting the briefs that match.
 */
import { type AnyColumn, and, count, eq, isNull, max, type SQL, sql } from "drizzle-orm";
import { type BriefStatus, briefStatuses } from "../../drizzle/vocabulary.ts";
import { isArray } from "../foreign.ts";
import { type Check, type Names, shown } from "../input/check.ts";
import { checkRoleFilter, type Roles } from "../input/roles.ts";
import type { Brief } from "./briefs.ts";
import { filtered } from "./index-choice.ts";
import { type Context, family, type Lens, type Operation, type Placeholders, statement } from "./operation.ts";
import type { RoleName } from "./roles.ts";

/**
 * The briefs to wait for: those that match every given field. At least one field. An array of roles means any of these, an
 * empty array none; null means those that have no parent or no workstream.
 */
export interface WaitFilter<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> {
  /** At most 1,000 ids. All of them must exist, also those that other fields exclude. A repeated id counts once. */
  briefIds?: readonly string[] | undefined;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | null | undefined;
  parentBriefId?: string | null | undefined;
}
const names: Names<WaitFilter> = { briefIds: true, role: true, tier: true, workstreamId: true, parentBriefId: true };

const maxIds = 1000;

/** A checked `WaitFilter`. */
export interface Wanted {
  readonly briefIds: readonly string[] | undefined;
  readonly roles: readonly string[] | undefined;
  readonly tier: number | undefined;
  readonly workstreamId: string | null | undefined;
  readonly parentBriefId: string | null | undefined;
}

export function checkWaitFilter(check: Check, { roles }: Context, filter: WaitFilter): Wanted {
  const asked = check.object("filter", filter, names);
  const { briefIds, tier, workstreamId, parentBriefId } = asked;
  if (check.refusals === 0 && Object.keys(asked).length === 0) {
    check.refuse("filter", `must have at least one of ${Object.keys(names).join(", ")}`);
  }
  if (tier !== undefined) check.integer("tier", tier);
  check.nullableId("workstreamId", workstreamId);
  check.nullableId("parentBriefId", parentBriefId);
  return {
    briefIds: briefIds === undefined ? undefined : checkIds(check, briefIds),
    roles: checkRoleFilter(check, roles, asked.role),
    tier,
    workstreamId,
    parentBriefId,
  };
}

function checkIds(check: Check, ids: readonly string[]): string[] {
  if (!isArray(ids)) {
    check.refuse("briefIds", `must be an array of ids, got ${shown(ids)}`);
    return [];
  }
  const length = check.read("briefIds", ids, "length") ?? 0;
  if (length > maxIds) {
    check.refuse("briefIds", `must have at most ${maxIds} ids, got ${length}`);
    return [];
  }
  return check.list("briefIds", ids, (path, id) => check.id(path, id));
}

export type Counts = Record<BriefStatus, number>;

export const noCounts = (): Counts => ({ pending: 0, active: 0, done: 0, failed: 0 });
export const isOver = ({ pending, active }: Counts) => pending === 0 && active === 0;

/** Whether a brief has the wanted fields other than its id. */
export function matches(wanted: Wanted, brief: Partial<Fields>): boolean {
  const { roles, tier, workstreamId, parentBriefId } = wanted;
  return (
    (roles === undefined || (brief.role !== undefined && roles.includes(brief.role))) &&
    (tier === undefined || tier === brief.tier) &&
    (workstreamId === undefined || workstreamId === brief.workstreamId) &&
    (parentBriefId === undefined || parentBriefId === brief.parentBriefId)
  );
}

type Fields = Pick<Brief, "role" | "tier" | "workstreamId" | "parentBriefId">;
type Reference = "any" | "none" | "one";
/** The fields that a filter has. Their values are parameters. */
interface Shape {
  readonly role: boolean;
  readonly tier: boolean;
  readonly workstream: Reference;
  readonly parent: Reference;
}
/** JSON arrays of the values that the filters of one shape want. */
type Values = { runId: string; roles: string; tiers: string; workstreams: string; parents: string };

const unread = sql<null>`null`;

/** A column to group by: SQLite would choose an index in the order of the groups, and read the whole run through it. */
const unindexed = <T>(column: AnyColumn): SQL<T> => sql<T>`nullif(${column}, null)`;

/**
 * Counts by the fields of the shape and by status. With several fields it also counts combinations that no filter wants. The
 * witness is the greatest id, because new ids are UUIDv7 and the newest brief is usually claimed last.
 */
const countsOf = family((shape: Shape) =>
  statement<Values>()((lens, $) => {
    const { briefs } = lens.t;
    const { role, tier, workstreamId, parentBriefId, status, briefId } = briefs;
    const grouped: SQL[] = [];
    const ifGrouped = <T>(column: AnyColumn, isGrouped: boolean): SQL<T | null> => {
      if (!isGrouped) return unread;
      const field = unindexed<T>(column);
      grouped.push(field);
      return field;
    };
    const fields = {
      role: ifGrouped<string>(role, shape.role),
      tier: ifGrouped<number>(tier, shape.tier),
      workstreamId: ifGrouped<string>(workstreamId, shape.workstream === "one"),
      parentBriefId: ifGrouped<string>(parentBriefId, shape.parent === "one"),
    };
    const unindexedStatus = unindexed<BriefStatus>(status);
    const [first, ...others] = conditionsOf(lens, $, shape);
    return lens.db
      .select({ ...fields, status: unindexedStatus, n: count(), witness: max(briefId) })
      .from(briefs)
      .where(and(eq(briefs.runId, $.runId), first, ...others.map(filtered)))
      .groupBy(...grouped, unindexedStatus);
  }),
);

/** The most selective first: only that one may go through an index. */
function conditionsOf({ t: { briefs }, among }: Lens, $: Placeholders<Values>, shape: Shape): SQL[] {
  const conditions: SQL[] = [];
  if (shape.parent === "one") conditions.push(among(briefs.parentBriefId, $.parents));
  if (shape.workstream === "one") conditions.push(among(briefs.workstreamId, $.workstreams));
  if (shape.role) conditions.push(among(briefs.role, $.roles));
  if (shape.tier) conditions.push(among(briefs.tier, $.tiers));
  if (shape.parent === "none") conditions.push(isNull(briefs.parentBriefId));
  if (shape.workstream === "none") conditions.push(isNull(briefs.workstreamId));
  return conditions;
}

export interface Counted {
  readonly counts: Counts;
  /** One of the briefs that are pending or active. */
  witness: string | undefined;
}

/** Returns a function that tells the counts of each of these filters. One statement for each shape, whatever the number of filters. */
export function* countAll(runId: string, all: readonly Wanted[]): Operation<(wanted: Wanted) => Counted> {
  const found = new Map<string, Counted>();
  for (const [key, { shape, group }] of byShape(all)) {
    const rows = yield* countsOf(shape)({
      runId,
      roles: listOf(group.flatMap(({ roles }) => roles ?? [])),
      tiers: listOf(group.flatMap(({ tier }) => tier ?? [])),
      workstreams: listOf(group.flatMap(({ workstreamId }) => workstreamId ?? [])),
      parents: listOf(group.flatMap(({ parentBriefId }) => parentBriefId ?? [])),
    });
    for (const { role, tier, workstreamId, parentBriefId, status, n, witness } of rows) {
      const at = key + keyOf(role, tier, workstreamId, parentBriefId);
      const counted = found.get(at) ?? { counts: noCounts(), witness: undefined };
      found.set(at, counted);
      // PostgreSQL's count is a bigint, which the driver returns as text.
      counted.counts[status] += Number(n);
      // In a file of the reference an id may be NULL.
      if (status === "pending" || status === "active") counted.witness ??= witness ?? undefined;
    }
  }
  return (wanted) => {
    const { tier = null, workstreamId = null, parentBriefId = null } = wanted;
    const sum: Counted = { counts: noCounts(), witness: undefined };
    for (const role of wanted.roles ?? [null]) {
      const counted = found.get(keyOf(shapeOf(wanted)) + keyOf(role, tier, workstreamId, parentBriefId));
      if (!counted) continue;
      for (const status of briefStatuses) sum.counts[status] += counted.counts[status];
      sum.witness ??= counted.witness;
    }
    return sum;
  };
}

function byShape(all: readonly Wanted[]): Map<string, { shape: Shape; group: Wanted[] }> {
  const shapes = new Map<string, { shape: Shape; group: Wanted[] }>();
  for (const wanted of all) {
    const shape = shapeOf(wanted);
    const key = keyOf(shape);
    const same = shapes.get(key) ?? { shape, group: [] };
    same.group.push(wanted);
    shapes.set(key, same);
  }
  return shapes;
}

const keyOf = (...parts: unknown[]) => JSON.stringify(parts);

/** A list as one parameter, for `Lens.among`. */
export function listOf(values: Iterable<string | number>): string {
  return JSON.stringify([...new Set(values)]);
}

function shapeOf({ roles, tier, workstreamId, parentBriefId }: Wanted): Shape {
  return {
    role: roles !== undefined,
    tier: tier !== undefined,
    workstream: referenceOf(workstreamId),
    parent: referenceOf(parentBriefId),
  };
}

function referenceOf(value: string | null | undefined): Reference {
  if (value === undefined) return "any";
  return value === null ? "none" : "one";
}
