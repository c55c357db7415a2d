/**
 * The benchmark on PostgreSQL: each operation through 1, 4 and 16 concurrent connections, compared with the same SQL through
 * node-postgres; through 16 also with a server that is 2 and 10 ms away. Each side has its own schema on a temporary server.
 */
import pg from "pg";
import type { Claim } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { startProxy } from "../test/postgres/proxy.ts";
import { startPrivateServer } from "../test/postgres/server.ts";
import { type Comparison, compare, type Effort, requireSameValues } from "./measure.ts";
import { pgBoss } from "./peers.ts";
import { lines, type PostgresLine, type Site } from "./postgres-lines.ts";
import { now } from "./postgres-sql.ts";
import { type Rows, ratio } from "./report.ts";
import { detail, payload } from "./samples.ts";
import { runId } from "./sites.ts";
import type { Side } from "./subject.ts";

interface Rate extends Comparison {
  readonly line: string;
  readonly connections: number;
  /** The simulated time of a round trip to the server. */
  readonly roundTripMs: number;
}

/** Connection strings: of the server, and of the proxy in front of it that a side uses. */
interface Urls {
  readonly server: string;
  readonly used: string;
}

/** Measures the lines whose name contains `only`. */
export async function measurePostgres(effort: Effort, only: string): Promise<Rate[]> {
  const server = startPrivateServer();
  if (!server) throw new Error("PostgreSQL 15 or later is not installed (Debian: apt-get install postgresql).");
  const wanted = lines.filter(({ name }) => name.includes(only));
  const rates: Rate[] = [];
  try {
    for (const connections of [1, 4, 16]) {
      for (const line of wanted) {
        const urls = { server: server.url, used: server.url };
        rates.push({ ...(await measureLine(urls, line, connections, effort)), roundTripMs: 0 });
      }
    }
    for (const roundTripMs of [2, 10]) {
      const proxy = await startProxy(server.url, roundTripMs);
      try {
        // As much work as fits into a block on 16 connections, many times a round trip.
        const longer = { ...effort, blockMs: effort.blockMs + 20 * roundTripMs };
        for (const line of wanted.filter(({ distant }) => distant)) {
          const urls = { server: server.url, used: proxy.url };
          rates.push({ ...(await measureLine(urls, line, 16, longer)), roundTripMs });
        }
      } finally {
        proxy.stop();
      }
    }
    return rates;
  } finally {
    server.stop();
  }
}

async function measureLine(urls: Urls, line: PostgresLine, connections: number, effort: Effort) {
  const [ours, raw] = [await makeSite(urls, "ours", connections), await makeSite(urls, "raw", connections)];
  const boss = line.boss && (await pgBoss(urls.used, connections));
  try {
    const sides = {
      ours: sideBySide(connections, () => line.ours(ours), ours.supply(line)),
      raw: sideBySide(connections, () => line.raw(raw), raw.supply(line)),
    };
    await requireSameValues(line.name, sides);
    const peer = boss && {
      "pg-boss": {
        timeMs: sideBySide(
          connections,
          async () => line.boss?.(boss),
          async (calls) => (line.takes ? boss.supply(payload, calls * (line.size ?? 1)) : undefined),
        ).timeMs,
      },
    };
    return { line: line.name, connections, ...(await compare({ ...sides, ...peer }, effort)) };
  } finally {
    await boss?.stop();
    for (const site of [ours, raw]) await site.close();
  }
}

/** A side that keeps as many calls in flight as there are connections. */
function sideBySide(
  connections: number,
  call: () => Promise<unknown>,
  supply: (calls: number) => Promise<unknown>,
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

interface SuppliedSite extends Site {
  supply(line: Pick<PostgresLine, "takes" | "size">): (calls: number) => Promise<void>;
  close(): Promise<void>;
}

/** Creates a schema with the same run, and a pool with one connection per concurrent call. */
async function makeSite(urls: Urls, schema: string, connections: number): Promise<SuppliedSite> {
  const inSchema = (url: string) => {
    const whole = new URL(url);
    whole.searchParams.set("options", `-c search_path=${schema}`);
    whole.searchParams.set("schema", schema);
    return whole.href;
  };
  const direct = new pg.Pool({ connectionString: inSchema(urls.server), max: 1 });
  await direct.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`);
  const pool = new pg.Pool({ connectionString: inSchema(urls.used), max: connections });
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
  const near = await openPostgresBlackboard({ runId, connection: direct });
  const claims: Claim[] = [];
  /** Not through the proxy: it is not timed, and would take longer than what is. */
  const supply =
    ({ takes, size = 1 }: Pick<PostgresLine, "takes" | "size">) =>
    async (calls: number) => {
      if (!takes) return;
      const count = calls * size;
      await direct.query(
        `INSERT INTO briefs (brief_id, run_id, tier, role, payload, created_at, updated_at)
        SELECT gen_random_uuid(), $1, 1, 'coder', $2::jsonb, ${now}, ${now} FROM generate_series(1, $3::int)`,
        [runId, JSON.stringify(payload), count],
      );
      for (let left = takes === "claimed briefs" ? count : 0; left > 0; left -= 1000) {
        claims.push(...(await near.claimBriefs({ agentId: "agent", leaseMs: 600_000, limit: Math.min(left, 1000) })));
      }
    };
  const close = async () => {
    for (const opened of [board, near]) await opened.close();
    await pool.end();
    await direct.end();
  };
  return { board, pool, claims, supply, close };
}

export function postgresRows(rates: readonly Rate[]): Rows {
  const perSecond = (microseconds = Number.NaN) => Math.round(1e6 / microseconds).toLocaleString("en");
  const rows = rates.map(({ line, connections, roundTripMs, microseconds, ratios }) => [
    line,
    String(connections),
    String(roundTripMs),
    perSecond(microseconds.raw),
    perSecond(microseconds.ours),
    ratio(ratios.ours),
    ratio(ratios["pg-boss"]),
  ]);
  const head = ["operation", "connections", "round trip ms", "raw a second", "ours a second", "ours ÷ raw"];
  return [[...head, "pg-boss ÷ ours"], ...rows];
}
