/**
 * Read-only access to a PostgreSQL database, and its migration status.
 */
import { Blackboard } from "../blackboard.ts";
import type { AnyRoles } from "../input/roles.ts";
import { allRuns, type ListedSummary } from "../operations/overview.ts";
import { reader, theOnlyOne } from "../operations/read-context.ts";
import { listEachRun } from "../operations/run-listings.ts";
import type { Run } from "../operations/runs.ts";
import type { PostgresDatabase } from "./drizzle.ts";
import { migrations } from "./embedded.postgres.ts";
import { PostgresEngine } from "./engine.ts";
import {
  migratePostgres,
  type PostgresMigrationStatus,
  readPostgresStatus,
  requireCurrentPostgres,
} from "./migrate.ts";
import { type Connection, connectPostgres, type Server } from "./pool.ts";

/** A run opened read-only. */
export interface PostgresView extends AsyncDisposable {
  /** The blackboard, for reading. */
  readonly board: Blackboard<"async", AnyRoles, PostgresDatabase>;
  readonly state: "current";
  readonly isLive: true;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A run returned by `listPostgresRuns`, in the format of `listRuns`. */
export interface PostgresRunListing {
  runId: string | null;
  /** The server, database and schema, without credentials. */
  location: string;
  state: "current";
  run: Run | null;
  summary: ListedSummary | null;
  /** The reason that the run's row cannot be read, or null. */
  error: Error | null;
}

export async function openPostgresView({
  runId,
  ...server
}: Server & { runId: string | undefined }): Promise<PostgresView> {
  const connection = await connect(server);
  try {
    const context = { ...reader, runId: runId ?? (await onlyRun(connection)) };
    const board = new Blackboard(engineOf(connection, context.runId), context);
    const close = () => board.close();
    return { board, state: "current", isLive: true, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

export async function listRunsOnServer(server: Server): Promise<PostgresRunListing[]> {
  const connection = await connect(server);
  try {
    const { location } = connection;
    const found = await engineOf(connection, "").run(() => listEachRun(reader));
    return found.map(({ runId, ...rest }) => ({ runId, location, state: "current", ...rest }));
  } finally {
    await connection.close();
  }
}

/** Returns the migration status; with `migrating`, applies pending migrations first. */
export async function statusOfServer(server: Server, migrating: boolean): Promise<PostgresMigrationStatus> {
  const connection = connectPostgres(server);
  try {
    if (migrating) await migratePostgres(connection, migrations);
    return await readPostgresStatus(connection, migrations);
  } finally {
    await connection.close();
  }
}

async function connect(server: Server): Promise<Connection> {
  const connection = connectPostgres(server);
  try {
    await requireCurrentPostgres(connection, migrations);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

const engineOf = (connection: Connection, runId: string) =>
  new PostgresEngine({ connection, runId, logger: undefined });

async function onlyRun(connection: Connection): Promise<string> {
  const rows = await engineOf(connection, "").run(() => allRuns({}));
  return theOnlyOne(
    rows.map(({ runId }) => runId),
    connection.location,
  );
}
