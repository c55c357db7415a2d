/**
 * What the benchmark on PostgreSQL measures: each operation, the same SQL through node-postgres, and pg-boss where it has one.
 */
import type pg from "pg";
import { type Brief, briefStatuses, type Claim, eventKinds, workstreamStatuses } from "run-blackboard";
import type { openPostgresBlackboard } from "run-blackboard/postgres";
import { newId } from "../src/input/new-id.ts";
import type { Boss } from "./peers.ts";
import { claimByHand, completeByHand, renewByHand, spawnByHand } from "./postgres-lists.ts";
import { after, now, ofRun, quoted, ready } from "./postgres-sql.ts";
import { briefColumns, eventColumns, runColumns } from "./raw.ts";
import { detail, payload } from "./samples.ts";
import { runId } from "./sites.ts";

type Board = Awaited<ReturnType<typeof openPostgresBlackboard>>;
type Supply = "pending briefs" | "claimed briefs";

/** One side's schema: through this package, or through its pool alone. */
export interface Site {
  readonly board: Board;
  readonly pool: pg.Pool;
  /** The claims that calls use up, of a line that is supplied with claimed briefs. */
  readonly claims: Claim[];
}

export interface PostgresLine {
  readonly name: string;
  ours(site: Site): Promise<unknown>;
  raw(site: Site): Promise<unknown>;
  /** The equivalent work in pg-boss, if there is any. */
  boss?(boss: Boss): Promise<unknown>;
  /** What each call uses up. */
  readonly takes?: Supply;
  /** How many of them; 1 when left out. */
  readonly size?: number;
  /** Whether it is measured with a distant server too. */
  readonly distant?: true;
}

const spawned = 96;
/** As many at a time as a worker would take. */
const taken = 32;
const manyRequest = { agentId: "agent", leaseMs: 600_000, limit: taken };

const zeros = (labels: readonly string[]): Record<string, number> =>
  Object.fromEntries(labels.map((label) => [label, 0]));

const insertBrief = (
  from: string,
) => `INSERT INTO briefs (brief_id, run_id, tier, role, payload, created_at, updated_at)
  SELECT $2, run_id, 1, $3, $4::jsonb, ${now}, ${now} FROM ${from} WHERE run_id = $1
  ON CONFLICT DO NOTHING RETURNING ${quoted(briefColumns)}`;

export const lines: readonly PostgresLine[] = [
  {
    name: "createBrief",
    ours: ({ board }) => board.createBrief({ tier: 1, role: "coder", payload }),
    async raw({ pool }) {
      const { rows } = await pool.query({
        name: "create",
        text: insertBrief("runs"),
        values: [runId, newId(), "coder", JSON.stringify(payload)],
      });
      return rows[0];
    },
  },
  {
    name: "logEvent",
    ours: ({ board }) => board.logEvent("spawned", { detail }),
    async raw({ pool }) {
      const { rows } = await pool.query({
        name: "log",
        text: `INSERT INTO events (event_id, run_id, kind, detail, created_at)
          SELECT $1, run_id, $2, $3::jsonb, ${now} FROM runs WHERE run_id = $4
          ON CONFLICT DO NOTHING RETURNING ${quoted(eventColumns)}`,
        values: [newId(), "spawned", JSON.stringify(detail), runId],
      });
      return { ...rows[0], seq: Number(rows[0].seq) };
    },
  },
  {
    name: "spawnBrief",
    ours: ({ board }) => board.spawnBrief({ tier: 1, role: "coder", payload }, detail),
    raw: ({ pool }) =>
      rawWithEvent(pool, "spawned", insertBrief("run"), [runId, newId(), "coder", JSON.stringify(payload)]),
    boss: (boss) => boss.send(payload),
    distant: true,
  },
  {
    name: "claimBrief",
    ours: async ({ board }) => (await board.claimBrief({ agentId: "agent", leaseMs: 600_000 }))?.brief,
    raw: ({ pool }) => rawClaim(pool),
    boss: (boss) => boss.fetch(),
    takes: "pending briefs",
    distant: true,
  },
  {
    name: "completeBrief",
    ours: ({ board, claims }) => board.completeBrief(next(claims), payload, detail),
    raw: ({ pool, claims }) => rawComplete(pool, next(claims).brief.briefId, 1),
    takes: "claimed briefs",
    distant: true,
  },
  {
    name: "claimBrief and completeBrief",
    async ours({ board }) {
      const claim = await board.claimBrief({ agentId: "agent", leaseMs: 600_000 });
      return claim && (await board.completeBrief(claim, payload, detail));
    },
    async raw({ pool }) {
      const { briefId, attempt } = await rawClaim(pool);
      return await rawComplete(pool, briefId, attempt);
    },
    boss: async (boss) => boss.complete(await boss.fetch()),
    takes: "pending briefs",
    distant: true,
  },
  {
    name: `spawnBriefs of ${spawned}`,
    ours: ({ board }) =>
      board.spawnBriefs(
        Array.from({ length: spawned }, () => ({ tier: 1, role: "coder", payload })),
        detail,
      ),
    raw: ({ pool }) => spawnByHand(pool, spawned),
    boss: (boss) => boss.insert(payload, spawned),
    distant: true,
  },
  {
    name: `claimBriefs of ${taken}`,
    ours: async ({ board }) => (await board.claimBriefs(manyRequest)).map(({ brief }) => brief),
    raw: ({ pool }) => claimByHand(pool, taken),
    boss: (boss) => boss.fetchMany(taken),
    takes: "pending briefs",
    size: taken,
    distant: true,
  },
  {
    name: `completeBriefs of ${taken}`,
    async ours({ board, claims }) {
      const completions = claims.splice(-taken).map((ref) => ({ ref, result: payload, detail }));
      return (await board.completeBriefs(completions)).map(({ brief }) => brief);
    },
    raw: ({ pool, claims }) =>
      completeByHand(
        pool,
        claims.splice(-taken).map(({ brief }) => brief),
      ),
    takes: "claimed briefs",
    size: taken,
    distant: true,
  },
  {
    name: `renewClaims of ${taken}`,
    ours: async ({ board, claims }) =>
      (await board.renewClaims(claims.splice(-taken), { leaseMs: 600_000 })).renewed.map(({ brief }) => brief),
    raw: ({ pool, claims }) =>
      renewByHand(
        pool,
        claims.splice(-taken).map(({ brief }) => brief),
      ),
    takes: "claimed briefs",
    size: taken,
  },
  {
    name: `claimBriefs and completeBriefs of ${taken}`,
    async ours({ board }) {
      const claims = await board.claimBriefs(manyRequest);
      const completed = await board.completeBriefs(claims.map((ref) => ({ ref, result: payload, detail })));
      return completed.map(({ brief }) => brief);
    },
    raw: async ({ pool }) => await completeByHand(pool, await claimByHand(pool, taken)),
    boss: async (boss) => boss.completeMany(await boss.fetchMany(taken)),
    takes: "pending briefs",
    size: taken,
    distant: true,
  },
  {
    name: "getRunSummary, 20 briefs",
    ours: ({ board }) => board.getRunSummary(),
    async raw({ pool }) {
      const { rows } = await pool.query({
        name: "summary",
        text: `SELECT ${quoted(runColumns)}, (SELECT seq FROM events WHERE run_id = $1 ORDER BY seq DESC LIMIT 1) AS "lastSeq",
            subject, label, n
          FROM runs LEFT JOIN (
            SELECT 'workstreams' AS subject, status AS label, count(*) AS n FROM workstreams WHERE ${ofRun("workstreams_by_age")} GROUP BY status
            UNION ALL SELECT 'briefs', status, count(*) FROM briefs WHERE ${ofRun("briefs_by_status")} GROUP BY status
            UNION ALL SELECT 'events', kind, count(*) FROM events WHERE ${ofRun("events_by_kind")} GROUP BY kind
          ) AS tallies ON true WHERE run_id = $1`,
        values: [runId],
      });
      const counts: Record<string, Record<string, number>> = {
        workstreams: zeros(workstreamStatuses),
        briefs: zeros(briefStatuses),
        events: zeros(eventKinds),
      };
      for (const { subject, label, n } of rows) Object.assign(counts[subject] ?? {}, { [label]: Number(n) });
      const { subject, label, n, lastSeq, ...run } = rows[0];
      return { ...run, lastSeq: Number(lastSeq), ...counts };
    },
  },
];

/** A change with its event in one statement, which first locks the run's row, so that it cannot deadlock with transactions. */
async function rawWithEvent(pool: pg.Pool, kind: string, change: string, values: readonly unknown[]): Promise<unknown> {
  const [eventId, text] = [values.length + 1, values.length + 2];
  const { rows } = await pool.query({
    name: kind,
    text: `WITH run AS (SELECT run_id FROM runs WHERE run_id = $1 FOR NO KEY UPDATE), changed AS (${change}),
      logged AS (INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
        SELECT $${eventId}, "runId", "briefId", '${kind}', $${text}::jsonb, ${now} FROM changed RETURNING seq)
      SELECT changed.* FROM changed, logged`,
    values: [...values, newId(), JSON.stringify(detail)],
  });
  return rows[0];
}

function rawComplete(pool: pg.Pool, briefId: string, attempt: number): Promise<unknown> {
  const change = `UPDATE briefs SET status = 'done', result = $2::jsonb, lease_expires_at = NULL, updated_at = ${now}
    WHERE run_id = (SELECT run_id FROM run) AND brief_id = $3 AND status = 'active' AND attempt = $4 AND claimed_by IS NOT NULL
    RETURNING ${quoted(briefColumns)}`;
  return rawWithEvent(pool, "completed", change, [runId, JSON.stringify(payload), briefId, attempt]);
}

function next(claims: Claim[]): Claim {
  const claim = claims.pop();
  if (!claim) throw new Error("no claimed briefs");
  return claim;
}

/** Checks for briefs without a lock, then selects and claims one in one statement. */
async function rawClaim(pool: pg.Pool): Promise<Pick<Brief, "briefId" | "attempt">> {
  const look = await pool.query({
    name: "look",
    text: `SELECT (SELECT 1 FROM briefs WHERE ${ofRun("briefs_leased")} AND lease_expires_at <= ${now} ORDER BY lease_expires_at LIMIT 1) AS expired,
        (SELECT 1 FROM briefs WHERE ${ofRun("briefs_delayed")} AND parked = 1 AND not_before <= ${now} LIMIT 1) AS due,
        (SELECT 1 FROM briefs WHERE ${ready} LIMIT 1) AS ready`,
    values: [runId],
  });
  if (!look.rows[0].ready) throw new Error("no pending briefs");
  const { rows } = await pool.query({
    name: "take",
    text: `UPDATE briefs SET status = 'active', attempt = attempt + 1, claimed_by = $3, claimed_at = ${now}, lease_expires_at = ${after("$2")},
        not_before = NULL, parked = 0, updated_at = ${now}
      WHERE run_id = $1 AND brief_id = (SELECT brief_id FROM briefs WHERE ${ready} LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
      RETURNING ${quoted(briefColumns)}`,
    values: [runId, 600_000, "agent"],
  });
  return rows[0];
}
