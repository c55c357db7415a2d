/**
 * The only place that creates Drizzle databases on better-sqlite3, and the proof that their queries run on the connection they are
 * created on: what `drizzle()` takes differs between versions, and one that does not find a connection there opens another database.
 */
import { randomInt } from "node:crypto";
import type Database from "better-sqlite3";
import type { Logger } from "drizzle-orm";
import { type BetterSQLite3Database, drizzle } from "drizzle-orm/better-sqlite3";
import * as tables from "../../../drizzle/schema.ts";
import { reachesAnother } from "../../drizzle-versions.ts";

/** The Drizzle database of a blackboard in a file; `$client` is the better-sqlite3 connection. */
export type SqliteDatabase = BetterSQLite3Database<typeof tables> & { $client: Database.Database };

/**
 * Creates the Drizzle database of a connection.
 * @throws DatabaseError if this version of Drizzle would query another one.
 */
export function databaseOn(client: Database.Database, logger: Logger): SqliteDatabase {
  // Drizzle 0.45 takes an object for options only if it is sure of its first property.
  const database = drizzle({ logger, client, schema: tables });
  if (database.$client !== client) throw reachesAnother();
  return database;
}

/**
 * Runs a statement through Drizzle whose result only `client`, an empty database in memory, can return.
 * @throws DatabaseError if it has another result.
 */
export function proveDrizzle(client: Database.Database): void {
  const token = randomInt(1, 2 ** 31);
  client.pragma(`user_version = ${token}`);
  const [found] = databaseOn(client, { logQuery: () => undefined }).all<{ user_version: number }>(
    "PRAGMA user_version",
  );
  if (found?.user_version !== token) throw reachesAnother();
}
