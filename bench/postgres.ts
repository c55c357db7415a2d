/**
 * The benchmark on PostgreSQL: each operation through 1, 4 and 16 concurrent connections, compared with the same SQL through
 * node-postgres. Each side has its own schema on a temporary server.
 */
import pg from "pg";
import { type BlackboardOperations, briefStatuses, eventKinds, workstreamStatuses } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { newId } from "../src/input/new-id.ts";
import { startPrivateServer } from "../test/postgres/server.ts";
import { type Comparison, compare, type Effort, requireSameValues } from "./measure.ts";
import { type Boss, pgBoss } from "./peers.ts";
import { briefColumns, eventColumns, runColumns } from "./raw.ts";
import { type Rows, ratio } from "./report.ts";
import { detail, payload } from "./samples.ts";
import type { Side } from "./subject.ts";

interface Rate extends Comparison {
  readonly line: string;
  readonly connections: number;
}

type Board = Awaited<ReturnType<typeof openPostgresBlackboard>>;

interface PostgresLine {
  readonly name: string;
  ours(board: Board): Promise<unknown>;
  raw(pool: pg.Pool): Promise<unknown>;
  /** The equivalent work in pg-boss, if there is any. */
  boss?(boss: Boss): Promise<unknown>;
  /** Whether each call consumes a pending brief or job. */
  takes?: true;
}

const runId = "bench";
/** SQL: the server's time in the format of the rows. */
const now = `to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const zeros = (labels: readonly string[]): Record<string, number> =>
  Object.fromEntries(labels.map((label) => [label, 0]));

const insertBrief = `INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, retry_count, created_at, updated_at)
  SELECT $1, run_id, 1, $2, 'pending', $3::jsonb, 0, ${now}, ${now} FROM runs WHERE run_id = $4
  ON CONFLICT DO NOTHING RETURNING ${quoted(briefColumns)}`;

const lines: readonly PostgresLine[] = [
  {
    name: "createBrief",
    ours: (board) => board.createBrief({ tier: 1, role: "coder", payload }),
    async raw(pool) {
      const { rows } = await pool.query({
        name: "create",
        text: insertBrief,
        values: [newId(), "coder", JSON.stringify(payload), runId],
      });
      return rows[0];
    },
  },
  {
    name: "logEvent",
    ours: (board) => board.logEvent("spawned", { detail }),
    async raw(pool) {
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
    ours: (board) => board.spawnBrief({ tier: 1, role: "coder", payload }, detail),
    raw: (pool) =>
      rawWithEvent(pool, "spawned", {
        name: "create",
        text: insertBrief,
        values: [newId(), "coder", JSON.stringify(payload), runId],
      }),
    boss: (boss) => boss.send(payload),
  },
  {
    name: "claimBrief",
    ours: async (board) => (await board.claimBrief({ agentId: "agent", leaseMs: 600_000 }))?.brief,
    raw: rawClaim,
    boss: (boss) => boss.fetch(),
    takes: true,
  },
  {
    name: "claimBrief and completeBrief",
    async ours(board) {
      const claim = await board.claimBrief({ agentId: "agent", leaseMs: 600_000 });
      return claim && (await board.completeBrief(claim, payload, detail));
    },
    async raw(pool) {
      const { briefId, attempt } = await rawClaim(pool);
      return rawWithEvent(pool, "completed", {
        name: "complete",
        text: `UPDATE briefs SET status = 'done', result = $1::jsonb, lease_expires_at = NULL, updated_at = ${now}
          WHERE run_id = $2 AND brief_id = $3 AND status = 'active' AND attempt = $4 AND claimed_by IS NOT NULL
          RETURNING ${quoted(briefColumns)}`,
        values: [JSON.stringify(payload), runId, briefId, attempt],
      });
    },
    boss: async (boss) => boss.complete(await boss.fetch()),
    takes: true,
  },
  {
    name: "getRunSummary, 20 briefs",
    ours: (board) => board.getRunSummary(),
    async raw(pool) {
      const { rows } = await pool.query({
        name: "summary",
        text: `SELECT ${quoted(runColumns)}, (SELECT seq FROM events WHERE run_id = $1 ORDER BY seq DESC LIMIT 1) AS "lastSeq",
            subject, label, n
          FROM runs LEFT JOIN (
            SELECT 'workstreams' AS subject, status AS label, count(*) AS n FROM workstreams WHERE run_id = $1 GROUP BY status
            UNION ALL SELECT 'briefs', status, count(*) FROM briefs WHERE run_id = $1 GROUP BY status
            UNION ALL SELECT 'events', kind, count(*) FROM events WHERE run_id = $1 GROUP BY kind
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

/** A change with its event, after locking the run's row, so that transactions and single calls cannot deadlock. */
async function rawWithEvent(pool: pg.Pool, kind: string, change: pg.QueryConfig): Promise<Record<string, unknown>> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    const lock = "SELECT 1 FROM runs WHERE run_id = $1 FOR NO KEY UPDATE";
    await client.query({ name: "lock", text: lock, values: [runId] });
    const { rows } = await client.query(change);
    await client.query({
      name: "append",
      text: `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
        VALUES ($1, $2, $3, $4, $5, ${now}) ON CONFLICT DO NOTHING RETURNING seq`,
      values: [newId(), runId, rows[0].briefId, kind, JSON.stringify(detail)],
    });
    await client.query("COMMIT");
    return rows[0];
  } finally {
    client.release();
  }
}

/** Checks for pending briefs without a lock, then selects and claims one in one statement. */
async function rawClaim(pool: pg.Pool): Promise<Record<string, unknown>> {
  const look = await pool.query({
    name: "look",
    text: `SELECT EXISTS (SELECT 1 FROM briefs WHERE run_id = $1 AND lease_expires_at <= ${now} AND (status = 'active') IS TRUE) AS expired,
        EXISTS (SELECT 1 FROM briefs WHERE run_id = $1 AND status = 'pending') AS pending`,
    values: [runId],
  });
  if (!look.rows[0].pending) throw new Error("no pending briefs");
  const end =
    "to_char((statement_timestamp() + $2 * interval '1 millisecond') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
  const { rows } = await pool.query({
    name: "take",
    text: `UPDATE briefs SET status = 'active', attempt = attempt + 1, claimed_by = $3, lease_expires_at = ${end}, updated_at = ${now}
      WHERE run_id = $1 AND brief_id = (SELECT brief_id FROM briefs WHERE run_id = $1 AND status = 'pending'
        ORDER BY created_at NULLS FIRST, brief_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
      RETURNING ${quoted(briefColumns)}`,
    values: [runId, 600_000, "agent"],
  });
  return rows[0];
}

/** PostgreSQL converts unquoted names to lower case. */
function quoted(columns: string): string {
  return columns.replace(/ AS (\w+)/g, ' AS "$1"');
}

/** A side that keeps as many calls in flight as there are connections. */
function sideBySide(
  connections: number,
  call: () => Promise<unknown>,
  supply: (calls: number) => Promise<unknown> = async () => undefined,
): Pick<Side, "timeMs"> & Required<Pick<Side, "value">> {
  return {
    async value() {
      await supply(1);
      return call();
    },
    async timeMs(calls) {
      await supply(calls);
      const start = performance.now();
      let left = calls;
      const work = async () => {
        while (left-- > 0) await call();
      };
      await Promise.all(Array.from({ length: connections }, work));
      return performance.now() - start;
    },
  };
}

/** Measures the lines whose name contains `only`. */
export async function measurePostgres(effort: Effort, only: string): Promise<Rate[]> {
  const server = startPrivateServer();
  if (!server) throw new Error("PostgreSQL 15 or later is not installed (Debian: apt-get install postgresql).");
  try {
    const rates: Rate[] = [];
    for (const connections of [1, 4, 16]) {
      for (const line of lines.filter(({ name }) => name.includes(only)))
        rates.push(await measureLine(server.url, line, connections, effort));
    }
    return rates;
  } finally {
    server.stop();
  }
}

async function measureLine(url: string, line: PostgresLine, connections: number, effort: Effort): Promise<Rate> {
  const sites = [await makeSite(url, "ours", connections), await makeSite(url, "raw", connections)] as const;
  const [{ board }, { pool }] = sites;
  const boss = line.boss && (await pgBoss(url, connections));
  try {
    const supply = (to: Board) => async (calls: number) => {
      if (line.takes) await to.transaction((tx) => spawnPending(tx, calls));
    };
    const sides = {
      ours: sideBySide(connections, () => line.ours(board), supply(board)),
      raw: sideBySide(connections, () => line.raw(pool), supply(sites[1].board)),
    };
    await requireSameValues(line.name, sides);
    const peer = boss && {
      "pg-boss": {
        timeMs: sideBySide(
          connections,
          async () => line.boss?.(boss),
          async (calls) => (line.takes ? boss.supply(payload, calls) : undefined),
        ).timeMs,
      },
    };
    return { line: line.name, connections, ...(await compare({ ...sides, ...peer }, effort)) };
  } finally {
    await boss?.stop();
    for (const { board, pool } of sites) {
      await board.close();
      await pool.end();
    }
  }
}

async function spawnPending(tx: BlackboardOperations<"async">, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await tx.createBrief({ tier: 1, role: "coder", payload });
}

/** Creates a schema with the same run, and a pool with one connection per concurrent call. */
async function makeSite(url: string, schema: string, connections: number): Promise<{ board: Board; pool: pg.Pool }> {
  const pool = new pg.Pool({ connectionString: `${url}&options=-c%20search_path%3D${schema}`, max: connections });
  await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`);
  const board = await openPostgresBlackboard({ runId, connection: pool });
  await board.createRun("Find out what it costs");
  await board.transaction(async (tx) => {
    for (let n = 0; n < 3; n++) await tx.createWorkstream({ name: `part ${n}`, tier: 1 });
    for (let n = 0; n < 20; n++) {
      const { briefId } = await tx.createBrief({ tier: 1, role: "coder", payload });
      await tx.logEvent("spawned", { briefId, detail });
      if (n % 2) await tx.updateBriefStatus(briefId, "done");
    }
  });
  return { board, pool };
}

export function postgresRows(rates: readonly Rate[]): Rows {
  const perSecond = (microseconds = Number.NaN) => Math.round(1e6 / microseconds).toLocaleString("en");
  const rows = rates.map(({ line, connections, microseconds, ratios }) => [
    line,
    String(connections),
    perSecond(microseconds.raw),
    perSecond(microseconds.ours),
    ratio(ratios.ours),
    ratio(ratios["pg-boss"]),
  ]);
  return [["operation", "connections", "raw a second", "ours a second", "ours ÷ raw", "pg-boss ÷ ours"], ...rows];
}
