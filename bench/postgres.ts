/**
 * The same on PostgreSQL: one operation made through 1, 4 and 16 connections at once, beside the same SQL by node-postgres
 * alone. Each side has a schema of its own in a server of the bench's own.
 */
import pg from "pg";
import { briefStatuses, eventKinds, workstreamStatuses } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { v7 as uuidv7 } from "uuid";
import { startPrivateServer } from "../test/postgres/server.ts";
import { type Comparison, compare, type Effort, requireSameValues } from "./measure.ts";
import { briefColumns, eventColumns, runColumns } from "./raw.ts";
import { type Rows, ratio } from "./report.ts";
import { detail, payload } from "./samples.ts";
import type { Side } from "./subject.ts";

export interface Rate extends Comparison {
  readonly line: string;
  readonly connections: number;
}

type Board = Awaited<ReturnType<typeof openPostgresBlackboard>>;

interface PostgresLine {
  readonly name: string;
  ours(board: Board): Promise<unknown>;
  raw(pool: pg.Pool): Promise<unknown>;
}

const runId = "bench";
/** The server's clock, in the form that the rows have. */
const now = `to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const zeros = (labels: readonly string[]): Record<string, number> =>
  Object.fromEntries(labels.map((label) => [label, 0]));

const lines: readonly PostgresLine[] = [
  {
    name: "createBrief",
    ours: (board) => board.createBrief({ tier: 1, role: "coder", payload }),
    async raw(pool) {
      const { rows } = await pool.query({
        name: "create",
        text: `INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, retry_count, created_at, updated_at)
          SELECT $1, run_id, 1, $2, 'pending', $3::jsonb, 0, ${now}, ${now} FROM runs WHERE run_id = $4
          ON CONFLICT DO NOTHING RETURNING ${quoted(briefColumns)}`,
        values: [uuidv7(), "coder", JSON.stringify(payload), runId],
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
        values: [uuidv7(), "spawned", JSON.stringify(detail), runId],
      });
      return { ...rows[0], seq: Number(rows[0].seq) };
    },
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

/** PostgreSQL makes small letters of names without quotes. */
function quoted(columns: string): string {
  return columns.replace(/ AS (\w+)/g, ' AS "$1"');
}

/** As many calls under way at any moment as there are connections. */
function sideBySide(connections: number, call: () => Promise<unknown>): Side {
  return {
    value: call,
    async timeMs(calls) {
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

export async function measurePostgres(effort: Effort): Promise<Rate[]> {
  const server = startPrivateServer();
  if (!server) throw new Error("PostgreSQL 15 or later is not installed (Debian: apt-get install postgresql).");
  try {
    const rates: Rate[] = [];
    for (const connections of [1, 4, 16]) {
      for (const line of lines) rates.push(await measureLine(server.url, line, connections, effort));
    }
    return rates;
  } finally {
    server.stop();
  }
}

async function measureLine(url: string, line: PostgresLine, connections: number, effort: Effort): Promise<Rate> {
  const sites = [await makeSite(url, "ours", connections), await makeSite(url, "raw", connections)] as const;
  const [{ board }, { pool }] = sites;
  try {
    const sides = {
      ours: sideBySide(connections, () => line.ours(board)),
      raw: sideBySide(connections, () => line.raw(pool)),
    };
    await requireSameValues(line.name, sides);
    return { line: line.name, connections, ...(await compare(sides, effort)) };
  } finally {
    for (const { board, pool } of sites) {
      await board.close();
      await pool.end();
    }
  }
}

/** A new schema that holds the same run, and a pool for as many as call at once. */
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
  ]);
  return [["operation", "connections", "raw a second", "ours a second", "ours ÷ raw"], ...rows];
}
