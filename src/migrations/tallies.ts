/**
 * The tallies against the rows that they count. Triggers keep them, whoever writes; but SQLite fires none for a row that
 * REPLACE removes, unless `recursive_triggers` is on, and a hand may have touched the table itself.
 */
import type Database from "better-sqlite3";
import { isTable, readObjects } from "./sqlite-schema.ts";

const counted = `
  SELECT run_id, 'workstreams', status, count(*) FROM workstreams GROUP BY run_id, status
  UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
  UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind`;

const differing = `
  WITH counted (run_id, subject, label, n) AS (${counted}),
  both (run_id, subject, label, told, found) AS (
    SELECT run_id, subject, label, n, 0 FROM tallies UNION ALL SELECT run_id, subject, label, 0, n FROM counted
  )
  SELECT run_id AS runId, subject, label, sum(told) AS told, sum(found) AS found
  FROM both GROUP BY run_id, subject, label HAVING sum(told) <> sum(found)`;

export interface WrongTally {
  runId: string;
  subject: string;
  label: string;
  told: number;
  found: number;
}

/** Where they differ. None in a file that has no tallies yet. */
export function wrongTallies(client: Database.Database): WrongTally[] {
  const present = readObjects(client).some((object) => isTable(object) && object.name === "tallies");
  return present ? client.prepare<[], WrongTally>(differing).all() : [];
}

/** All of them anew, while nobody else writes. */
export function rebuildTallies(client: Database.Database): void {
  const rebuild = client.transaction(() => {
    client.exec("DELETE FROM tallies");
    client.exec(`INSERT INTO tallies (run_id, subject, label, n) ${counted}`);
  });
  rebuild.immediate();
}
