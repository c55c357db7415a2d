/**
 * Which index a query goes through. Without statistics, which the file of a run never has, SQLite takes every equality for
 * equally telling: it would sort a million events for the two kinds asked for, or read all that ever completed to find those
 * of one brief. So where one index is right, the other conditions are written in a way that no index answers.
 */
import { type AnyColumn, inArray, type SQL, sql } from "drizzle-orm";

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

/** One of these values, which may be holes. The builder's own list would encode them for the column once more. */
export function among(column: AnyColumn, values: readonly (string | SQL)[]): SQL {
  const list = values.map((value) => sql`${value}`);
  return inArray(column, sql`(${sql.join(list, sql`, `)})`);
}
