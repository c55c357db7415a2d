/**
 * Migrates a PostgreSQL schema on opening, and creates it if it is missing. All tables, including the table of migrations, are in
 * it, so two schemas of one database hold two independent sets.
 */

import { type AppliedRow, type History, type Migration, migrationPending, migrationsTable } from "../engine/history.ts";
import { refuseForbidden, statementsOf } from "../engine/statements.ts";
import { BlackboardError, MigrationError } from "../errors.ts";
import { messageOf } from "../foreign.ts";
import { translated } from "./errors.ts";
import { begin, isTurnOver } from "./limits.ts";
import { identifier, inSchema } from "./names.ts";
import { type Client, type Connection, checkOut } from "./pool.ts";
import { altered, foreignMigrationsTable, historyOf, mayNotCreate, mayNotRead, mismatch, notUtf8 } from "./refusals.ts";
import { type Found, foreign, lacking, lackingObjects, ours, type Present, readCatalogue } from "./schema.ts";
import { ask } from "./text-types.ts";

export interface PostgresMigrationStatus {
  /** The server, database and schema, without credentials. */
  location: string;
  /** `"empty"`: no migration is applied, or the schema does not exist. */
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
    const { pending } = await planOf(client, connection, migrations);
    if (pending.length === 0) return;
    refuseForbidden(pending, location, "postgres");
    for (;;) {
      // Changes committed while waiting must be visible.
      await begin(client, connection, "READ COMMITTED");
      try {
        if (await takeTurn(client, connection)) {
          await applyAll(client, await planOf(client, connection, migrations), connection);
          await ask(client, "COMMIT");
          return;
        }
        await ask(client, "ROLLBACK");
      } catch (error) {
        await client.query("ROLLBACK").catch(() => undefined);
        throw error;
      }
    }
  });
}

/** Waits for other processes that migrate the schema, however long they take. Returns false if it has to begin again. */
async function takeTurn(client: Client, connection: Connection): Promise<boolean> {
  const values = [advisoryClass, connection.schema];
  try {
    await ask(client, "SELECT pg_catalog.pg_advisory_xact_lock($1, pg_catalog.hashtext($2))", values);
    return true;
  } catch (error) {
    if (isTurnOver(error, connection)) return false;
    throw error;
  }
}

/** Throws `MIGRATION_PENDING` if migrations are pending. Read-only. */
export async function requireCurrentPostgres(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  await withClient(connection, async (client) => {
    const { pending } = await planOf(client, connection, migrations);
    if (pending.length > 0) throw migrationPending(connection.location, pending);
  });
}

/** Returns which migrations a schema has applied and which are pending. Read-only. */
export async function readPostgresStatus(
  connection: Connection,
  migrations: readonly Migration[],
): Promise<PostgresMigrationStatus> {
  let history: History = { applied: [], pending: migrations };
  await withClient(connection, async (client) => {
    history = await planOf(client, connection, migrations);
  });
  const [applied, pending] = [history.applied, history.pending].map((some) => some.map(({ tag }) => tag));
  const state = history.applied.length === 0 ? "empty" : history.pending.length === 0 ? "current" : "pending";
  return { location: connection.location, state, applied: applied ?? [], pending: pending ?? [] };
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

interface Plan extends History {
  readonly found: Found;
}

/** Returns the applied and pending migrations. Read-only. Throws for an unexpected schema, before anything is changed. */
async function planOf(client: Client, connection: Connection, migrations: readonly Migration[]): Promise<Plan> {
  const { location, schema } = connection;
  const found = await readCatalogue(client, schema);
  connection.isStricter = found.isolation !== "read committed";
  connection.limits = found.limits;
  const wrong = found.encodings.find((encoding) => encoding !== "UTF8");
  if (wrong !== undefined) throw notUtf8(wrong, found);
  if (found.usable === false || found.readable === false) throw mayNotRead(location, schema, found);
  const { present } = found;
  const known = ours.filter(({ name }) => present.has(name));
  const rows = present.has(migrationsTable) ? await readRows(client, schema) : [];
  if (rows.length === 0 && known.length > 0) {
    const differences = known.flatMap((relation) => foreign(relation, present));
    throw mismatch(location, differences);
  }
  const hasOurs = rows.some(({ when }) => migrations.some((migration) => migration.when === when));
  if (rows.length > 0 && known.length === 0 && !hasOurs) throw foreignMigrationsTable(location);
  const history = historyOf(rows, migrations, location);
  if (history.pending.length === 0) {
    // If something differs, check again: another process may have finished migrating since the first of these queries.
    const differs = async (columns: Present) => [
      ...lacking(columns),
      ...(await lackingObjects(client, schema, columns, migrations)),
    ];
    if ((await differs(present)).length > 0) {
      const differences = await differs((await readCatalogue(client, schema)).present);
      if (differences.length > 0) throw altered(location, differences);
    }
  }
  return { ...history, found };
}

async function readRows(client: Client, schema: string): Promise<AppliedRow[]> {
  const { rows } = await ask<{ hash: string; created_at: number }>(
    client,
    `SELECT hash, created_at FROM ${tableIn(schema)} ORDER BY created_at, id`,
  );
  return rows.map(({ hash, created_at }) => ({ hash, when: Number(created_at) }));
}

function tableIn(schema: string): string {
  return `${identifier(schema)}.${migrationsTable}`;
}

async function applyAll(client: Client, { pending, found }: Plan, connection: Connection): Promise<void> {
  const [first] = pending;
  if (!first) return;
  await createIfMissing(client, found, connection);
  await ask(client, "SAVEPOINT migrations");
  for (const migration of pending) await applyOne(client, migration, connection);
  try {
    // Check deferred constraints, such as users' foreign keys, before COMMIT, which could not report the statement at fault.
    await ask(client, checkDeferred);
  } catch (cause) {
    await ask(client, "ROLLBACK TO SAVEPOINT migrations");
    const { migration, statement } = (await culpritOf(client, pending, connection)) ?? {};
    throw failed(migration, statement, connection.location, cause);
  }
}

/** Creates the schema and drizzle-kit's table, with a unique index so that each migration is recorded once. */
async function createIfMissing(client: Client, found: Found, { location, schema }: Connection): Promise<void> {
  try {
    // Not IF NOT EXISTS, for which the role would need CREATE on the database even if the schema exists.
    if (!found.exists) await ask(client, `CREATE SCHEMA ${identifier(schema)}`);
    await ask(
      client,
      `CREATE TABLE IF NOT EXISTS ${tableIn(schema)} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`,
    );
    await ask(client, `CREATE UNIQUE INDEX IF NOT EXISTS ${migrationsTable}_once ON ${tableIn(schema)} (created_at)`);
  } catch (cause) {
    throw mayNotCreate(cause, location, schema, found) ?? cause;
  }
}

async function applyOne(
  client: Client,
  migration: Migration,
  { location, schema }: Connection,
  after?: (statement: string) => Promise<void>,
): Promise<void> {
  for (const written of statementsOf(migration, "postgres")) {
    const statement = inSchema(written, schema);
    await apply(client, migration, statement, location);
    await after?.(statement);
  }
  const record = `INSERT INTO ${tableIn(schema)} (hash, created_at) VALUES ($1, $2)`;
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
  connection: Connection,
): Promise<Culprit | undefined> {
  let culprit: Culprit | undefined;
  for (const migration of pending) {
    await applyOne(client, migration, connection, async (statement) => {
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

async function apply(
  client: Client,
  migration: Migration,
  statement: string,
  location: string,
  values?: unknown[],
): Promise<void> {
  try {
    await ask(client, statement, values);
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
