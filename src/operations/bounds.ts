/**
 * Reading many rows in pages that are bounded by bytes: what a page holds in memory doesn't grow with the size of a payload.
 * The bound is part of the statement, so small rows before a huge one can't mislead it, and a page costs one round trip.
 */
import { type AnyColumn, asc, getTableColumns, gte, lte, max, type SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { holdsJson } from "../drizzle-versions.ts";
import { atMost, literal } from "./index-choice.ts";
import type { Lens } from "./operation.ts";

/** A page ends with the row that reaches this many bytes. A row that is larger than that is a page by itself. */
export const pageBytes = 2 ** 20;
/** And with this many rows, whatever they hold. */
export const pageRows = 500;

interface Range {
  /** From `Lens.through`. */
  from: SQLiteTable;
  /** What the page is ordered by, ascending; a value of its own for each row. */
  key: AnyColumn;
  /** Which rows, from where on: exactly the page's own condition. */
  where: SQL | undefined;
  /** The columns that may be large. */
  bulky: readonly AnyColumn[];
}

/** The columns of a table that hold JSON, which are the ones that may be large. */
export function jsonColumns(table: SQLiteTable): AnyColumn[] {
  return Object.values(getTableColumns(table)).filter(holdsJson);
}

/** How many bytes some columns of a row hold together. */
export function sizeOf(lens: Lens, columns: readonly AnyColumn[]): SQL<number> {
  const sizes = columns.map((column) => lens.bytes(column));
  return sql<number>`${sql.join(sizes, sql` + `)}`;
}

/**
 * True for the rows of the first page: up to the one with which the sizes of the `bulky` columns reach `pageBytes`, or the
 * `pageRows`-th. Rows without a key don't match.
 *
 * The running sum is a window over at most `pageRows` rows, and PostgreSQL stops at the row that reaches the limit. Where no
 * row does, the last of them is the bound, so that the condition is always a range of the index: measured on 100,000 small
 * briefs, a page costs a quarter more than without a bound, and a tenth of what decoding its rows does.
 */
export function onFirstPage(lens: Lens, { from, key, where, bulky }: Range): SQL {
  const { db } = lens;
  const sized = db
    .select({ key: sql`${key}`.as("key"), bytes: sizeOf(lens, bulky).as("bytes") })
    .from(from)
    .where(where)
    .orderBy(asc(key))
    .limit(atMost(pageRows))
    .as("sized");
  // Raw SQL, since the builder has no window functions.
  const total = sql<number>`sum(${sized.bytes}) over (order by ${asc(sized.key)} rows between unbounded preceding and current row)`;
  const summed = db
    .select({ key: sized.key, total: total.as("total") })
    .from(sized)
    .as("summed");
  const reaching = db
    .select({ key: summed.key })
    .from(summed)
    .where(gte(summed.total, literal(pageBytes)))
    .orderBy(asc(summed.key))
    .limit(atMost(1));
  const keys = db
    .select({ key: sql`${key}`.as("key") })
    .from(from)
    .where(where)
    .orderBy(asc(key))
    .limit(atMost(pageRows))
    .as("keys");
  const last = db.select({ key: max(keys.key) }).from(keys);
  return lte(key, sql`coalesce(${reaching}, ${last})`);
}

/**
 * False only where a page has certainly ended for want of rows. A character of a text has at most three bytes, in whatever
 * encoding a file is.
 */
export function mayHaveMore(rows: readonly object[]): boolean {
  if (rows.length >= pageRows) return true;
  let most = 0;
  for (const row of rows) {
    for (const value of Object.values(row)) if (typeof value === "string") most += 3 * value.length;
  }
  return most >= pageBytes;
}
