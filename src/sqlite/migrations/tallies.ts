/**
 * Checks `tallies` against the rows that it counts. Triggers maintain it for every writer, but SQLite fires no trigger for a row
 * deleted by REPLACE unless `recursive_triggers` is on, and users can edit the table directly.
 */
import type Database from "better-sqlite3";

const countRows = `
  SELECT run_id, 'workstreams', status, count(*) FROM workstreams GROUP BY run_id, status
  UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
  UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind`;

const differing = `
  WITH counts (run_id, subject, label, n) AS (${countRows}),
  both (run_id, subject, label, stored, counted) AS (
    SELECT run_id, subject, label, n, 0 FROM tallies UNION ALL SELECT run_id, subject, label, 0, n FROM counts
  )
  SELECT run_id AS runId, subject, label, sum(stored) AS stored, sum(counted) AS counted
  FROM both GROUP BY run_id, subject, label HAVING sum(stored) <> sum(counted)`;

export interface WrongTally {
  runId: string;
  subject: string;
  label: string;
  /** The count in `tallies`. */
  stored: number;
  /** The number of rows. */
  counted: number;
}

/** Returns the incorrect counts. Requires the `tallies` table of the migrations. */
export function wrongTallies(client: Database.Database): WrongTally[] {
  return client.prepare<[], WrongTally>(differing).all();
}

/** Recomputes all counts in the caller's transaction. */
export function rebuildTallies(client: Database.Database): void {
  client.exec("DELETE FROM tallies");
  client.exec(`INSERT INTO tallies (run_id, subject, label, n) ${countRows}`);
}
