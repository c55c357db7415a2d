/** The throughput of a run with more events in an hour than a summary counts. */
import { summarizeRun } from "run-blackboard";
import { expect, test } from "vitest";
import { openRun } from "./engine.ts";
import { sqliteMemory } from "./sqlite.ts";

test("summarizeRun counts the newest 10,000 events of the last hour, from the time of the oldest of them", async () => {
  const { board, clock, place } = await openRun(sqliteMemory);
  const begin = Date.parse((await board.logEvent("spawned")).createdAt);
  const events = (first: number, last: number) =>
    place.sql(`
      WITH RECURSIVE n (i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM n WHERE i < ${last})
      INSERT INTO events (event_id, run_id, kind, created_at)
      SELECT 'e' || i, '${board.runId}', CASE i % 2 WHEN 0 THEN 'completed' ELSE 'failed' END,
        strftime('%Y-%m-%dT%H:%M:%fZ', ${begin / 1000} + i / 10.0, 'unixepoch') FROM n`);
  const none = { spawned: 0, completed: 0, failed: 0, escalated: 0, retried: 0 };
  const at = (ms: number) => new Date(begin + ms).toISOString();

  await events(1, 9998);
  clock.advance(1_800_000);
  // With `spawned` they are 9,999.
  expect((await summarizeRun(board)).throughput).toEqual({
    since: at(1_800_000 - 3_600_000),
    windowMs: 3_600_000,
    events: { ...none, spawned: 1, completed: 4999, failed: 4999 },
    completedPerMinute: 83.32,
  });

  await events(9999, 10_002);
  // The oldest of them is the 3rd, which failed.
  expect((await summarizeRun(board)).throughput).toEqual({
    since: at(300),
    windowMs: 1_799_700,
    events: { ...none, completed: 5000, failed: 5000 },
    completedPerMinute: 166.69,
  });
});
