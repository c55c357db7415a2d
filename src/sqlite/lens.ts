/**
 * What SQLite says in its own way.
 */
import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import * as tables from "../../drizzle/schema.ts";
import type { Lens } from "../operations/operation.ts";

export function sqliteLens(db: Lens["db"]): Lens {
  return {
    db,
    t: tables,
    typed,
    readable,
    bytes,
    decodable,
    isLong,
    ofItsType,
    among,
    hasNextSeq,
    time,
    timeIn,
    skippingLocked,
    ofRun,
    nameOf,
  };
}

/** SQLite's columns say what they make of a value. */
function typed(column: AnyColumn, value: SQL): SQL.Aliased {
  return sql`${value}`.as(column.name);
}

/**
 * Raw SQL, since the builder has no JSON functions. `json_type` throws at text that is not JSON, so `json_valid` comes first;
 * both stop at a NUL, and a reader does not.
 */
function readable(column: AnyColumn): SQL {
  return sql`(${column} is null or case when json_valid(${column}) and instr(cast(${column} as blob), x'00') = 0 then json_type(${column}) in ('object', 'null') end)`;
}

/** `octet_length` of a column reads no more than the row's header. SQLite parses 700 bytes of JSON in a microsecond. */
function isLong(column: AnyColumn): SQL {
  return sql`octet_length(${column}) > 1000`;
}

/**
 * JSON5 includes all that `decodeJson` reads, such as Python's NaN, and more. A real may be an Infinity. SQLite's parser ends at
 * 1,000 levels and JavaScript's does not; below 2,000 bytes there are no more.
 */
function decodable(column: AnyColumn): SQL {
  const text = sql`cast(${column} as text)`;
  return sql`(${column} is null or octet_length(${column}) > 2000 or case when json_valid(${text}, 2) and instr(${text}, char(0)) = 0 then json_type(${text}) in ('object', 'null', 'real') end)`;
}

/** Files of the Python module may hold any value in any column, and NULL in a key. */
function ofItsType(column: AnyColumn): SQL {
  if (column.dataType === "number") return sql`typeof(${column}) = 'integer'`;
  return sql`typeof(${column}) = 'text' and instr(${column}, char(0)) = 0`;
}

function among(column: AnyColumn, list: SQL): SQL {
  return sql`${column} in (select value from json_each(${list}))`;
}

/** The file has one counter, which is SQLite's own: Drizzle has no table for it. */
function hasNextSeq(): SQL {
  return sql`coalesce((select seq from sqlite_sequence where name = 'events'), 0) < ${sql.raw(String(Number.MAX_SAFE_INTEGER))}`;
}

/** Of a bare column, which the row's header answers: the pages that hold a large value are not read. Since SQLite 3.43. */
function bytes(column: AnyColumn): SQL<number> {
  return sql<number>`coalesce(octet_length(${column}), 0)`;
}

/** Files are on this machine, so its clock is the only one: it always says something. */
function time(now: SQL<string | null>): SQL<string> {
  return sql<string>`${now}`;
}

function timeIn(_milliseconds: SQL<number>, reckoned: SQL<string | null>): SQL<string> {
  return time(reckoned);
}

/** There is one writer at a time. */
function skippingLocked<Q>(query: Q): Q {
  return query;
}

/** Raw SQL, since the builder has no unary plus, which is SQLite's way to say that an index on the column is not wanted. */
function ofRun(column: AnyColumn, runId: string | SQL<string>): SQL {
  return sql`+${column} = ${runId}`;
}

/** better-sqlite3's prepared statements have no names. */
function nameOf(): string {
  return "";
}
