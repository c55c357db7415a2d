/**
 * The set operations by hand: one statement for each table, which reads its rows from one JSON parameter, in one transaction. Loops of
 * single statements in a transaction take 1.0 to 2 times as long.
 */
import type Database from "better-sqlite3";
import { newId } from "../../src/input/new-id.ts";
import { type BriefRow, briefColumns, now, parseBrief } from "../raw.ts";
import { detail, payload, result } from "../samples.ts";
import { runId } from "../sites.ts";

/** What identifies a claim. */
export interface ClaimRef {
  readonly brief: { readonly briefId: string };
  readonly attempt: number;
}

export interface ByHand {
  spawn(count: number): (BriefRow | undefined)[];
  claim(limit: number): BriefRow[];
  complete(claims: readonly ClaimRef[]): (BriefRow | undefined)[];
  renew(claims: readonly ClaimRef[]): object[];
}

const leaseMs = 600_000;

export function listsByHand(db: Database.Database): ByHand {
  const append = db.prepare(
    `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
     SELECT e.value ->> 0, run_id, e.value ->> 1, @kind, e.value ->> 2, @now FROM runs JOIN json_each(@list) AS e WHERE run_id = @runId
     ORDER BY e.key ON CONFLICT DO NOTHING RETURNING seq`,
  );
  const insert = db.prepare<unknown[], BriefRow>(
    `INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, payload, retry_count, priority, not_before,
       parked, created_at, updated_at)
     SELECT e.value ->> 0, run_id, e.value ->> 1, e.value ->> 2, e.value ->> 3, e.value ->> 4, e.value ->> 5, e.value ->> 6,
       e.value ->> 7, e.value ->> 8, e.value ->> 8 IS NOT NULL, @now, @now
     FROM runs JOIN json_each(@list) AS e WHERE run_id = @runId
     ORDER BY e.key ON CONFLICT DO NOTHING RETURNING ${briefColumns}`,
  );
  const look = db.prepare<unknown[], { expired: number | null; due: number | null; ready: number | null }>(
    `SELECT (SELECT 1 FROM briefs WHERE run_id = @runId AND lease_expires_at <= @now AND +status = 'active' LIMIT 1) AS expired,
       (SELECT 1 FROM briefs WHERE run_id = @runId AND parked = 1 AND not_before <= @now LIMIT 1) AS due,
       (SELECT 1 FROM briefs WHERE run_id = @runId AND ${ready} LIMIT 1) AS ready
     FROM runs WHERE run_id = @runId AND status NOT IN ('review', 'done', 'failed')`,
  );
  const take = db.prepare<unknown[], BriefRow>(
    `UPDATE briefs SET status = 'active', attempt = attempt + 1, claimed_by = 'agent', claimed_at = @now, lease_expires_at = @end,
       not_before = NULL, parked = 0, updated_at = @now
     WHERE +run_id = @runId AND brief_id IN (
         SELECT brief_id FROM briefs WHERE run_id = @runId AND ${ready} ORDER BY priority DESC, created_at, brief_id LIMIT @limit)
       AND EXISTS (SELECT 1 FROM runs WHERE run_id = @runId AND status NOT IN ('review', 'done', 'failed'))
       AND NOT EXISTS (SELECT 1 FROM workstreams AS w WHERE w.run_id = briefs.run_id AND w.workstream_id = briefs.workstream_id
         AND w.status = 'blocked')
     RETURNING ${briefColumns}`,
  );
  const finish = db.prepare<unknown[], BriefRow>(
    `UPDATE briefs SET status = 'done', result = e.value ->> 2, lease_expires_at = NULL, updated_at = @now
     FROM json_each(@list) AS e WHERE +run_id = @runId AND brief_id = e.value ->> 0
       AND (e.value ->> 1 IS NULL AND status IN ('pending', 'active')
         OR attempt = e.value ->> 1 AND status = 'active' AND claimed_by IS NOT NULL)
     RETURNING ${briefColumns}`,
  );
  const extend = db.prepare<unknown[], BriefRow>(
    `UPDATE briefs SET lease_expires_at = @end, updated_at = @now
     FROM json_each(@list) AS e WHERE +run_id = @runId AND brief_id = e.value ->> 0
       AND attempt = e.value ->> 1 AND status = 'active' AND claimed_by IS NOT NULL
     RETURNING ${briefColumns}`,
  );

  const logAll = (kind: string, ids: readonly string[], time: string) => {
    const list = JSON.stringify(ids.map((id) => [newId(), id, JSON.stringify(detail)]));
    append.all({ kind, now: time, list, runId });
  };
  const inOrder = (ids: readonly string[], rows: readonly BriefRow[]) => {
    const byId = new Map(rows.map((row) => [row.briefId, parseBrief(row)]));
    return ids.map((id) => byId.get(id));
  };
  const spawn = db.transaction((count: number) => {
    const time = now();
    const ids = Array.from({ length: count }, () => newId());
    const entries = ids.map((id) => [id, null, null, 1, "coder", JSON.stringify(payload), 0, 0, null]);
    const rows = insert.all({ now: time, list: JSON.stringify(entries), runId });
    logAll("spawned", ids, time);
    return inOrder(ids, rows);
  });
  const complete = db.transaction((claims: readonly ClaimRef[]) => {
    const time = now();
    const ids = claims.map(({ brief: { briefId } }) => briefId);
    const entries = claims.map(({ brief: { briefId }, attempt }) => [briefId, attempt, JSON.stringify(result)]);
    const rows = finish.all({ now: time, list: JSON.stringify(entries), runId });
    logAll("completed", ids, time);
    return inOrder(ids, rows);
  });
  return {
    spawn: (count) => spawn.immediate(count),
    complete: (claims) => complete.immediate(claims),
    claim(limit) {
      const time = new Date();
      const wanted = { runId, now: time.toISOString(), end: new Date(time.getTime() + leaseMs).toISOString(), limit };
      const found = look.get(wanted);
      if (!found?.ready || found.expired || found.due) throw new Error("expected only ready briefs");
      return take.all(wanted).map(parseBrief).sort(inTurn);
    },
    renew(claims) {
      const time = new Date();
      const end = new Date(time.getTime() + leaseMs).toISOString();
      const list = JSON.stringify(claims.map(({ brief, attempt }) => [brief.briefId, attempt]));
      const rows = extend.all({ now: time.toISOString(), end, list, runId });
      const renewed = inOrder(
        claims.map(({ brief }) => brief.briefId),
        rows,
      );
      return claims.map((claim, n) => ({ ...claim, brief: renewed[n], leaseExpiresAt: end }));
    },
  };
}

/** SQL: what can be claimed. */
const ready = "status = 'pending' AND waits_for = 0 AND parked = 0";

function inTurn(one: BriefRow, other: BriefRow): number {
  return (
    other.priority - one.priority || compare(one.createdAt, other.createdAt) || compare(one.briefId, other.briefId)
  );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
