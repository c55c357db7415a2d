/** Queries for rows that must not exist after triggers and claims, as SQL for both engines. */

/** Briefs whose count of blockers differs from their links. */
export const wrongCounts = `SELECT brief_id, waits_for FROM briefs AS dependent WHERE waits_for <> (
  SELECT count(*) FROM dependencies AS link WHERE link.run_id = dependent.run_id AND link.brief_id = dependent.brief_id
    AND NOT EXISTS (SELECT 1 FROM briefs AS blocker WHERE blocker.run_id = link.run_id
      AND blocker.brief_id = link.blocker_id AND blocker.status = 'done'))`;

/** Parked for a time that the brief doesn't have, or for a workstream that is not blocked. */
export const leftParked = `SELECT brief_id, parked FROM briefs WHERE status = 'pending' AND (
  parked = 1 AND not_before IS NULL OR parked = 2 AND NOT EXISTS (SELECT 1 FROM workstreams
    WHERE workstreams.run_id = briefs.run_id AND workstreams.workstream_id = briefs.workstream_id
      AND workstreams.status = 'blocked'))`;
