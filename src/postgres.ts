/**
 * `run-blackboard/postgres`: the same blackboard, in a PostgreSQL database, for agents on several machines.
 */
import type { Pool } from "pg";
import { Blackboard } from "./blackboard.ts";
import { Check } from "./input/check.ts";
import { newId } from "./input/new-id.ts";
import {
  type CommonOptions,
  checkPostgresOptions,
  checkPostgresViewOptions,
  type PostgresViewOptions,
  timestamps,
} from "./input/options.ts";
import type { Roles } from "./input/roles.ts";
import { migrations } from "./postgres/embedded.postgres.ts";
import { PostgresEngine } from "./postgres/engine.ts";
import type { PostgresDatabase } from "./postgres/lens.ts";
import { migratePostgres, type PostgresMigrationStatus, requireCurrentPostgres } from "./postgres/migrate.ts";
import { postgresPlace, pruneServer } from "./postgres/place.ts";
import { connectPostgres } from "./postgres/pool.ts";
import {
  listRunsOnServer,
  openPostgresView,
  type PostgresRunListing,
  type PostgresVerification,
  type PostgresView,
  statusOfServer,
  verifyServer,
} from "./postgres/view.ts";
import type { RunPlace } from "./transfer/place.ts";
import { checkRule, type PrunedRun, type PruneRule, ruleNames } from "./transfer/prune-rule.ts";

export type {
  PostgresDatabase,
  PostgresMigrationStatus,
  PostgresRunListing,
  PostgresVerification,
  PostgresView,
  PostgresViewOptions,
};

export interface PostgresOptions<R extends Roles = Roles> extends CommonOptions<R> {
  /**
   * A connection string, or a Pool of your own: closing the blackboard leaves that open, and while the blackboard is open a
   * dying server does not end the process.
   */
  connection: string | Pool;
}

class PostgresBlackboard<R extends Roles> extends Blackboard<"async", R, PostgresDatabase> implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens the blackboard of a run in a PostgreSQL database, 15 or later. Its tables are made or brought up to date in the
 * connection's search_path, whatever the number of processes that open it at once; many runs share them.
 *
 * ```ts
 * const board = await openPostgresBlackboard({ runId: "abc123", connection: "postgresql://app@db/agents" });
 * await board.createRun("Build a webhook ingestion system");
 * ```
 *
 * @throws InvalidInputError; ConnectionError within ten seconds for an unknown database, a wrong password, an unreachable
 * host; MigrationError. Nothing was changed then.
 */
export async function openPostgresBlackboard<R extends Roles = Roles>(
  options: PostgresOptions<R>,
): Promise<Blackboard<"async", R, PostgresDatabase> & AsyncDisposable> {
  const settings = checkPostgresOptions(options);
  const { runId, logger, clock } = settings;
  const connection = connectPostgres(settings.connection);
  try {
    const bring = settings.migrate === "check" ? requireCurrentPostgres : migratePostgres;
    await bring(connection, migrations);
  } catch (error) {
    await connection.close();
    throw error;
  }
  const engine = new PostgresEngine({ connection, runId, logger });
  const now = clock ? timestamps(clock) : () => null;
  return new PostgresBlackboard<R>(engine, {
    runId,
    roles: settings.roles,
    now,
    newId: settings.newId ?? newId,
  });
}

/**
 * A run in a PostgreSQL database, for `exportRun`, `importRun` and `copyRun`. Without a `runId`: to read the only run there is,
 * to write the one that comes, under its own id. Writing brings the tables up to date first; reading never does. Each of the two
 * holds a connection for as long as it lasts: a Pool of your own needs two to copy within itself.
 *
 * ```ts
 * await copyRun(postgresRun({ runId: "abc123", connection }), { root: "archive" });
 * ```
 */
export function postgresRun(options: PostgresViewOptions<Pool>): RunPlace {
  return postgresPlace(checkPostgresViewOptions(options));
}

/**
 * Deletes the runs of a database that are `done` or `failed` and have not been changed for `olderThanMs`, each in one
 * transaction. Gives what became of each run there, in order of their ids.
 * @throws InvalidInputError, ConnectionError, MigrationError.
 */
export async function prunePostgresRuns(options: PruneRule & { connection: string | Pool }): Promise<PrunedRun[]> {
  const check = new Check();
  const given = check.object("options", options, { ...ruleNames, connection: true });
  const rule = checkRule(check, given);
  // Without a connection it is refused for that.
  const place = checkPostgresViewOptions({ connection: given.connection ?? "" });
  return await pruneServer(place.connection, rule);
}

/**
 * Opens a run of a database to look at it, changing nothing; without a `runId`, the only run.
 * @throws ConnectionError; MigrationError `MIGRATION_PENDING` for tables that this version would bring up to date first;
 * NotFoundError for a database without any run; InvalidInputError.
 */
export function viewPostgresBlackboard(options: PostgresViewOptions<Pool>): Promise<PostgresView> {
  return openPostgresView(checkPostgresViewOptions(options));
}

/**
 * Every run of a database with its summary, in order of their ids. Changes nothing.
 * @throws ConnectionError, MigrationError, InvalidInputError.
 */
export async function listPostgresRuns(options: { connection: string | Pool }): Promise<PostgresRunListing[]> {
  return await listRunsOnServer(checkPostgresViewOptions(options));
}

/**
 * How far the tables of a database are. Changes nothing.
 * @throws ConnectionError; MigrationError for tables that it cannot explain; InvalidInputError.
 */
export async function postgresMigrationStatus(options: {
  connection: string | Pool;
}): Promise<PostgresMigrationStatus> {
  return await statusOfServer(checkPostgresViewOptions(options), false);
}

/**
 * Makes the tables, or brings them up to date, all of it or nothing; the status is that after it.
 * @throws ConnectionError, MigrationError, InvalidInputError.
 */
export async function migratePostgresBlackboard(options: {
  connection: string | Pool;
}): Promise<PostgresMigrationStatus> {
  return await statusOfServer(checkPostgresViewOptions(options), true);
}

/**
 * Looks for rows of a database that refer to rows that are not there, and briefs that are their own ancestors. Reads only.
 * @throws ConnectionError, MigrationError, InvalidInputError.
 */
export async function verifyPostgresBlackboard(options: { connection: string | Pool }): Promise<PostgresVerification> {
  return await verifyServer(checkPostgresViewOptions(options));
}
