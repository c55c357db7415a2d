/**
 * Which index a query goes through. Without statistics, which the file of a run never has, SQLite takes every equality for
 * equally telling: it would sort a million events for the two kinds asked for, or read all that ever completed to find those
 * of one brief. So where one index is right, the other conditions are written in a way that no index answers.
 *
 * PostgreSQL has statistics, but of a minute ago, or of when the run was small: then it would as soon go along all briefs in the
 * order of their age, and leave out those that were claimed before. So there the indexes have orders of their own, which are
 * the same, since no time and no id is NULL, and to which it matters where NULL would stand. To SQLite they are all one.
 */
import { type AnyColumn, asc, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { Lens } from "./operation.ts";

/** A condition that rows are held against one by one, and no index is chosen for. */
export function filtered(condition: SQL | undefined): SQL | undefined {
  return condition && sql`(${condition}) is true`;
}

/**
 * One of these values. A single one may go through the column's index, which ends in the list's order; several would have to
 * be sorted behind it.
 */
export function oneOf(column: AnyColumn, values: readonly (string | SQL)[]): SQL | undefined {
  const condition = among(column, values);
  return values.length === 1 ? condition : filtered(condition);
}

/** The placeholders `role0`, `role1` and so on, as many as there are values. */
export function numbered<Name extends string>(
  placeholders: { readonly [placeholder in `${Name}${number}`]: SQL },
  name: Name,
  count: number,
): SQL[] {
  return Array.from({ length: count }, (_, n) => sql`${placeholders[`${name}${n}`]}`);
}

/** How many values of an open set a filter names. Their number is no part of a statement, or there would be one for each. */
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

/** One of these values, of which there must be any and which may be placeholders. The builder's own list would encode them for the column once more. */
export function among(column: AnyColumn, values: readonly (string | SQL)[]): SQL {
  const list = values.map((value) => sql`${value}`);
  return inArray(column, sql`(${sql.join(list, sql`, `)})`);
}

/** Oldest first, by the index of one filter. */
export function oldestFirst(createdAt: AnyColumn, id: AnyColumn): SQL[] {
  return [nullsFirst(createdAt), asc(id)];
}

/** Oldest first, by the index of what waits for a role. */
export function longestWaitingFirst(createdAt: AnyColumn, id: AnyColumn): SQL[] {
  return [nullsFirst(createdAt), nullsFirst(id)];
}

/** An order that an index has for itself. Raw SQL, since the builder's order has no word for NULL. */
export function nullsFirst(column: AnyColumn | SQL.Aliased): SQL {
  return sql`${column} asc nulls first`;
}
