/**
 * Bringing a PostgreSQL schema up to date when it is opened. Everything, the migrations' own table too, lies in the first
 * schema of the connection's search_path, so that two schemas of one database hold two independent sets.
 */
import { getTableColumns, getTableName } from "drizzle-orm";
import { briefs, eventCounters, events, runs, workstreams } from "../../drizzle/schema.postgres.ts";
import { translated } from "../engines/postgres-errors.ts";
import type { Client, Connection } from "../engines/postgres-pool.ts";
import { BlackboardError, MigrationError } from "../errors.ts";
import {
  type AppliedRow,
  compareHistory,
  type History,
  type Migration,
  migrationPending,
  migrationsTable,
} from "./history.ts";
import { refuseForbidden, statementsOf } from "./statements.ts";

const ours = [runs, workstreams, briefs, events, eventCounters];

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
    await client.query("BEGIN");
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

async function withClient(connection: Connection, work: (client: Client) => Promise<void>): Promise<void> {
  try {
    const client = await connection.pool.connect();
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

/** What is to be done, by reading in one statement: others may be migrating. */
async function planOf(client: Client, migrations: readonly Migration[], location: string): Promise<History> {
  const present = await presentColumns(client);
  const tables = ours.map((table) => getTableName(table)).filter((name) => present.has(name));
  const rows = present.has(migrationsTable) ? await readRows(client) : [];
  if (rows.length === 0 && tables.length > 0) throw foreign(location, present);
  return compareHistory(rows, migrations, location);
}

/** The columns of each table in the schema that is ours to use; read from the catalogue, which needs no privilege. */
async function presentColumns(client: Client): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `SELECT relname AS table, array_agg(attname::text ORDER BY attnum) AS columns
     FROM pg_catalog.pg_class JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid
     WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())
       AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped AND relname = ANY ($1)
     GROUP BY relname`,
    [[...ours.map((table) => getTableName(table)), migrationsTable]],
  );
  return new Map(rows.map(({ table, columns }) => [table, columns]));
}

async function readRows(client: Client): Promise<AppliedRow[]> {
  const { rows } = await client.query<{ hash: string; created_at: string }>(
    `SELECT hash, created_at FROM ${migrationsTable} ORDER BY created_at, id`,
  );
  return rows.map(({ hash, created_at }) => ({ hash, when: Number(created_at) }));
}

/** Tables of our names, and no record that any migration was ever applied. */
function foreign(location: string, present: ReadonlyMap<string, readonly string[]>): MigrationError {
  const found = ours.flatMap((table) => {
    const name = getTableName(table);
    const columns = present.get(name);
    if (!columns) return [];
    const expected = Object.values(getTableColumns(table)).map((column) => column.name);
    return [
      `${name}: has no record of migrations`,
      ...expected.filter((column) => !columns.includes(column)).map((column) => `${name}: lacks column ${column}`),
      ...columns.filter((column) => !expected.includes(column)).map((column) => `${name}: has column ${column}`),
    ];
  });
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} has tables of these names that are not this package's: ${found.slice(0, 5).join("; ")}. ` +
      `Use another schema, by search_path, or another database; nothing was changed.`,
    { differences: found },
  );
}

async function applyAll(client: Client, { pending }: History, location: string): Promise<void> {
  if (pending.length === 0) return;
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${migrationsTable} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`,
  );
  await client.query(`CREATE UNIQUE INDEX IF NOT EXISTS ${migrationsTable}_once ON ${migrationsTable} (created_at)`);
  for (const migration of pending) {
    for (const statement of statementsOf(migration, "postgres")) {
      try {
        await client.query(statement);
      } catch (error) {
        throw failed(migration, statement, location, error);
      }
    }
    const record = `INSERT INTO ${migrationsTable} (hash, created_at) VALUES ($1, $2)`;
    await client.query(record, [migration.hash, migration.when]);
  }
}

function failed({ tag }: Migration, statement: string, location: string, cause: unknown): unknown {
  const error = translated(cause, location);
  // Not the statement's fault.
  if (error instanceof BlackboardError && error.code !== "DATABASE") return error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `${tag} failed on ${location} at ${JSON.stringify(statement.slice(0, 60))}: ${reason}. All of it was rolled back.`;
  return new MigrationError("MIGRATION_FAILED", location, message, { migration: tag, statement, cause });
}
