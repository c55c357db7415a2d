/**
 * Runs in a PostgreSQL database as source and destination of transfers, and pruning. An import is written in one transaction.
 */
import { eq, sql } from "drizzle-orm";
import type { PostgresTables } from "../../drizzle/schema.postgres.ts";
import { InvalidInputError } from "../errors.ts";
import { getRunOverview, listRunIds } from "../operations/overview.ts";
import { reader, theOnlyOne } from "../operations/read-context.ts";
import { listEachRun } from "../operations/run-listings.ts";
import type { RunPlace, Snapshot, Store } from "../transfer/place.ts";
import { ageOf, type CheckedRule, type PrunedRun, reasonToKeep } from "../transfer/prune-rule.ts";
import { migrations } from "./embedded.postgres.ts";
import { PostgresEngine } from "./engine.ts";
import { translated } from "./errors.ts";
import { migratePostgres, requireCurrentPostgres } from "./migrate.ts";
import { type Connection, connectAlone, connectPostgres, type Pool, type Server } from "./pool.ts";
import { listed } from "./schema.ts";

interface ServerPlace extends Server {
  readonly runId: string | undefined;
}

export function postgresPlace({ runId, ...server }: ServerPlace): RunPlace {
  return {
    runId,
    open: () => openSnapshot(connectAlone(server), runId),
    receive: (arriving, fill) => receive(connectAlone(server), arriving, fill),
  };
}

/** How many connections of a caller's pool are held by snapshots. */
const reading = new WeakMap<Pool, number>();

function count(pool: Pool, change: 1 | -1): void {
  reading.set(pool, (reading.get(pool) ?? 0) + change);
}

/** A copy within a pool would wait for the connection that it reads from. */
function requireFree({ pool }: Connection): void {
  const held = reading.get(pool) ?? 0;
  if (held < pool.options.max) return;
  const message = `must be a Pool with more than ${held} connections: a run is being read on each, and writing needs one more`;
  throw new InvalidInputError([{ path: "connection", message }]);
}

async function openSnapshot(connection: Connection, wanted: string | undefined): Promise<Snapshot> {
  try {
    await requireCurrentPostgres(connection, migrations);
    const engine = new PostgresEngine({ connection, runId: wanted ?? "", logger: undefined });
    const snapshot = await engine.snapshot();
    count(connection.pool, 1);
    const close = async () => {
      count(connection.pool, -1);
      await snapshot.close();
      await connection.close();
    };
    try {
      const runId = wanted ?? theOnlyOne(await snapshot.run(listRunIds), connection.location);
      // The server restricts reading by login, so an exported file is readable only by its owner.
      return { runId, mode: 0o600, run: snapshot.run, close };
    } catch (error) {
      count(connection.pool, -1);
      await snapshot.close();
      throw error;
    }
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function receive<T>(connection: Connection, runId: string, fill: (store: Store) => Promise<T>): Promise<T> {
  try {
    requireFree(connection);
    await migratePostgres(connection, migrations);
    const engine = new PostgresEngine({ connection, runId, logger: undefined });
    return await engine.transaction(async (session) => {
      const { drizzle } = session;
      const translating = async (work: () => Promise<unknown>) => {
        try {
          await work();
        } catch (error) {
          throw translated(error, connection.location);
        }
      };
      // Makes the trigger keep each event's `seq`, so that watchers resume where they left off. Drizzle's builder has no SET.
      await translating(() =>
        drizzle.execute(sql`SELECT pg_catalog.set_config('run_blackboard.keep_seq', 'on', true)`),
      );
      const lastSeq = (seq: number) =>
        translating(() =>
          drizzle
            .insert(connection.tables.eventCounters)
            .values({ runId, seq })
            .onConflictDoUpdate({ target: connection.tables.eventCounters.runId, set: { seq } }),
        );
      // The triggers' plans are kept for the connection, and those made for empty tables read all of a table that has grown: 4000
      // briefs with three dependencies each took 24 s. So plans are dropped each time that the number of batches doubles.
      let calls = 0;
      const run: Store["run"] = async (operation) => {
        calls++;
        if (Number.isInteger(Math.log2(calls))) await translating(() => drizzle.execute(sql`DISCARD PLANS`));
        return await session.run(operation);
      };
      return await fill({ location: connection.location, run, lastSeq });
    });
  } finally {
    await connection.close();
  }
}

/** Returns the outcome for every run of the database, ordered by id. */
export async function pruneServer(server: Server, rule: CheckedRule): Promise<PrunedRun[]> {
  const connection = connectPostgres(server);
  const { location } = connection;
  const engineOf = (runId: string) => new PostgresEngine({ connection, runId, logger: undefined });
  try {
    await requireCurrentPostgres(connection, migrations);
    const pruned: PrunedRun[] = [];
    for (const { runId: listed, summary, error } of await engineOf("").run(() => listEachRun(reader))) {
      if (error) {
        const reason = error.message;
        pruned.push({ runId: listed ?? "", location, status: null, changedAt: null, outcome: "kept", reason });
        continue;
      }
      const age = ageOf(summary);
      const { runId } = age;
      const reason =
        reasonToKeep(age, rule) ??
        (rule.dryRun ? null : await deleteRun(engineOf(runId), connection.tables, runId, rule));
      const outcome = reason !== null ? "kept" : rule.dryRun ? "due" : "deleted";
      pruned.push({ ...age, location, outcome, reason });
    }
    return pruned;
  } finally {
    await connection.close();
  }
}

/** Deletes a run in one transaction. Returns the reason to keep it if it was written meanwhile, otherwise null. */
async function deleteRun(
  engine: PostgresEngine,
  tables: PostgresTables,
  runId: string,
  rule: CheckedRule,
): Promise<string | null> {
  return await engine.transaction(async (session) => {
    const { drizzle } = session;
    const { runs } = tables;
    try {
      // FOR UPDATE also blocks inserts of rows that refer to the run, and waits for those in progress.
      const found = await drizzle.select({ runId: runs.runId }).from(runs).where(eq(runs.runId, runId)).for("update");
      if (found.length === 0) return null;
      const reason = reasonToKeep(ageOf(await session.run(() => getRunOverview({ ...reader, runId }))), rule);
      if (reason !== null) return reason;
      // Dependencies before briefs: a brief that is deleted with its dependencies is counted again for each of them.
      for (const table of listed(tables).toReversed()) {
        await drizzle.delete(table).where(eq(table.runId, runId));
      }
      return null;
    } catch (error) {
      throw translated(error, engine.location);
    }
  });
}
