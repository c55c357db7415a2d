/** Parts of the hand-written SQL on PostgreSQL. */

/** The server's time in the format of the rows. */
export const now = `to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The time after so many milliseconds. */
export const after = (milliseconds: string) =>
  `to_char((statement_timestamp() + ${milliseconds} * interval '1 millisecond') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The ready briefs in the order of claims. */
export const ready =
  "status = 'pending' AND waits_for = 0 AND parked = 0 ORDER BY priority DESC NULLS LAST, created_at, brief_id";

/** PostgreSQL converts unquoted names to lower case. */
export function quoted(columns: string): string {
  return columns.replace(/ AS (\w+)/g, ' AS "$1"');
}
