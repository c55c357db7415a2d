/**
 * The order of locks: whatever locks more than one row of a run takes the run's row first, so that no two of them can wait
 * for each other. Single-row operations need not.
 */
import type { Client } from "./pool.ts";

/** Any number, as long as nobody else's advisory locks have it. */
const advisorySeed = 0x62_6f_61_72;

/**
 * Makes the transactions of one run follow each other. NO KEY UPDATE leaves others free to insert rows that refer to the run.
 * A run that is not there yet has no row to lock, and may be made while one waits: hence the advisory lock before it.
 */
export async function lockRun(client: Client, runId: string): Promise<void> {
  const lock = {
    name: "run_blackboard_lock_run",
    text: `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended(concat(current_schema(), '.', $1::text), ${advisorySeed})))
      SELECT 1 FROM turn, runs WHERE run_id = $1 FOR NO KEY UPDATE OF runs`,
    values: [runId],
  };
  const { rowCount } = await client.query(lock);
  // Made by the one waited for: this statement does not see it, another does.
  if (!rowCount) await client.query(lock);
}
