/**
 * Bringing a PostgreSQL schema up to date when it is opened. Everything, the migrations' own table too, lies in the first
 * schema of the connection's search_path, so that two schemas of one database hold two independent sets.
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
  /** empty: none of the tables. */
  state: "empty" | "pending" | "current";
  /** Tags, oldest first. */
  applied: string[];
  pending: string[];
}

/** Any two numbers, as long as nobody else's advisory locks have them; the second one is the schema. */
const advisoryClass = 0x62_6d_69_67;

/**
 * Applies what is pending in one transaction, exactly once whatever the number of processes: they wait for each other's
 * advisory lock, which ends with the transaction, so it holds through poolers too. Nothing pending: no lock, no write.
 * @throws MigrationError, ConnectionError. Nothing was changed then.
 */
export async function migratePostgres(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  const { location } = connection;
  await withClient(connection, async (client) => {
    const { pending } = await planOf(client, migrations, location);
    if (pending.length === 0) return;
    refuseForbidden(pending, location, "postgres");
    // Said, since a database may have another default: what others did while this one waited must be seen.
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

/** Only for a schema that is current; `MIGRATION_PENDING` otherwise. Reads only. */
export async function requireCurrentPostgres(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  const { location } = connection;
  await withClient(connection, async (client) => {
    const { pending } = await planOf(client, migrations, location);
    if (pending.length > 0) throw migrationPending(location, pending);
  });
}

/** How far a database is. Reads only. */
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

/** What is to be done, by reading alone. A schema that this version cannot explain is an error, before anything is touched. */
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
  if (rows.length > 0 && found.length === 0 && !known) throw anothersRecord(location);
  const history = compareHistory(rows, migrations, location);
  if (history.pending.length === 0) {
    // When something differs, once more: another process may have finished migrating since the first of these queries.
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
    `must have a search_path with a schema that exists and may be used, got ${JSON.stringify(rows[0]?.search_path)}. ` +
    `CREATE SCHEMA first, or name another`;
  return new InvalidInputError([{ path: "connection", message }]);
}

function mismatch(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} has tables of these names that are not this package's: ${firstOf(differences)}. ` +
      `Undo the change, or use another schema, by search_path, or another database; nothing was changed.`,
    { differences },
  );
}

/** For a schema of ours that was changed since. */
function altered(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} is not the one that its migrations made: ${firstOf(differences)}. ` +
      `Undo the change, or restore a backup; nothing was changed.`,
    { differences },
  );
}

function firstOf(differences: readonly string[]): string {
  const more = differences.length > 5 ? `; and ${differences.length - 5} more in \`differences\`` : "";
  return `${differences.slice(0, 5).join("; ")}${more}`;
}

/** Drizzle's own table is there for another program's migrations, and would have to serve two. */
function anothersRecord(location: string): MigrationError {
  return new MigrationError(
    "NOT_A_BLACKBOARD",
    location,
    `The schema at ${location} has a ${migrationsTable} of another program and none of ${ours.map(({ name }) => name).join(", ")}. ` +
      `Use another schema, by search_path, or another database; nothing was changed.`,
  );
}

async function applyAll(client: Client, { pending }: History, location: string): Promise<void> {
  const [first] = pending;
  if (!first) return;
  for (const statement of recordOfMigrations) await apply(client, first, statement, location);
  await client.query("SAVEPOINT migrations");
  for (const migration of pending) await applyOne(client, migration, location);
  try {
    // What the COMMIT would check, such as users' deferred keys: there it could not be found out whose fault it is.
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

/** The statement since which a deferred constraint is broken: all are applied again, with a check after each. */
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

/** drizzle-kit's table, and that it says everything once. */
const recordOfMigrations = [
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
  // Not the statement's fault.
  if (error instanceof BlackboardError && error.code !== "DATABASE") return error;
  const reason = messageOf(cause);
  const at = statement === undefined ? "" : ` at ${JSON.stringify(statement.slice(0, 60))}`;
  const message = `${migration?.tag ?? "The migrations"} failed on ${location}${at}: ${reason}. All of it was rolled back.`;
  return new MigrationError("MIGRATION_FAILED", location, message, {
    ...(migration && { migration: migration.tag }),
    ...(statement !== undefined && { statement }),
    cause,
  });
}
