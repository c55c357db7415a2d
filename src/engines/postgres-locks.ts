/**
 * The order of locks: whatever locks more than one row of a run takes the run's row first, so that no two of them can wait
 * for each other. Single-row operations need not.
 */
import type { Client } from "./postgres-pool.ts";

/** Any number, as long as nobody else's advisory locks have it. */
const advisoryClass = 0x62_6f_61_72;

/**
 * Makes the transactions of one run follow each other. NO KEY UPDATE leaves others free to insert rows that refer to the run.
 * A run that is not there yet has no row to lock: those who are about to make it wait for one another.
 */
export async function lockRun(client: Client, runId: string): Promise<void> {
  const lock = {
    name: "run_blackboard_lock_run",
    text: "SELECT 1 FROM runs WHERE run_id = $1 FOR NO KEY UPDATE",
    values: [runId],
  };
  const { rowCount } = await client.query(lock);
  if (rowCount) return;
  await client.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", [advisoryClass, runId]);
  await client.query(lock);
}
