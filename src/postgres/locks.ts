/**
 * Lock order: what locks more than one row of a run locks the run's row first, which prevents deadlocks. Single-row operations
 * don't need it. A single statement may change several rows too, through triggers: it locks the run's row by `lockingRun`.
 * Parking needs no order, since it skips locked rows and so waits for none.
 */
import { getTableName, type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type { PostgresTables } from "../../drizzle/schema.postgres.ts";
import type { Client } from "./pool.ts";
import { ownTypes } from "./text-types.ts";

/** An arbitrary number, different from those of other programs' advisory locks. */
const advisorySeed = 0x62_6f_61_72;

/** The schema that a statement is for. */
export interface Site {
  readonly schema: string;
  readonly tables: PostgresTables;
}

/** Waits for the run's turn. A run that does not exist yet has no row to lock and may be created while waiting. */
export function takeTurn(schema: string, runId: SQL): SQL {
  const key = sql`concat(cast(${schema} as text), '.', cast(${runId} as text))`;
  return sql`pg_advisory_xact_lock(hashtextextended(${key}, ${sql.raw(String(advisorySeed))}))`;
}

const dialect = new PgDialect();

/** Serializes the transactions of one run. NO KEY UPDATE still allows inserting rows that refer to the run. */
export async function lockRun(
  client: Client,
  { schema, tables: { runs } }: Site,
  runId: string,
  nameFor: (text: string) => string,
): Promise<void> {
  const { sql: text, params: values } = dialect.sqlToQuery(
    sql`WITH turn AS MATERIALIZED (SELECT ${takeTurn(schema, sql`${runId}`)}) SELECT 1 FROM turn, ${runs}
      WHERE ${runs.runId} = ${runId} FOR NO KEY UPDATE OF ${sql.identifier(getTableName(runs))}`,
  );
  const lock = { name: nameFor(text), text, values, types: ownTypes };
  const { rowCount } = await client.query(lock);
  // The run may have been created while waiting. This statement's snapshot excludes it; a second statement's includes it.
  if (!rowCount) await client.query(lock);
}
