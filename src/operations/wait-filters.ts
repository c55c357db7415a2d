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

const fields = ["parentBriefId", "workstreamId", "role", "tier"] as const;
type Field = (typeof fields)[number];
type Value = string | number;

/** A checked `WaitFilter`: any of the values; null for none in the brief, `undefined` for a field that is not asked for. */
export interface Wanted {
  readonly briefIds: readonly string[] | undefined;
  readonly values: { readonly [Name in Field]: readonly Value[] | null | undefined };
}

export function checkWaitFilter(check: Check, { roles }: Context, filter: WaitFilter): Wanted {
  const asked = check.object("filter", filter, names);
  const { briefIds, tier } = asked;
  if (check.refusals === 0 && Object.keys(asked).length === 0) {
    check.refuse("filter", `must have at least one of ${Object.keys(names).join(", ")}`);
  }
  const reference = (path: "workstreamId" | "parentBriefId") => {
    const id = check.nullableId(path, asked[path]);
    if (asked[path] === undefined) return undefined;
    return id === null ? null : [id];
  };
  return {
    briefIds: briefIds === undefined ? undefined : checkIds(check, briefIds),
    values: {
      parentBriefId: reference("parentBriefId"),
      workstreamId: reference("workstreamId"),
      role: checkRoleFilter(check, roles, asked.role),
      tier: tier === undefined ? undefined : [check.integer("tier", tier)],
    },
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

/** Whether no brief can match. */
export function isEmpty({ briefIds, values }: Wanted): boolean {
  return briefIds ? briefIds.length === 0 : values.role?.length === 0;
}

/** Whether it has fields other than ids. */
export function hasFields({ values }: Wanted): boolean {
  return fields.some((field) => values[field] !== undefined);
}

/** Whether a brief has the wanted fields other than its id. */
export function matches({ values }: Wanted, brief: Partial<Pick<Brief, Field>>): boolean {
  return fields.every((field) => {
    const [wanted, value] = [values[field], brief[field]];
    if (wanted === undefined) return true;
    return wanted === null ? value === null : value !== undefined && value !== null && wanted.includes(value);
  });
}

/** What the filters of one statement want of a field: one value or several are parameters. */
type Asked = "any" | "none" | "one" | "several";
type Shape = { readonly [Name in Field]: Asked };
/** The one value, or several as a JSON array. */
type Parameters = { [Name in Field]: Value | null };

const unread = sql<null>`null`;

/** A column to group by: SQLite would choose an index in the order of the groups, and read the whole run through it. */
const unindexed = <T>(column: AnyColumn): SQL<T> => sql<T>`nullif(${column}, null)`;

/**
 * Counts by the fields of the shape and by status. With several fields it also counts combinations that no filter wants. The
 * witness is the greatest id, because new ids are UUIDv7 and the newest brief is usually claimed last.
 */
const countsOf = family((shape: Shape) =>
  statement<Parameters & { runId: string }>()((lens, $) => {
    const { briefs } = lens.t;
    const index = shape.parentBriefId === "any" ? "briefs_by_age" : "briefs_by_parent";
    const isGrouped = (field: Field) => shape[field] === "one" || shape[field] === "several";
    const selected = <T>(field: Field): SQL<T | null> => (isGrouped(field) ? unindexed<T>(briefs[field]) : unread);
    const status = unindexed<BriefStatus>(briefs.status);
    return lens.db
      .select({
        parentBriefId: selected<string>("parentBriefId"),
        workstreamId: selected<string>("workstreamId"),
        role: selected<string>("role"),
        tier: selected<number>("tier"),
        status,
        n: count(),
        witness: max(briefs.briefId),
      })
      .from(lens.through(briefs, index))
      .where(and(lens.ofRunThrough(briefs.runId, index, $.runId), ...conditionsOf(lens, $, shape)))
      .groupBy(...fields.filter(isGrouped).map((field) => unindexed(briefs[field])), status);
  }),
);

/** Only the parent's condition goes through an index. */
function conditionsOf({ t: { briefs }, among }: Lens, $: Placeholders<Parameters>, shape: Shape): (SQL | undefined)[] {
  return fields.map((field) => {
    const column = briefs[field];
    const conditions: Readonly<Record<Asked, SQL | undefined>> = {
      any: undefined,
      none: isNull(column),
      one: eq(column, $[field]),
      several: among(column, sql`${$[field]}`),
    };
    return field === "parentBriefId" ? conditions[shape[field]] : filtered(conditions[shape[field]]);
  });
}

export interface Counted {
  readonly counts: Counts;
  /** One of the briefs that are pending or active. */
  witness: string | undefined;
}

/**
 * Returns a function that returns the counts of each of these filters. One statement for each set of fields, whatever the number
 * of filters.
 */
export function* countAll(runId: string, all: readonly Wanted[]): Operation<(wanted: Wanted) => Counted> {
  const found = new Map<string, Counted>();
  for (const [key, group] of byFields(all)) {
    const { shape, parameters } = questionOf(group);
    for (const row of yield* countsOf(shape)({ runId, ...parameters })) {
      const { status, n, witness } = row;
      const at = key + keyOf(fields.map((field) => row[field]));
      const counted = found.get(at) ?? { counts: noCounts(), witness: undefined };
      found.set(at, counted);
      // PostgreSQL's count is a bigint, which the driver returns as text.
      counted.counts[status] += Number(n);
      // In a file of the reference an id may be NULL.
      if (status === "pending" || status === "active") counted.witness ??= witness ?? undefined;
    }
  }
  return (wanted) => {
    const sum: Counted = { counts: noCounts(), witness: undefined };
    for (const combination of combinationsOf(wanted)) {
      const counted = found.get(keyOfFields(wanted) + keyOf(combination));
      if (!counted) continue;
      for (const status of briefStatuses) sum.counts[status] += counted.counts[status];
      sum.witness ??= counted.witness;
    }
    return sum;
  };
}

function byFields(all: readonly Wanted[]): Map<string, Wanted[]> {
  const groups = new Map<string, Wanted[]>();
  for (const wanted of all) {
    const key = keyOfFields(wanted);
    const group = groups.get(key) ?? [];
    group.push(wanted);
    groups.set(key, group);
  }
  return groups;
}

/** What filters with the same fields want together. */
function questionOf(group: readonly Wanted[]): { shape: Shape; parameters: Parameters } {
  const asked = (field: Field): { asked: Asked; parameter: Value | null } => {
    const values = [...new Set(group.flatMap(({ values }) => values[field] ?? []))];
    const [first, ...others] = values;
    if (first !== undefined && others.length === 0) return { asked: "one", parameter: first };
    if (first !== undefined) return { asked: "several", parameter: listOf(values) };
    return { asked: group[0]?.values[field] === null ? "none" : "any", parameter: null };
  };
  const [parentBriefId, workstreamId] = [asked("parentBriefId"), asked("workstreamId")];
  const [role, tier] = [asked("role"), asked("tier")];
  return {
    shape: {
      parentBriefId: parentBriefId.asked,
      workstreamId: workstreamId.asked,
      role: role.asked,
      tier: tier.asked,
    },
    parameters: {
      parentBriefId: parentBriefId.parameter,
      workstreamId: workstreamId.parameter,
      role: role.parameter,
      tier: tier.parameter,
    },
  };
}

/** The fields of rows that match, by which they are grouped. */
function combinationsOf({ values }: Wanted): (Value | null)[][] {
  let combinations: (Value | null)[][] = [[]];
  for (const field of fields) {
    combinations = combinations.flatMap((combination) =>
      (values[field] ?? [null]).map((value) => [...combination, value]),
    );
  }
  return combinations;
}

const keyOf = (parts: readonly unknown[]) => JSON.stringify(parts);

function keyOfFields({ values }: Wanted): string {
  return keyOf(fields.map((field) => (values[field] === null ? "none" : values[field] !== undefined)));
}

/** A list as one parameter, for `Lens.among`. */
export function listOf(values: Iterable<Value>): string {
  return JSON.stringify([...new Set(values)]);
}
