/**
 * Lock order: what locks more than one row of a run locks the run's row first, which prevents deadlocks. Single-row operations
 * don't need it. A single statement may change several rows too, through triggers: it locks the run's row by `lockingRun`.
 * Parking needs no order, since it skips locked rows and so waits for none.
 */
import { type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type { Client } from "./pool.ts";

/** An arbitrary number, different from those of other programs' advisory locks. */
const advisorySeed = 0x62_6f_61_72;

/** Waits for the run's turn. A run that does not exist yet has no row to lock and may be created while waiting. */
export function takeTurn(runId: SQL): SQL {
  const key = sql`concat(current_schema(), '.', cast(${runId} as text))`;
  return sql`pg_advisory_xact_lock(hashtextextended(${key}, ${sql.raw(String(advisorySeed))}))`;
}

const text = new PgDialect().sqlToQuery(
  sql`WITH turn AS MATERIALIZED (SELECT ${takeTurn(sql.raw("$1"))}) SELECT 1 FROM turn, runs WHERE run_id = $1 FOR NO KEY UPDATE OF runs`,
).sql;

/** Serializes the transactions of one run. NO KEY UPDATE still allows inserting rows that refer to the run. */
export async function lockRun(client: Client, runId: string): Promise<void> {
  const lock = { name: "run_blackboard_lock_run", text, values: [runId] };
  const { rowCount } = await client.query(lock);
  // The run may have been created while waiting. This statement's snapshot excludes it; a second statement's includes it.
  if (!rowCount) await client.query(lock);
}
