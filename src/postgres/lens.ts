/**
 * What PostgreSQL says in its own way, and the seam: here its builder and tables are declared to be SQLite's. That their rows
 * agree is proven by the compiler at the end of `drizzle/schema.postgres.ts`.
 */
import { type AnyColumn, eq, type SQL, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import * as tables from "../../drizzle/schema.postgres.ts";
import type { Lens } from "../operations/operation.ts";
import type { Pool } from "./pool.ts";

/** The Drizzle database behind a blackboard on a server. */
export type PostgresDatabase = NodePgDatabase<typeof tables> & { $client: Pool };

/** `nameFor` names the prepared statement of a text. */
export function postgresLens(db: NodePgDatabase, nameFor: (text: string) => string): Lens {
  const nameOf = (query: { toSQL(): { sql: string } }) => nameFor(query.toSQL().sql);
  const dialect = {
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
    ofRun: eq,
    nameOf,
  };
  return { db, t: tables, ...dialect } as unknown as Lens;
}

/** An untyped parameter would be text. Without the collation, which is no part of a type. */
function typed(column: AnyColumn, value: SQL): SQL.Aliased {
  const [type = "text"] = column.getSQLType().split(" COLLATE ");
  return sql`cast(${value} as ${sql.raw(type)})`.as(column.name);
}

/** jsonb holds nothing that is not JSON. */
function readable(column: AnyColumn): SQL {
  return sql`(${column} is null or jsonb_typeof(${column}) in ('object', 'null'))`;
}

/** A value that is stored outside of the row is at least this long, and would have to be fetched. */
function isLong(column: AnyColumn): SQL {
  return sql`pg_column_size(${column}) >= 2000`;
}

/** Nothing is left to decode. */
const decodable = readable;

function ofItsType(): undefined {
  return undefined;
}

/** As an array that is made once, before the rows are compared with it. */
function among(column: AnyColumn, list: SQL): SQL {
  return sql`${column} = any(array(select jsonb_array_elements_text(cast(${list} as jsonb))))`;
}

function hasNextSeq(runId: SQL<string>): SQL {
  const { eventCounters: counters } = tables;
  const last = sql`(select ${counters.seq} from ${counters} where ${counters.runId} = ${runId})`;
  return sql`coalesce(${last}, 0) < ${sql.raw(String(Number.MAX_SAFE_INTEGER))}`;
}

/** As text, which is what is sent: `pg_column_size` would say what it takes compressed, a hundredth of that at best. */
function bytes(column: AnyColumn): SQL<number> {
  return sql<number>`coalesce(octet_length(cast(${column} as text)), 0)`;
}

/**
 * Several machines write, so the database's clock is the one that counts: when the statement arrived, so that one row's
 * times agree. In the form that SQLite files have.
 */
function time(now: SQL<string | null>): SQL<string> {
  return orServerTime(now, sql`statement_timestamp()`);
}

function timeIn(milliseconds: SQL<number>, reckoned: SQL<string | null>): SQL<string> {
  const moment = sql`statement_timestamp() + cast(${milliseconds} as integer) * interval '1 millisecond'`;
  return orServerTime(reckoned, moment);
}

function orServerTime(time: SQL<string | null>, moment: SQL): SQL<string> {
  return sql<string>`coalesce(cast(${time} as text), to_char((${moment}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`;
}

interface Lockable {
  for(strength: "no key update", options: { skipLocked: true }): unknown;
}

/** The builder of SQLite has no word for it, so here is the other half of the seam. */
function skippingLocked<Q>(query: Q): Q {
  return (query as Q & Lockable).for("no key update", { skipLocked: true }) as Q;
}
