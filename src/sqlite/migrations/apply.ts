/**
 * Migrates a file when it is opened. Uses drizzle-kit's folder and table, but not Drizzle's `migrate()`, which reads before it
 * locks: eight concurrent processes applied one migration eight times.
 *
 * Applies all pending migrations in one IMMEDIATE transaction, after reading the state again under its lock. With nothing pending,
 * takes no write lock and writes nothing.
 */
import type Database from "better-sqlite3";
import { type Migration, migrationPending, migrationsTable } from "../../engine/history.ts";
import { refuseForbidden, statementsOf } from "../../engine/statements.ts";
import { FileError, MigrationError } from "../../errors.ts";
import { messageOf } from "../../foreign.ts";
import { isBusy, translated } from "../errors.ts";
import { waiting } from "../waiting.ts";
import { type Culprit, findCulprit } from "./culprit.ts";
import { keyOf } from "./expected-schema.ts";
import { type Plan, planOf } from "./plan.ts";
import { brokenReferences, readObjects, type SchemaObject } from "./schema.ts";

export interface Migrating {
  readonly location: string;
  /** How long to wait for other processes, in milliseconds; does not limit the migrations themselves. */
  readonly migrateTimeoutMs: number;
  /** Called once, if migrations are pending, when the write lock is held and nothing has been changed yet. */
  readonly beforeChange?: () => void;
}

/**
 * Applies pending migrations, exactly once however many processes open the file concurrently.
 * @throws MigrationError; BusyError after `migrateTimeoutMs`; FileError. Nothing is changed then.
 */
export function migrate(
  client: Database.Database,
  migrations: readonly Migration[],
  { location, migrateTimeoutMs, beforeChange }: Migrating,
): void {
  const deadline = performance.now() + migrateTimeoutMs;
  const patiently = <T>(work: () => T) => waiting(work, isBusy, deadline - performance.now(), location);
  try {
    const plan = patiently(() => planOf(client, migrations, location));
    refuseForbidden(plan.pending, location);
    // Only once the file is known to be a blackboard, because switching to WAL writes to it.
    patiently(() => switchToWal(client, location));
    if (plan.pending.length === 0) return;
    // No effect inside a transaction. With keys on, rebuilding a referenced table would delete the rows that refer to it.
    client.pragma("foreign_keys = OFF");
    try {
      patiently(() => client.exec("BEGIN IMMEDIATE"));
      const locked = planOf(client, migrations, location);
      if (locked.pending.length === 0) return;
      beforeChange?.();
      applyAll(client, locked, location);
      client.exec("COMMIT");
    } finally {
      if (client.inTransaction) client.exec("ROLLBACK");
      client.pragma("foreign_keys = ON");
    }
  } catch (error) {
    throw translated(error, location);
  }
}

/**
 * Requires a file with the current schema, without writing to it.
 * @throws MigrationError `MIGRATION_PENDING` otherwise.
 */
export function requireCurrent(
  client: Database.Database,
  migrations: readonly Migration[],
  migrating: Migrating,
): void {
  const { location, migrateTimeoutMs } = migrating;
  try {
    const plan = waiting(() => planOf(client, migrations, location), isBusy, migrateTimeoutMs, location);
    if (plan.pending.length > 0) throw migrationPending(location, plan.pending);
  } catch (error) {
    throw translated(error, location);
  }
}

/** SQLite returns BUSY for this pragma without calling the busy handler. */
function switchToWal(client: Database.Database, location: string): void {
  const present = client.pragma("journal_mode", { simple: true });
  if (present === "wal" || present === "memory") return;
  const mode = client.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") {
    const message = `${location} is on a file system without shared memory: SQLite kept journal mode ${mode} instead of WAL. Move the file to a local disk.`;
    throw new FileError("CANNOT_OPEN", location, message);
  }
  // The first read creates -wal and -shm, which `PathCheck` then records.
  client.prepare("SELECT 1 FROM sqlite_schema").get();
}

function applyAll(client: Database.Database, plan: Plan, location: string): void {
  const work: Work = { client, plan, location };
  const brokenBefore = brokenReferences(client);
  const dangling = () => [...brokenReferences(client)].filter(([key, count]) => count > (brokenBefore.get(key) ?? 0));
  // Allows a rollback to find the faulty migration. It costs 5 to 8 % in a rebuild of 100 MB.
  client.exec("SAVEPOINT migrations");
  begin(work);
  for (const migration of plan.pending) apply(work, migration);
  const misfit = restore(work);
  if (misfit) throw noLongerFits(work, misfit);
  const broken = dangling();
  if (broken.length === 0) return;
  const keys = broken.map(([key]) => key);
  throw leavesDangling(work, broken, () => dangling().some(([key]) => keys.includes(key)));
}

interface Work {
  readonly client: Database.Database;
  readonly plan: Plan;
  readonly location: string;
}

function begin({ client, plan, location }: Work): void {
  // A rebuild renames a table, which fails if a view or a trigger, also of another table, refers to it.
  for (const { type, name } of plan.added.filter(isDetached).toReversed())
    client.exec(`DROP ${type} IF EXISTS ${quoted(name)}`);
  const [first] = plan.pending;
  if (first) attempt(() => createMigrationsTable(client), first, record, location);
}

const isDetached = ({ type }: SchemaObject) => type === "trigger" || type === "view";

function apply({ client, plan, location }: Work, migration: Migration, after?: (statement: string) => void): void {
  // The existing tables of an adopted file match the first migration, which creates the missing ones.
  const adopting = plan.state === "reference" && migration === plan.pending[0];
  for (const statement of statementsOf(migration)) {
    const text = adopting ? statement.replace(/^CREATE TABLE /, "CREATE TABLE IF NOT EXISTS ") : statement;
    attempt(() => execute(client, text), migration, text, location);
    after?.(statement);
  }
  const text = `INSERT INTO ${migrationsTable} ("hash", "created_at") VALUES (?, ?)`;
  attempt(() => client.prepare(text).run(migration.hash, migration.when), migration, text, location);
}

/** drizzle-kit's definition. The unique index makes its `migrate`, which takes no lock, fail instead of applying twice. */
const record = `CREATE TABLE IF NOT EXISTS ${migrationsTable} (
				id SERIAL PRIMARY KEY,
				hash text NOT NULL,
				created_at numeric
			)`;

function createMigrationsTable(client: Database.Database): void {
  client.exec(record);
  const twice = client.prepare(`SELECT 1 FROM ${migrationsTable} GROUP BY created_at HAVING count(*) > 1`).get();
  if (!twice)
    client.exec(`CREATE UNIQUE INDEX IF NOT EXISTS ${migrationsTable}_once ON ${migrationsTable} (created_at)`);
}

/** A user-defined object that cannot be recreated. */
interface Misfit {
  readonly object: SchemaObject;
  readonly cause: unknown;
}

/**
 * Recreates user-defined objects: indexes dropped with a rebuilt table, and the triggers and views that `begin` dropped. Returns
 * the first that cannot be recreated.
 */
function restore({ client, plan, location }: Work): Misfit | undefined {
  const present = new Map(readObjects(client).map((object) => [keyOf(object), object.sql]));
  for (const object of plan.added) {
    const { type, sql } = object;
    if (sql === null || type === "table") continue;
    const made = present.get(keyOf(object));
    // If a migration created a trigger or a view with the same name, recreating the user's fails and reports the conflict.
    if (made === sql || (made !== undefined && !isDetached(object))) continue;
    try {
      execute(client, sql);
    } catch (error) {
      const translation = translated(error, location);
      if (translation instanceof FileError) throw translation;
      return { object, cause: error };
    }
  }
  return undefined;
}

function noLongerFits(work: Work, { object, cause }: Misfit): MigrationError {
  const key = keyOf(object);
  const culprit = culpritOf(work, () => {
    const again = tried(work, () => restore(work));
    return again !== undefined && keyOf(again.object) === key;
  });
  const message =
    `The user-defined ${object.type} ${JSON.stringify(object.name)} in ${work.location} is incompatible with the schema after ` +
    `${culprit?.migration.tag ?? "the migrations"}: ${messageOf(cause)}. Change or drop it, then open the file again. Nothing was changed.`;
  return failed(work.location, message, culprit, cause);
}

function leavesDangling(
  work: Work,
  broken: readonly (readonly [string, number])[],
  isDangling: () => boolean,
): MigrationError {
  const culprit = culpritOf(work, () =>
    tried(work, () => {
      // A user-defined foreign key may need a user-defined index.
      restore(work);
      return isDangling();
    }),
  );
  const message =
    `${culprit?.migration.tag ?? "The migrations"} would leave dangling references in ${work.location}: ` +
    `${broken.map(([key, count]) => `${key} (${count})`).join(", ")}. Nothing was changed.`;
  return failed(work.location, message, culprit);
}

function culpritOf(work: Work, isFaulty: () => boolean): Culprit | undefined {
  const { client, plan } = work;
  const rewind = () => {
    client.exec("ROLLBACK TO migrations");
    begin(work);
  };
  try {
    return findCulprit({ pending: plan.pending, rewind, apply: (...args) => apply(work, ...args), isFaulty });
  } catch {
    // Such as a full disk: the original failure is more useful than this one.
    return undefined;
  }
}

/** Returns the result of `work` and rolls back its changes. */
function tried<T>({ client }: Work, work: () => T): T {
  client.exec("SAVEPOINT tried");
  try {
    return work();
  } finally {
    client.exec("ROLLBACK TO tried; RELEASE tried");
  }
}

function failed(location: string, message: string, culprit: Culprit | undefined, cause?: unknown): MigrationError {
  const { migration, statement } = culprit ?? {};
  return new MigrationError("MIGRATION_FAILED", location, message, {
    ...(migration && { migration: migration.tag }),
    ...(statement !== undefined && { statement }),
    cause,
  });
}

function attempt(work: () => void, migration: Migration, statement: string, location: string): void {
  try {
    work();
  } catch (error) {
    const cause = translated(error, location);
    // The statement is not at fault: the disk is full, or the file is corrupt.
    if (cause instanceof FileError) throw cause;
    const message =
      `${migration.tag} failed on ${location} at ${JSON.stringify(statement.slice(0, 60))}: ${messageOf(error)}. ` +
      `All pending migrations were rolled back; the file is unchanged.`;
    throw new MigrationError("MIGRATION_FAILED", location, message, {
      migration: migration.tag,
      statement,
      cause: error,
    });
  }
}

function execute(client: Database.Database, statement: string): void {
  const prepared = client.prepare(statement);
  if (prepared.reader) prepared.all();
  else prepared.run();
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
