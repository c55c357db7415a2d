/**
 * `run-blackboard/postgres`: the same blackboard in a PostgreSQL database, for agents on several machines.
 */
import type { Pool } from "pg";
import { Blackboard } from "./blackboard.ts";
import { Check } from "./input/check.ts";
import { newId } from "./input/new-id.ts";
import { type CommonOptions, timestamps } from "./input/options.ts";
import type { Roles } from "./input/roles.ts";
import {
  checkGrantOptions,
  checkPostgresOptions,
  checkPostgresViewOptions,
  checkServerOptions,
  type GrantOptions as PostgresGrantOptions,
  type PostgresViewOptions,
  type ServerOptions,
  serverNames,
} from "./input/server-options.ts";
import type { PostgresDatabase } from "./postgres/drizzle.ts";
import { migrations } from "./postgres/embedded.postgres.ts";
import { PostgresEngine } from "./postgres/engine.ts";
import { grantsScript } from "./postgres/grants.ts";
import { migratePostgres, type PostgresMigrationStatus, requireCurrentPostgres } from "./postgres/migrate.ts";
import { postgresPlace, pruneServer } from "./postgres/place.ts";
import { connectPostgres } from "./postgres/pool.ts";
import { type PostgresVerification, verifyServer } from "./postgres/repair.ts";
import {
  listRunsOnServer,
  openPostgresView,
  type PostgresRunListing,
  type PostgresView,
  statusOfServer,
} from "./postgres/view.ts";
import type { RunPlace } from "./transfer/place.ts";
import { checkRule, type PrunedRun, type PruneRule, ruleNames } from "./transfer/prune-rule.ts";

// The same functions as of `run-blackboard`, whose entry needs better-sqlite3.
export {
  explainFailures,
  explainWaiting,
  getTreeOutline,
  groupFailures,
  listBriefOutlines,
  readBriefs,
  readDependencies,
  readEvents,
  releaseBrief,
  reportRun,
  summarizeRun,
} from "./inspect.ts";
export { copyRun, exportRun, type ImportOptions, importRun } from "./transfer/move.ts";
export type {
  PostgresDatabase,
  PostgresGrantOptions,
  PostgresMigrationStatus,
  PostgresRunListing,
  PostgresVerification,
  PostgresView,
  PostgresViewOptions,
  ServerOptions,
};

/** A connection string or a Pool, and the schema. */
export type PostgresServer = ServerOptions<Pool>;

/**
 * `connection` is a connection string, or your own Pool. Blackboards with an equal connection string share a pool, which ends with
 * the last of them. Closing the blackboard does not end your Pool. While the blackboard is open, losing the server does not
 * terminate the process.
 */
export interface PostgresOptions<R extends Roles = Roles> extends CommonOptions<R>, PostgresServer {}

class PostgresBlackboard<R extends Roles> extends Blackboard<"async", R, PostgresDatabase> implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens the blackboard of a run in a PostgreSQL database, version 15 or later, with the encoding UTF8. Creates or migrates the
 * schema and its tables, however many processes open it concurrently. All runs of a schema share the tables.
 *
 * ```ts
 * const board = await openPostgresBlackboard({ runId: "abc123", connection: "postgresql://app@db/agents" });
 * await board.createRun("Build a webhook ingestion system");
 * ```
 *
 * @throws InvalidInputError; ConnectionError, within ten seconds, for an unknown database, a wrong password or an unreachable
 * host; MigrationError. When it throws, nothing was changed.
 */
export async function openPostgresBlackboard<R extends Roles = Roles>(
  options: PostgresOptions<R>,
): Promise<Blackboard<"async", R, PostgresDatabase> & AsyncDisposable> {
  const settings = checkPostgresOptions(options);
  const { runId, logger, clock } = settings;
  const connection = connectPostgres(settings);
  try {
    const migrate = settings.migrate === "check" ? requireCurrentPostgres : migratePostgres;
    await migrate(connection, migrations);
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
 * Returns a run of a PostgreSQL database as the source or destination of `exportRun`, `importRun` and `copyRun`. Without a
 * `runId`, reading uses the only run of the database, and writing keeps the run's id. Writing applies pending migrations
 * first; reading never does. Reading and writing each hold one connection: copying within your own Pool needs two, and a pool of one is
 * refused.
 *
 * ```ts
 * await copyRun(postgresRun({ runId: "abc123", connection }), { root: "archive" });
 * ```
 */
export function postgresRun(options: PostgresViewOptions<Pool>): RunPlace {
  return postgresPlace(checkPostgresViewOptions(options));
}

/**
 * Deletes the runs of a database that are `done` or `failed` and were not modified within `olderThanMs`, each in one
 * transaction. Returns the outcome for every run of the database, ordered by id.
 * @throws InvalidInputError, ConnectionError, MigrationError.
 */
export async function prunePostgresRuns(options: PruneRule & PostgresServer): Promise<PrunedRun[]> {
  const check = new Check();
  const given = check.object("options", options, { ...ruleNames, ...serverNames });
  const rule = checkRule(check, given);
  return await pruneServer(checkServerOptions(given), rule);
}

/**
 * Opens a run of a database read-only; without a `runId`, its only run.
 * @throws ConnectionError; MigrationError, `MIGRATION_PENDING` if migrations are pending; NotFoundError for a database without
 * a run; InvalidInputError.
 */
export function viewPostgresBlackboard(options: PostgresViewOptions<Pool>): Promise<PostgresView> {
  return openPostgresView(checkPostgresViewOptions(options));
}

/**
 * Returns every run of a database with its summary, ordered by id. Read-only.
 * @throws ConnectionError, MigrationError, InvalidInputError.
 */
export async function listPostgresRuns(options: PostgresServer): Promise<PostgresRunListing[]> {
  return await listRunsOnServer(checkPostgresViewOptions(options));
}

/**
 * Returns which migrations a database has applied and which are pending. Read-only.
 * @throws ConnectionError; MigrationError for tables with an unexpected schema; InvalidInputError.
 */
export async function postgresMigrationStatus(options: PostgresServer): Promise<PostgresMigrationStatus> {
  return await statusOfServer(checkPostgresViewOptions(options), false);
}

/**
 * Creates the tables or applies pending migrations, in one transaction. Returns the status afterwards.
 * @throws ConnectionError, MigrationError, InvalidInputError.
 */
export async function migratePostgresBlackboard(options: PostgresServer): Promise<PostgresMigrationStatus> {
  return await statusOfServer(checkPostgresViewOptions(options), true);
}

/**
 * Returns the SQL that grants an application role what it needs in a schema that its owner has migrated: to do everything except
 * migrating and, without `prune`, deleting runs. The owner runs it, and again after migrating to a newer version.
 *
 * ```ts
 * await owner.query(postgresGrants({ role: "app" }));
 * ```
 *
 * @throws InvalidInputError.
 */
export function postgresGrants(options: PostgresGrantOptions): string {
  return grantsScript(checkGrantOptions(options));
}

/**
 * Checks a database for dangling references, for briefs that are their own ancestors or come after themselves, and for stored
 * counts that differ from the rows. Read-only. With `repair`, recomputes wrong counts in all runs, in one transaction that other
 * writers wait for; `repaired` lists the repaired problems, `problems` the remaining ones.
 * @throws ConnectionError, MigrationError, InvalidInputError.
 */
export async function verifyPostgresBlackboard(
  options: PostgresServer & { repair?: boolean | undefined },
): Promise<PostgresVerification> {
  const check = new Check();
  const given = check.object("options", options, { ...serverNames, repair: true });
  const repair = given.repair !== undefined && check.boolean("repair", given.repair);
  check.done();
  return await verifyServer(checkServerOptions(given), repair);
}
