/** The set operations by hand through node-postgres: one statement, which locks the run's row, changes the briefs and inserts events. */
import type pg from "pg";
import type { Brief } from "run-blackboard";
import { newId } from "../src/input/new-id.ts";
import { after, now, ofRun, quoted, ready } from "./postgres-sql.ts";
import { briefColumns } from "./raw.ts";
import { detail, payload } from "./samples.ts";
import { runId } from "./sites.ts";

type Row = Pick<Brief, "briefId" | "attempt" | "priority" | "createdAt">;

const columns = quoted(briefColumns);
const run = "run AS MATERIALIZED (SELECT run_id FROM runs WHERE run_id = $1 FOR NO KEY UPDATE)";
const logged = (kind: string) => `logged AS (
  INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
  SELECT e ->> 0, "runId", "briefId", '${kind}', (e ->> 1)::jsonb, ${now}
  FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS entry(e, n) JOIN changed ON "briefId" = e ->> 2 ORDER BY n RETURNING seq)`;
const events = (ids: readonly string[]) => JSON.stringify(ids.map((id) => [newId(), JSON.stringify(detail), id]));

export async function spawnByHand(pool: pg.Pool, count: number): Promise<unknown> {
  const ids = Array.from({ length: count }, () => newId());
  const entries = ids.map((id) => [id, null, null, 1, "coder", JSON.stringify(payload), 0, 0, null]);
  const { rows } = await pool.query<Row>({
    name: "spawn many",
    text: `WITH ${run}, changed AS (
        INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, payload, retry_count, priority, not_before,
          parked, created_at, updated_at)
        SELECT e ->> 0, run_id, e ->> 1, e ->> 2, (e ->> 3)::int, e ->> 4, (e ->> 5)::jsonb, (e ->> 6)::int, (e ->> 7)::int, e ->> 8,
          (e ->> 8 IS NOT NULL)::int, ${now}, ${now}
        FROM run, jsonb_array_elements($2::jsonb) WITH ORDINALITY AS entry(e, n) ORDER BY n ON CONFLICT DO NOTHING RETURNING ${columns}),
      ${logged("spawned")} SELECT changed.*, (SELECT count(*) FROM logged) AS events FROM changed`,
    values: [runId, JSON.stringify(entries), events(ids)],
  });
  return inOrder(ids, rows);
}

export async function completeByHand(pool: pg.Pool, claimed: readonly Pick<Row, "briefId" | "attempt">[]) {
  const ids = claimed.map(({ briefId }) => briefId);
  const entries = claimed.map(({ briefId, attempt }) => [briefId, attempt, JSON.stringify(payload)]);
  const { rows } = await pool.query<Row>({
    name: "complete many",
    text: `WITH ${run}, changed AS (
        UPDATE briefs SET status = 'done', result = (e ->> 2)::jsonb, lease_expires_at = NULL, updated_at = ${now}
        FROM jsonb_array_elements($2::jsonb) AS entry(e)
        WHERE run_id = (SELECT run_id FROM run) AND brief_id = e ->> 0 AND brief_id = ANY ($4::text[])
          AND ((e ->> 1 IS NULL AND status IN ('pending', 'active')
            OR attempt = (e ->> 1)::int AND status = 'active' AND claimed_by IS NOT NULL) IS TRUE)
        RETURNING ${columns}),
      ${logged("completed")} SELECT changed.*, (SELECT count(*) FROM logged) AS events FROM changed`,
    values: [runId, JSON.stringify(entries), events(ids), ids],
  });
  return inOrder(ids, rows);
}

export async function renewByHand(pool: pg.Pool, claimed: readonly Pick<Row, "briefId" | "attempt">[]) {
  const ids = claimed.map(({ briefId }) => briefId);
  const { rows } = await pool.query<Row>({
    name: "renew many",
    text: `WITH ${run} UPDATE briefs SET lease_expires_at = ${after("$2")}, updated_at = ${now}
      FROM jsonb_array_elements($3::jsonb) AS entry(e)
      WHERE run_id = (SELECT run_id FROM run) AND brief_id = e ->> 0 AND brief_id = ANY ($4::text[])
        AND (attempt = (e ->> 1)::int AND status = 'active' AND claimed_by IS NOT NULL) IS TRUE
      RETURNING ${columns}`,
    values: [runId, 600_000, JSON.stringify(claimed.map(({ briefId, attempt }) => [briefId, attempt])), ids],
  });
  return inOrder(ids, rows);
}

/** Checks for briefs without a lock, then selects and claims them in one statement. */
export async function claimByHand(pool: pg.Pool, limit: number): Promise<Row[]> {
  const { rows: found } = await pool.query({
    name: "look for many",
    text: `SELECT (SELECT 1 FROM briefs WHERE ${ofRun("briefs_leased")} AND lease_expires_at <= ${now} ORDER BY lease_expires_at LIMIT 1) AS expired,
        (SELECT 1 FROM briefs WHERE ${ofRun("briefs_delayed")} AND parked = 1 AND not_before <= ${now} LIMIT 1) AS due,
        (SELECT 1 FROM briefs WHERE ${ready} LIMIT 1) AS ready
      FROM runs WHERE run_id = $1 AND status NOT IN ('review', 'done', 'failed')`,
    values: [runId],
  });
  if (!found[0]?.ready || found[0].expired || found[0].due) throw new Error("expected only ready briefs");
  const { rows } = await pool.query<Row>({
    name: "take many",
    text: `UPDATE briefs SET status = 'active', attempt = attempt + 1, claimed_by = 'agent', claimed_at = ${now},
        lease_expires_at = ${after("$2")}, not_before = NULL, parked = 0, updated_at = ${now}
      WHERE run_id = $1 AND brief_id = ANY (ARRAY(SELECT brief_id FROM briefs WHERE ${ready} LIMIT $3
          FOR NO KEY UPDATE SKIP LOCKED))
        AND EXISTS (SELECT 1 FROM runs WHERE run_id = $1 AND status NOT IN ('review', 'done', 'failed'))
        AND (SELECT 1 FROM workstreams AS w WHERE w.run_id = briefs.run_id AND w.workstream_id = briefs.workstream_id
          AND w.status = 'blocked') IS NULL
      RETURNING ${columns}`,
    values: [runId, 600_000, limit],
  });
  return rows.sort(
    (one, other) =>
      other.priority - one.priority || compare(one.createdAt, other.createdAt) || compare(one.briefId, other.briefId),
  );
}

function inOrder<Found extends { briefId: string }>(
  ids: readonly string[],
  rows: readonly (Found & { events?: unknown })[],
) {
  const byId = new Map(rows.map(({ events: _, ...row }) => [row.briefId, row]));
  return ids.map((id) => byId.get(id));
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
