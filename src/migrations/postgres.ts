/**
 * Bringing a PostgreSQL schema up to date when it is opened. Everything, the migrations' own table too, lies in the first
 * schema of the connection's search_path, so that two schemas of one database hold two independent sets.
 */
import { Column, getTableColumns, getTableName, getViewName, getViewSelectedFields, is } from "drizzle-orm";
import { briefs, eventCounters, events, runs, tallies, workstreams } from "../../drizzle/schema.postgres.ts";
import { translated } from "../engines/postgres-errors.ts";
import { type Client, type Connection, checkOut } from "../engines/postgres-pool.ts";
import { BlackboardError, InvalidInputError, MigrationError } from "../errors.ts";
import { messageOf } from "../foreign.ts";
import {
  type AppliedRow,
  compareHistory,
  type History,
  type Migration,
  migrationPending,
  migrationsTable,
} from "./history.ts";
import { refuseForbidden, statementsOf } from "./statements.ts";

interface Relation {
  readonly name: string;
  readonly columns: readonly string[];
}
const ours: readonly Relation[] = [
  ...[runs, workstreams, briefs, events, eventCounters].map((table) =>
    relation(getTableName(table), getTableColumns(table)),
  ),
  relation(getViewName(tallies), getViewSelectedFields(tallies)),
];

function relation(name: string, fields: object): Relation {
  return { name, columns: Object.values(fields).flatMap((field) => (is(field, Column) ? [field.name] : [])) };
}

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
  if (history.pending.length === 0 && lacking(present).length > 0) {
    // Once more, since somebody may have finished migrating between the two: the rows are of then, the columns of before.
    const differences = lacking((await presentColumns(client)) ?? present);
    if (differences.length > 0) throw mismatch(location, differences);
  }
  return history;
}

type Present = ReadonlyMap<string, readonly string[]>;

/**
 * The columns of what has one of our names in the schema that is ours to use, `undefined` where there is no such schema.
 * From the catalogue, which needs no privilege.
 */
async function presentColumns(client: Client): Promise<Present | undefined> {
  const { rows } = await client.query<{ name: string | null; columns: string[] }>(
    `SELECT relname AS name, array_agg(attname::text ORDER BY attnum) FILTER (WHERE attnum > 0) AS columns
     FROM pg_catalog.pg_namespace
       LEFT JOIN pg_catalog.pg_class ON relnamespace = pg_namespace.oid AND relname = ANY ($1)
       LEFT JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
     WHERE nspname = current_schema()
     GROUP BY relname`,
    [[...ours.map(({ name }) => name), migrationsTable]],
  );
  if (rows.length === 0) return undefined;
  return new Map(rows.flatMap(({ name, columns }) => (name === null ? [] : [[name, columns ?? []]])));
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

/** Something of our name, and no record that any migration was ever applied. */
function foreign(relation: Relation, present: Present): string[] {
  const { name, columns } = relation;
  const more = (present.get(name) ?? []).filter((column) => !columns.includes(column));
  return [
    `${name}: has no record of migrations`,
    ...lackingColumns(relation, present),
    ...more.map((column) => `${name}: has column ${column}`),
  ];
}

function lacking(present: Present): string[] {
  return ours.flatMap((relation) => lackingColumns(relation, present));
}

function lackingColumns({ name, columns }: Relation, present: Present): string[] {
  const there = present.get(name);
  if (!there) return [`${name}: is missing`];
  return columns.filter((column) => !there.includes(column)).map((column) => `${name}: lacks column ${column}`);
}

function mismatch(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} has tables of these names that are not this package's: ${differences.slice(0, 5).join("; ")}` +
      `${differences.length > 5 ? `; and ${differences.length - 5} more in \`differences\`` : ""}. ` +
      `Undo the change, or use another schema, by search_path, or another database; nothing was changed.`,
    { differences },
  );
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
  for (const migration of pending) {
    for (const statement of statementsOf(migration, "postgres")) await apply(client, migration, statement, location);
    const record = `INSERT INTO ${migrationsTable} (hash, created_at) VALUES ($1, $2)`;
    await client.query(record, [migration.hash, migration.when]);
  }
}

/** drizzle-kit's table, and that it says everything once. */
const recordOfMigrations = [
  `CREATE TABLE IF NOT EXISTS ${migrationsTable} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`,
  `CREATE UNIQUE INDEX IF NOT EXISTS ${migrationsTable}_once ON ${migrationsTable} (created_at)`,
];

async function apply(client: Client, migration: Migration, statement: string, location: string): Promise<void> {
  try {
    await client.query(statement);
  } catch (cause) {
    throw failed(migration, statement, location, cause);
  }
}

function failed({ tag }: Migration, statement: string, location: string, cause: unknown): unknown {
  const error = translated(cause, location);
  // Not the statement's fault.
  if (error instanceof BlackboardError && error.code !== "DATABASE") return error;
  const reason = messageOf(cause);
  const message = `${tag} failed on ${location} at ${JSON.stringify(statement.slice(0, 60))}: ${reason}. All of it was rolled back.`;
  return new MigrationError("MIGRATION_FAILED", location, message, { migration: tag, statement, cause });
}
