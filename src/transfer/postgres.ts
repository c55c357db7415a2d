/**
 * Runs in a PostgreSQL database, as places to take them from and put them to; what arrives is written in one transaction.
 */
import { eventCounters } from "../../drizzle/schema.postgres.ts";
import { PostgresEngine } from "../engines/postgres.ts";
import { translated } from "../engines/postgres-errors.ts";
import { type Connection, connectPostgres, type Pool } from "../engines/postgres-pool.ts";
import { migrations } from "../migrations/embedded.postgres.ts";
import { migratePostgres, requireCurrentPostgres } from "../migrations/postgres.ts";
import { listRunIds } from "../operations/transfer.ts";
import { onlyRun, type RunPlace, type Snapshot, type Store } from "./place.ts";

export interface ServerPlace {
  readonly connection: string | Pool;
  readonly runId: string | undefined;
}

export function postgresPlace({ connection, runId }: ServerPlace): RunPlace {
  return {
    runId,
    open: () => openSnapshot(connectPostgres(connection), runId),
    receive: (arriving, fill) => receive(connectPostgres(connection), arriving, fill),
  };
}

async function openSnapshot(connection: Connection, wanted: string | undefined): Promise<Snapshot> {
  try {
    await requireCurrentPostgres(connection, migrations);
    const engine = new PostgresEngine({ connection, runId: wanted ?? "", logger: undefined });
    const snapshot = await engine.snapshot();
    const close = async () => {
      await snapshot.close();
      await connection.close();
    };
    try {
      const runId = wanted ?? onlyRun(await snapshot.run(() => listRunIds(20)), connection.location);
      return { runId, run: snapshot.run, close };
    } catch (error) {
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
    await migratePostgres(connection, migrations);
    const engine = new PostgresEngine({ connection, runId, logger: undefined });
    return await engine.transaction(async (session) => {
      // The trigger counts from here: an event keeps its number, which watchers may have stopped at.
      const nextSeq = async (seq: number) => {
        try {
          await session.drizzle
            .insert(eventCounters)
            .values({ runId, seq: seq - 1 })
            .onConflictDoUpdate({ target: eventCounters.runId, set: { seq: seq - 1 } });
        } catch (error) {
          throw translated(error, connection.location);
        }
      };
      return await fill({ location: connection.location, run: (operation) => session.run(operation), nextSeq });
    });
  } finally {
    await connection.close();
  }
}
