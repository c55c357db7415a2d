/** Parts of the hand-written SQL on PostgreSQL. */

/** The server's time in the format of the rows. */
export const now = `to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The server's time plus this many milliseconds, in the same format. */
export const after = (milliseconds: string) =>
  `to_char((statement_timestamp() + ${milliseconds} * interval '1 millisecond') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The rows of the run `$1` by this index, whose collation a query must state: see src/operations/index-choice.ts. */
export const ofRun = (index: string) => `run_id COLLATE ${index} = $1`;

/** The ready briefs of the run `$1` in the order of claims. */
export const ready = `${ofRun("briefs_ready")} AND status = 'pending' AND waits_for = 0 AND parked = 0
  ORDER BY priority DESC NULLS LAST, created_at, brief_id`;

/** PostgreSQL converts unquoted names to lower case. */
export function quoted(columns: string): string {
  return columns.replace(/ AS (\w+)/g, ' AS "$1"');
}
