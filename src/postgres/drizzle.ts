/**
 * The only place that creates Drizzle databases on node-postgres, and the proof that their queries run on the pool or client they
 * are created on: what `drizzle()` takes differs between versions, and one that finds no client there connects to another server.
 */
import { is, type Logger, sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase, NodePgSession, NodePgTransaction } from "drizzle-orm/node-postgres";
import { PgDialect } from "drizzle-orm/pg-core";
import pg from "pg";
import type { PostgresTables } from "../../drizzle/schema.postgres.ts";
import { reachesAnother, requireFittingDrizzle } from "../drizzle-versions.ts";

/** The Drizzle database of a blackboard on PostgreSQL. */
export type PostgresDatabase = NodePgDatabase<PostgresTables> & { $client: pg.Pool };

/**
 * Creates a Drizzle database whose queries run on `client`.
 * @throws DatabaseError if this version of Drizzle would query another one.
 */
export function databaseOn(client: pg.PoolClient, logger: Logger | undefined): NodePgDatabase {
  const database = drizzle({ ...optionsOf(logger), client });
  if (database.$client !== client) throw reachesAnother();
  return database;
}

/** The same for a pool, with the tables for Drizzle's relational queries. */
export function databaseOf(pool: pg.Pool, tables: PostgresTables, logger: Logger | undefined): PostgresDatabase {
  const database = drizzle({ ...optionsOf(logger), client: pool, schema: tables });
  if (database.$client !== pool) throw reachesAnother();
  return database;
}

/** The same as `database` for a client inside a transaction, where Drizzle's `rollback` exists. */
export function transactionOn(client: pg.PoolClient, database: PostgresDatabase, logger: Logger | undefined) {
  const { fullSchema, schema, tableNamesMap } = database._;
  // Version 1.0 has relations instead.
  const tables = schema ? { fullSchema, schema, tableNamesMap } : Reflect.get(database._, "relations");
  const dialect = dialectOf(database);
  return new NodePgTransaction<typeof fullSchema, NonNullable<typeof schema>>(
    dialect,
    new NodePgSession(client, dialect, tables, logger && { logger }),
    tables,
  );
}

/** That of version 1.0 is configured for the driver. */
function dialectOf(database: PostgresDatabase): PgDialect {
  const dialect: unknown = Reflect.get(database, "dialect");
  return is(dialect, PgDialect) ? dialect : new PgDialect();
}

/** An object of its own: Drizzle 0.45 takes an object for options only if it is sure of its first property. */
function optionsOf(logger: Logger | undefined): { logger?: Logger } {
  return logger ? { logger: { logQuery: (query, params) => logger.logQuery(query, params) } } : {};
}

let isProven = false;

/**
 * Proves once for the process, before anything is sent to a server, that the installed version of Drizzle fits.
 * @throws DatabaseError.
 */
export async function requireOwnDatabase(): Promise<void> {
  if (isProven) return;
  requireFittingDrizzle();
  await proveDrizzle();
  isProven = true;
}

/** Runs a statement through Drizzle on a client that only notes it. */
async function proveDrizzle(): Promise<void> {
  let isAsked = false;
  const query = async () => {
    isAsked = true;
    return { rows: [], fields: [], rowCount: 0, command: "SELECT", oid: 0 };
  };
  const client = new Proxy(new pg.Client(), {
    get: (all, name) => (name === "query" ? query : Reflect.get(all, name, all)),
  });
  const database = drizzle({ client });
  // An error is that of another server, or of the answer, which has no rows.
  if (database.$client === client) await database.execute(sql`select 1`).catch(() => undefined);
  if (!isAsked) throw reachesAnother();
}
