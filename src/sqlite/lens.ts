/**
 * SQLite's dialect: the expressions that differ between the engines.
 */
import {
  type AnyColumn,
  eq,
  getTableColumns,
  getTableName,
  type Placeholder,
  type SQL,
  type SQLWrapper,
  Subquery,
  sql,
} from "drizzle-orm";
import * as tables from "../../drizzle/schema.ts";
import { isNumeric } from "../drizzle-versions.ts";
import type { Entries, EntryTypes, Lens } from "../operations/operation.ts";

export function sqliteLens(db: Lens["db"]): Lens {
  return {
    db,
    t: tables,
    through,
    ofRunThrough,
    byKey,
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
    hasNextSeq,
    sharesIds,
    time,
    timeIn,
    skippingLocked,
    lockingRun,
    ofRun,
    foundForEach,
    nameOf,
  };
}

/**
 * Raw SQL, because the builder has no INDEXED BY, and as a subquery of the table's name, because it rejects columns of a table
 * that it can't see. SQLite merges the subquery into the query. It refuses a query whose index is missing; so does opening a
 * file. The key of `events` is the rowid, which NOT INDEXED still uses.
 */
const through: Lens["through"] = (table, index) => {
  const name = getTableName(table);
  const key = name === "events" ? sql`not indexed` : sql`indexed by ${sql.identifier(`sqlite_autoindex_${name}_1`)}`;
  const way = index === "key" ? key : sql`indexed by ${sql.identifier(index)}`;
  return new Subquery(sql`select * from ${table} ${way}`, getTableColumns(table), name) as Subquery & typeof table;
};

/** The index is stated by `through`. */
const ofRunThrough: Lens["ofRunThrough"] = (column, _index, runId) => eq(column, runId);

/** Adds INDEXED BY after the name of the table, which the builder can't. */
const byKey: Lens["byKey"] = (table, update) => {
  const { queryChunks } = update.getSQL();
  const place = queryChunks.indexOf(table);
  if (place < 0) throw new TypeError(`an update of ${getTableName(table)} was expected`);
  const way = sql` indexed by ${sql.identifier(`sqlite_autoindex_${getTableName(table)}_1`)}`;
  const whole = sql.join([...queryChunks.slice(0, place + 1), way, ...queryChunks.slice(place + 1)]);
  return Object.assign(update, { getSQL: () => whole });
};

/**
 * SQLite plans a statement again each time a bare parameter is bound that it looks at: one of a LIMIT, or in a file with
 * `sqlite_stat4` one that is compared with an indexed column. It doesn't look into an expression, and a unary plus changes no value.
 */
function bound(placeholder: Placeholder): SQL {
  return sql`+${placeholder}`;
}

/** SQLite needs no cast: it converts a value to the type affinity of the column that it is stored in. */
function typed(column: AnyColumn, value: SQL): SQL.Aliased {
  return sql`${value}`.as(column.name);
}

/**
 * Raw SQL, because the builder has no JSON functions. `json_type` throws for invalid JSON, so `json_valid` is checked first. Both
 * stop at a NUL character, unlike `JSON.parse`, so `instr` rejects it.
 */
function readable(column: AnyColumn): SQL {
  return sql`(${column} is null or case when json_valid(${column}) and instr(cast(${column} as blob), x'00') = 0 then json_type(${column}) in ('object', 'null') end)`;
}

/** `octet_length` of a column reads only the row's header. SQLite parses 700 bytes of JSON in a microsecond. */
function isLong(column: AnyColumn): SQL {
  return sql`octet_length(${column}) > 1000`;
}

/**
 * JSON5 is a superset of what `decodeJson` reads, such as Python's NaN; a real may be an Infinity. SQLite's parser stops at 1,000
 * levels of nesting, unlike JavaScript's; text of up to 2,000 bytes cannot be nested deeper.
 */
function decodable(column: AnyColumn): SQL {
  const text = sql`cast(${column} as text)`;
  return sql`(${column} is null or octet_length(${column}) > 2000 or case when json_valid(${text}, 2) and instr(${text}, char(0)) = 0 then json_type(${text}) in ('object', 'null', 'real') end)`;
}

/** Files of the Python reference may hold a value of any type in any column, and NULL in a key. */
function ofItsType(column: AnyColumn): SQL {
  if (isNumeric(column)) return sql`typeof(${column}) = 'integer'`;
  return sql`typeof(${column}) = 'text' and instr(${column}, char(0)) = 0`;
}

function among(column: AnyColumn, list: SQL): SQL {
  return sql`${column} in (select value from json_each(${list}))`;
}

function amongRows(column: AnyColumn, query: SQLWrapper): SQL {
  return sql`${column} in ${query}`;
}

function entries<Types extends EntryTypes>(list: SQL, types: Types): Entries<Types> {
  const values = Object.keys(types).map((name, n) => [name, sql`entry.value ->> ${sql.raw(String(n))}`]);
  const entry = Object.fromEntries(values);
  return {
    from: sql`json_each(${list}) as entry`,
    // LIMIT keeps the subquery from being merged into the query: the planner ignores the likelihood of rows of a virtual table.
    fromFirst: sql`(select value from json_each(${list}) limit -1) as entry`,
    entry,
    position: sql`entry.key`,
    // Statistics of a few briefs would make the planner begin with the briefs, and read all of them for each entry; so the entries
    // are declared to be fewer still.
    isFoundBy: (column, name) => sql`likelihood(entry.value is not null, 0.000001) and ${column} = ${entry[name]}`,
  };
}

/** `seq` comes from the file's AUTOINCREMENT counter in `sqlite_sequence`, a table that Drizzle cannot declare. */
function hasNextSeq(): SQL {
  return sql`coalesce((select seq from sqlite_sequence where name = 'events'), 0) < ${sql.raw(String(Number.MAX_SAFE_INTEGER))}`;
}

/** The reference declares ids unique in the file. */
function sharesIds(): undefined {
  return undefined;
}

/** For a bare column SQLite reads only the row's header, not the overflow pages of a large value. Since SQLite 3.43. */
function bytes(column: AnyColumn): SQL<number> {
  return sql<number>`coalesce(octet_length(${column}), 0)`;
}

/** Files are on this machine, so time always comes from its clock and is never NULL. */
function time(now: SQL<string | null>): SQL<string> {
  return sql<string>`${now}`;
}

function timeIn(_milliseconds: SQL<number>, reckoned: SQL<string | null>): SQL<string> {
  return time(reckoned);
}

/** Returns the query unchanged: SQLite has no row locks and one writer at a time. */
function skippingLocked<Q>(query: Q): Q {
  return query;
}

function lockingRun(): undefined {
  return undefined;
}

/** Raw SQL, because the builder has no unary plus, which stops SQLite from using an index on the column. */
function ofRun(column: AnyColumn, runId: string | SQL<string>): SQL {
  return sql`+${column} = ${runId}`;
}

/** A CROSS JOIN keeps the order of its tables. */
function foundForEach(from: SQL, column: AnyColumn, key: { column: AnyColumn; value: SQL }, where: SQL): SQL {
  return sql`select ${column} from ${from} cross join ${column.table} where ${key.column} = ${key.value} and ${where}`;
}

/** better-sqlite3's prepared statements have no names. */
function nameOf(): string {
  return "";
}
