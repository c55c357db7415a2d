/**
 * The SQL that differs on PostgreSQL, and the cast of its builder and tables to SQLite's types. The compiler proves at the end
 * of `drizzle/schema.postgres.ts` that the row types are equal.
 */
import { type AnyColumn, eq, exists, type Placeholder, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { getTableConfig } from "drizzle-orm/pg-core";
import type { PostgresTables } from "../../drizzle/schema.postgres.ts";
import { isNumeric } from "../drizzle-versions.ts";
import type { Entries, EntryTypes, Lens } from "../operations/operation.ts";

/** Returns the PostgreSQL lens. `nameFor` returns the name of the prepared statement of a query text. */
export function postgresLens(db: NodePgDatabase, tables: PostgresTables, nameFor: (text: string) => string): Lens {
  const nameOf = (query: { toSQL(): { sql: string } }) => nameFor(query.toSQL().sql);
  const dialect = {
    through,
    ofRunThrough,
    byKey: (_: unknown, update: unknown) => update,
    bound,
    typed,
    readable,
    bytes,
    decodable,
    isLong,
    ofItsType,
    among,
    amongRows,
    entries,
    hasNextSeq: (runId: SQL<string>) => hasNextSeq(tables, runId),
    ...clock(sql`statement_timestamp()`),
    sharesIds: eq,
    skippingLocked,
    lockingRun: (runId: AnyColumn) => lockingRun(db, tables, runId),
    ofRun: eq,
    foundForEach,
    nameOf,
  };
  return { db, t: tables, ...dialect } as unknown as Lens;
}

/** The planner chooses the index by what `ofRunThrough` states. */
function through<T>(table: T): T {
  return table;
}

/** Raw SQL, since the builder has no COLLATE. The index has the run's id with a collation of the same name; keys have the column's. */
const ofRunThrough: Lens["ofRunThrough"] = (column, index, runId) => {
  if (index === "key") return eq(column, runId);
  const schema = sql.identifier(getTableConfig(column.table).schema ?? "public");
  return sql`${column} collate ${schema}.${sql.identifier(index)} = ${runId}`;
};

/** PostgreSQL compares the plan of a statement with that for its values, and keeps the better one. */
function bound(placeholder: Placeholder): SQL {
  return sql`${placeholder}`;
}

/** Casts a parameter, which would otherwise be text, to the column's type without its collation. */
export function typed(column: AnyColumn, value: SQL): SQL.Aliased {
  const [type = "text"] = column.getSQLType().split(" COLLATE ");
  return sql`cast(${value} as ${sql.raw(type)})`.as(column.name);
}

/** Tests for an object: jsonb is always valid JSON. */
function readable(column: AnyColumn): SQL {
  return sql`(${column} is null or jsonb_typeof(${column}) in ('object', 'null'))`;
}

/** Tests whether a value may be stored outside of the row (TOAST) and so need a separate fetch. */
function isLong(column: AnyColumn): SQL {
  return sql`pg_column_size(${column}) >= 2000`;
}

/** jsonb needs no further decoding. */
const decodable = readable;

function ofItsType(): undefined {
  return undefined;
}

/** Uses an array, which is computed once, before the rows are compared. */
function among(column: AnyColumn, list: SQL): SQL {
  const text = sql`jsonb_array_elements_text(cast(${list} as jsonb))`;
  const value = isNumeric(column) ? sql`cast(${text} as ${sql.raw(column.getSQLType())})` : text;
  return sql`${column} = any(array(select ${value}))`;
}

/** Not IN: the planner may run its query again for each row. */
function amongRows(column: AnyColumn, query: SQLWrapper): SQL {
  return sql`${column} = any(array${query})`;
}

function entries<Types extends EntryTypes>(list: SQL, types: Types): Entries<Types> {
  const values = Object.entries(types).map(([name, type], n) => {
    const text = sql`entry.value ->> ${sql.raw(String(n))}`;
    // The collation of ids, which could not be compared with text of another one.
    const value =
      type === "text" ? sql`(${text}) collate "C"` : sql`cast(${text} as ${sql.raw(type === "json" ? "jsonb" : type)})`;
    return [name, value];
  });
  const entry: Record<string, SQL> = Object.fromEntries(values);
  const elements = sql`jsonb_array_elements(cast(${list} as jsonb)) with ordinality as entry(value, position)`;
  return {
    from: elements,
    fromFirst: elements,
    entry: Object.fromEntries(values),
    position: sql`entry.position`,
    // The array is computed once. With the join alone, the planner reads a whole run of some thousand rows: it estimates that the
    // list has 100 entries and that finding each row by its key is dearer.
    isFoundBy: (column, name) =>
      sql`${column} = ${entry[name]} and ${column} = any(array(select ${entry[name]} from ${elements}))`,
  };
}

function hasNextSeq({ eventCounters: counters }: PostgresTables, runId: SQL<string>): SQL {
  const last = sql`(select ${counters.seq} from ${counters} where ${counters.runId} = ${runId})`;
  return sql`coalesce(${last}, 0) < ${sql.raw(String(Number.MAX_SAFE_INTEGER))}`;
}

/** Size as text, the format sent: `pg_column_size` returns the compressed size, as little as a hundredth of it. */
function bytes(column: AnyColumn): SQL<number> {
  return sql<number>`coalesce(octet_length(cast(${column} as text)), 0)`;
}

/**
 * Uses the server's clock, because several machines write: one `moment` for each statement, so that all times in one row agree.
 * Formatted as in SQLite files.
 */
export function clock(moment: SQL): Pick<Lens, "time" | "timeIn"> {
  return {
    time: (now) => orServerTime(now, moment),
    timeIn: (milliseconds, reckoned) =>
      orServerTime(reckoned, sql`${moment} + cast(${milliseconds} as integer) * interval '1 millisecond'`),
  };
}

function orServerTime(time: SQL<string | null>, moment: SQL): SQL<string> {
  return sql<string>`coalesce(cast(${time} as text), to_char((${moment}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`;
}

/**
 * Is evaluated when the row to change has been read and not locked. With a parameter instead of the column, PostgreSQL would also
 * evaluate it after each wait for the row, needed or not, and so lock the two in the opposite order.
 */
function lockingRun(db: NodePgDatabase, { runs }: PostgresTables, runId: AnyColumn): SQL {
  const run = db.select({ found: sql`1` }).from(runs).where(eq(runs.runId, runId)).for("no key update");
  return exists(run);
}

/**
 * OFFSET keeps the subquery from being merged into the query around it. A range, since it is estimated to match few rows: where
 * most rows have one key, the planner would expect as many for every key, and read the whole table.
 */
function foundForEach(
  from: SQL,
  column: AnyColumn,
  { column: key, value }: { column: AnyColumn; value: SQL },
  where: SQL,
): SQL {
  const found = sql`select ${column} as value from ${column.table} where ${key} between ${value} and ${value} and ${where}`;
  return sql`select found.value from ${from} cross join lateral (${found} offset 0) as found`;
}

interface Lockable {
  for(strength: "no key update", options: { skipLocked: true }): unknown;
}

/** SQLite's builder has no FOR UPDATE, so this cast is needed. */
function skippingLocked<Q>(query: Q): Q {
  return (query as Q & Lockable).for("no key update", { skipLocked: true }) as Q;
}
