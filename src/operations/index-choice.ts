/**
 * Steers queries to the right index. SQLite's planner compares estimates, of which it has none for a run's file, or old ones, or
 * those of another program's ANALYZE: it would sort a million events for two kinds, read every completed event to find those of
 * one brief, or walk a log of 300,000 events for a rare kind, which took 58 ms instead of 0.2. So a query names its index
 * (`Lens.through`), and is planned once, whatever is bound to it (`Lens.bound`).
 *
 * PostgreSQL has statistics, but old ones: from when the run was small, or had not begun. Then it estimates one row, for which every
 * index that begins with the run is as good, and each idle claim read 10,000 briefs by their key. So each of these indexes has the
 * run's id with a collation of its own, all of which compare by code point, and a query can only use the index whose collation it
 * states (`Lens.ofRunThrough`).
 */
import { type AnyColumn, asc, eq, inArray, type Placeholder, type SQL, sql } from "drizzle-orm";
import type { Lens } from "./operation.ts";

/** A condition that is evaluated for each row and that no index is chosen for. */
export function filtered(condition: SQL | undefined): SQL | undefined {
  return condition && sql`(${condition}) is true`;
}

/**
 * One of these values. A single one may go through the column's index, which ends in the list's order; several would have to
 * be sorted afterwards.
 */
export function oneOf(column: AnyColumn, values: readonly (string | SQL)[]): SQL | undefined {
  const condition = among(column, values);
  return values.length === 1 ? condition : filtered(condition);
}

/** A number or a word of a vocabulary, which the builder would bind at each call. */
export function literal(value: number | string): SQL {
  return sql.raw(typeof value === "number" ? String(value) : `'${value}'`);
}

/** The placeholders `role0`, `role1` and so on, as many as there are values. */
export function numbered<Name extends string>(
  placeholders: { readonly [placeholder in `${Name}${number}`]: SQL },
  name: Name,
  count: number,
): SQL[] {
  return Array.from({ length: count }, (_, n) => sql`${placeholders[`${name}${n}`]}`);
}

/** How many values of an open set a filter has. Their number is not part of the statement, or there would be one for each number. */
export type Asked = "any" | "one" | "several";

export function askedBy(values: readonly string[] | undefined): Asked {
  if (values === undefined) return "any";
  return values.length === 1 ? "one" : "several";
}

/** The parameter for `askedFor`: the one value, or all of them as a JSON array. */
export function parameterOf(values: readonly string[] | undefined): string | null {
  if (values === undefined) return null;
  const [first, ...others] = values;
  return first !== undefined && others.length === 0 ? first : JSON.stringify(values);
}

/** The value or one of the values of `parameterOf`. A single one may go through the column's index, like in `oneOf`. */
export function askedFor(lens: Lens, column: AnyColumn, asked: Asked, parameter: SQL): SQL | undefined {
  if (asked === "any") return undefined;
  return asked === "one" ? eq(column, parameter) : filtered(lens.among(column, parameter));
}

/** One of these values or placeholders, at least one. The builder's own list would encode them for the column a second time. */
export function among(column: AnyColumn, values: readonly (string | SQL)[]): SQL {
  const list = values.map((value) => sql`${value}`);
  return inArray(column, sql`(${sql.join(list, sql`, `)})`);
}

/** The index of ready briefs, of one role or of all. It ends in the order of `inTurn`. */
export function queueIndex(roles: Asked) {
  return roles === "one" ? "briefs_ready_by_role" : "briefs_ready";
}

/** In the order of claims: the highest priority first, then the oldest. */
export function inTurn({ priority, createdAt, briefId }: Lens["t"]["briefs"]): SQL[] {
  return [sql`${priority} desc nulls last`, asc(createdAt), asc(briefId)];
}

/**
 * For `.limit()`, which would bind a number: SQLite plans a statement again at each call that binds a bare LIMIT. Its type allows
 * no expression, but it writes one. A page of one brief took 15.4 µs instead of 3.8.
 */
export function atMost(limit: number | SQL<number>): SQL & Placeholder {
  const count = typeof limit === "number" ? literal(limit) : limit;
  return count as SQL & Placeholder;
}
