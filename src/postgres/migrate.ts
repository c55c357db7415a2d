/**
 * Migrates a PostgreSQL schema on opening. All tables, including the table of migrations, are in the first schema of the
 * connection's search_path, so two schemas of one database hold two independent sets.
 */

import {
  type AppliedRow,
  compareHistory,
  type History,
  type Migration,
  migrationPending,
  migrationsTable,
} from "../engine/history.ts";
import { refuseForbidden, statementsOf } from "../engine/statements.ts";
import { BlackboardError, InvalidInputError, MigrationError } from "../errors.ts";
import { messageOf } from "../foreign.ts";
import { translated } from "./errors.ts";
import { type Client, type Connection, checkOut } from "./pool.ts";
import { foreign, lacking, lackingObjects, ours, type Present, presentColumns } from "./schema.ts";

export interface PostgresMigrationStatus {
  /** The server and database, without credentials. */
  location: string;
  /** `"empty"`: no migration is applied. */
  state: "empty" | "pending" | "current";
  /** Tags of the applied migrations, oldest first. */
  applied: string[];
  /** Tags of the pending migrations, oldest first. */
  pending: string[];
}

/** First key of the advisory lock: an arbitrary number, different from other programs'. The second key is the schema. */
const advisoryClass = 0x62_6d_69_67;

/**
 * Applies pending migrations in one transaction, exactly once for any number of processes: an advisory lock serializes them.
 * It is transaction-scoped, so it works through poolers. Without pending migrations, takes no lock and writes nothing.
 * @throws MigrationError, ConnectionError. When it throws, nothing was changed.
 */
export async function migratePostgres(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  const { location } = connection;
  await withClient(connection, async (client) => {
    const { pending } = await planOf(client, migrations, location);
    if (pending.length === 0) return;
    refuseForbidden(pending, location, "postgres");
    // Explicit, because a database may have a different default: changes committed while waiting must be visible.
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    try {
      await client.query("SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))", [advisoryClass]);
      await applyAll(client, await planOf(client, migrations, location), location);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  });
}

/** Throws `MIGRATION_PENDING` if migrations are pending. Read-only. */
export async function requireCurrentPostgres(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  const { location } = connection;
  await withClient(connection, async (client) => {
    const { pending } = await planOf(client, migrations, location);
    if (pending.length > 0) throw migrationPending(location, pending);
  });
}

/** Returns which migrations a database has applied and which are pending. Read-only. */
export async function readPostgresStatus(
  connection: Connection,
  migrations: readonly Migration[],
): Promise<PostgresMigrationStatus> {
  const { location } = connection;
  let history: History = { applied: [], pending: migrations };
  await withClient(connection, async (client) => {
    history = await planOf(client, migrations, location);
  });
  const [applied, pending] = [history.applied, history.pending].map((some) => some.map(({ tag }) => tag));
  const state = history.applied.length === 0 ? "empty" : history.pending.length === 0 ? "current" : "pending";
  return { location, state, applied: applied ?? [], pending: pending ?? [] };
}

async function withClient(connection: Connection, work: (client: Client) => Promise<void>): Promise<void> {
  try {
    const client = await checkOut(connection);
    let broken = true;
    try {
      await work(client);
      broken = false;
    } catch (error) {
      broken = !(error instanceof BlackboardError);
      throw error;
    } finally {
      client.release(broken);
    }
  } catch (error) {
    throw translated(error, connection.location);
  }
}

/** Returns the applied and pending migrations. Read-only. Throws for an unexpected schema, before anything is changed. */
async function planOf(client: Client, migrations: readonly Migration[], location: string): Promise<History> {
  const present = await presentColumns(client);
  if (present === undefined) throw await noSchema(client);
  const found = ours.filter(({ name }) => present.has(name));
  const rows = present.has(migrationsTable) ? await readRows(client) : [];
  if (rows.length === 0 && found.length > 0) {
    const differences = found.flatMap((relation) => foreign(relation, present));
    throw mismatch(location, differences);
  }
  const known = rows.some(({ when }) => migrations.some((migration) => migration.when === when));
  if (rows.length > 0 && found.length === 0 && !known) throw foreignMigrationsTable(location);
  const history = compareHistory(rows, migrations, location);
  if (history.pending.length === 0) {
    // If something differs, check again: another process may have finished migrating since the first of these queries.
    const differs = async (columns: Present) => [
      ...lacking(columns),
      ...(await lackingObjects(client, columns, migrations)),
    ];
    if ((await differs(present)).length > 0) {
      const differences = await differs((await presentColumns(client)) ?? present);
      if (differences.length > 0) throw altered(location, differences);
    }
  }
  return history;
}

async function readRows(client: Client): Promise<AppliedRow[]> {
  const { rows } = await client.query<{ hash: string; created_at: string }>(
    `SELECT hash, created_at FROM ${migrationsTable} ORDER BY created_at, id`,
  );
  return rows.map(({ hash, created_at }) => ({ hash, when: Number(created_at) }));
}

async function noSchema(client: Client): Promise<InvalidInputError> {
  const { rows } = await client.query<{ search_path: string }>("SHOW search_path");
  const message =
    `must have a search_path with an existing schema that you may use, got ${JSON.stringify(rows[0]?.search_path)}. ` +
    `Run CREATE SCHEMA first, or use a different schema`;
  return new InvalidInputError([{ path: "connection", message }]);
}

function mismatch(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} has tables with the same names that run-blackboard did not create: ${firstOf(differences)}. ` +
      `Undo the change, or use a different schema (search_path) or database; nothing was changed.`,
    { differences },
  );
}

/** Returns the error for a migrated schema that was changed afterwards. */
function altered(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} differs from the one that its migrations created: ${firstOf(differences)}. ` +
      `Undo the change, or restore a backup; nothing was changed.`,
    { differences },
  );
}

function firstOf(differences: readonly string[]): string {
  const more = differences.length > 5 ? `; and ${differences.length - 5} more in \`differences\`` : "";
  return `${differences.slice(0, 5).join("; ")}${more}`;
}

/** Returns the error for a Drizzle migrations table of another program, which cannot be shared. */
function foreignMigrationsTable(location: string): MigrationError {
  return new MigrationError(
    "NOT_A_BLACKBOARD",
    location,
    `The schema at ${location} contains the ${migrationsTable} table of another program, but not ${ours.map(({ name }) => name).join(", ")}. ` +
      `Use a different schema (search_path) or database; nothing was changed.`,
  );
}

async function applyAll(client: Client, { pending }: History, location: string): Promise<void> {
  const [first] = pending;
  if (!first) return;
  for (const statement of createMigrationsTable) await apply(client, first, statement, location);
  await client.query("SAVEPOINT migrations");
  for (const migration of pending) await applyOne(client, migration, location);
  try {
    // Check deferred constraints, such as users' foreign keys, before COMMIT, which could not report the statement at fault.
    await client.query(checkDeferred);
  } catch (cause) {
    await client.query("ROLLBACK TO SAVEPOINT migrations");
    const { migration, statement } = (await culpritOf(client, pending, location)) ?? {};
    throw failed(migration, statement, location, cause);
  }
}

async function applyOne(
  client: Client,
  migration: Migration,
  location: string,
  after?: (statement: string) => Promise<void>,
): Promise<void> {
  for (const statement of statementsOf(migration, "postgres")) {
    await apply(client, migration, statement, location);
    await after?.(statement);
  }
  const record = `INSERT INTO ${migrationsTable} (hash, created_at) VALUES ($1, $2)`;
  await apply(client, migration, record, location, [migration.hash, migration.when]);
}

const checkDeferred = "SET CONSTRAINTS ALL IMMEDIATE";

interface Culprit {
  readonly migration: Migration;
  readonly statement: string;
}

/** Finds the statement that violated a deferred constraint: applies all statements again and checks after each. */
async function culpritOf(
  client: Client,
  pending: readonly Migration[],
  location: string,
): Promise<Culprit | undefined> {
  let culprit: Culprit | undefined;
  for (const migration of pending) {
    await applyOne(client, migration, location, async (statement) => {
      await client.query("SAVEPOINT tried");
      const broken = await client.query(checkDeferred).then(
        () => false,
        () => true,
      );
      await client.query("ROLLBACK TO SAVEPOINT tried; RELEASE SAVEPOINT tried");
      culprit = broken ? (culprit ?? { migration, statement }) : undefined;
    });
  }
  return culprit;
}

/** drizzle-kit's table, with a unique index so that each migration is recorded once. */
const createMigrationsTable = [
  `CREATE TABLE IF NOT EXISTS ${migrationsTable} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`,
  `CREATE UNIQUE INDEX IF NOT EXISTS ${migrationsTable}_once ON ${migrationsTable} (created_at)`,
];

async function apply(
  client: Client,
  migration: Migration,
  statement: string,
  location: string,
  values?: unknown[],
): Promise<void> {
  try {
    await client.query(statement, values);
  } catch (cause) {
    throw failed(migration, statement, location, cause);
  }
}

function failed(
  migration: Migration | undefined,
  statement: string | undefined,
  location: string,
  cause: unknown,
): unknown {
  const error = translated(cause, location);
  // Not caused by the statement, such as a lost connection.
  if (error instanceof BlackboardError && error.code !== "DATABASE") return error;
  const reason = messageOf(cause);
  const at = statement === undefined ? "" : ` at ${JSON.stringify(statement.slice(0, 60))}`;
  const message = `${migration?.tag ?? "The migrations"} failed on ${location}${at}: ${reason}. All pending migrations were rolled back.`;
  return new MigrationError("MIGRATION_FAILED", location, message, {
    ...(migration && { migration: migration.tag }),
    ...(statement !== undefined && { statement }),
    cause,
  });
}
