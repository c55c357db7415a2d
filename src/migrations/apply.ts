/**
 * Bringing a file up to date when it is opened, over drizzle-kit's folder and table but not through Drizzle's `migrate()`,
 * which reads before it locks: eight processes at once applied one migration eight times.
 *
 * Everything that is pending lands in one IMMEDIATE transaction, planned again under its lock. Nothing pending: no lock, no
 * write.
 */
import type Database from "better-sqlite3";
import { isBusy, translated } from "../engines/sqlite-errors.ts";
import { openIfHot } from "../engines/sqlite-reader.ts";
import { waiting } from "../engines/waiting.ts";
import { FileError, MigrationError } from "../errors.ts";
import { messageOf } from "../foreign.ts";
import { type Migration, migrationPending, migrationsTable } from "./history.ts";
import { type Plan, planOf } from "./plan.ts";
import { brokenReferences, readObjects } from "./sqlite-schema.ts";
import { refuseForbidden, statementsOf } from "./statements.ts";

export interface Migrating {
  readonly location: string;
  /** How long to wait for others, in milliseconds; one's own migrations take as long as they take. */
  readonly migrateTimeoutMs: number;
  /** Called once, if anything is pending, when nobody else can write any more and nothing has been changed yet. */
  readonly beforeChange?: () => void;
}

/**
 * Applies what is pending, exactly once whatever the number of processes.
 * @throws MigrationError; BusyError after `migrateTimeoutMs`; FileError. Nothing was changed then.
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
    // Not before the file is known to be ours: it would be written to.
    patiently(() => switchToWal(client, location));
    if (plan.pending.length === 0) return;
    // Without effect inside a transaction, where a rebuild with a referenced table would delete what refers to it.
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
 * Refuses a file that is not ours before it is opened for writing, where opening alone would change it.
 * @throws MigrationError.
 */
export function refuseHot(location: string, migrations: readonly Migration[]): void {
  try {
    const snapshot = openIfHot(location);
    if (!snapshot) return;
    try {
      planOf(snapshot, migrations, location);
    } finally {
      snapshot.close();
    }
  } catch (error) {
    throw translated(error, location);
  }
}

/** Only for a file whose schema is current; `MIGRATION_PENDING` otherwise. Reads only. */
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

/** SQLite answers BUSY here without asking a busy handler. */
function switchToWal(client: Database.Database, location: string): void {
  const present = client.pragma("journal_mode", { simple: true });
  if (present === "wal" || present === "memory") return;
  const mode = client.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") {
    const message = `${location} lies on a file system without shared memory, so SQLite keeps journal mode ${mode}. Put it on a local disk.`;
    throw new FileError("CANNOT_OPEN", location, message);
  }
}

function applyAll(client: Database.Database, plan: Plan, location: string): void {
  const brokenBefore = brokenReferences(client);
  // A rebuild renames a table, which fails on views and triggers that name it, also on those of other tables.
  const detached = plan.added.filter(({ type }) => type === "trigger" || type === "view");
  for (const { type, name } of detached.toReversed()) client.exec(`DROP ${type} IF EXISTS ${quoted(name)}`);
  createMigrationsTable(client);
  const record = client.prepare(`INSERT INTO ${migrationsTable} ("hash", "created_at") VALUES (?, ?)`);
  for (const [index, migration] of plan.pending.entries()) {
    // What an adopted file already has was compared with the first migration; a partial one is completed by it.
    const adopting = plan.state === "reference" && index === 0;
    for (const statement of statementsOf(migration)) {
      execute(
        client,
        adopting ? statement.replace(/^CREATE TABLE /, "CREATE TABLE IF NOT EXISTS ") : statement,
        migration,
        location,
      );
    }
    record.run(migration.hash, migration.when);
  }
  restore(client, plan, location);
  const broken = [...brokenReferences(client)].filter(([key, count]) => count > (brokenBefore.get(key) ?? 0));
  if (broken.length > 0) {
    const message =
      `The migrations would leave rows in ${location} without the row they refer to: ` +
      `${broken.map(([key, count]) => `${key} (${count})`).join(", ")}. Nothing was changed.`;
    throw new MigrationError("MIGRATION_FAILED", location, message);
  }
}

/** As drizzle-kit makes it, and an index that makes its own `migrate`, which takes no lock, fail instead of applying twice. */
function createMigrationsTable(client: Database.Database): void {
  client.exec(`CREATE TABLE IF NOT EXISTS ${migrationsTable} (
				id SERIAL PRIMARY KEY,
				hash text NOT NULL,
				created_at numeric
			)`);
  const twice = client.prepare(`SELECT 1 FROM ${migrationsTable} GROUP BY created_at HAVING count(*) > 1`).get();
  if (!twice)
    client.exec(`CREATE UNIQUE INDEX IF NOT EXISTS ${migrationsTable}_once ON ${migrationsTable} (created_at)`);
}

/** Makes again what users added: the indexes that went with a rebuilt table, and the triggers and views put aside. */
function restore(client: Database.Database, plan: Plan, location: string): void {
  const present = new Set(readObjects(client).map(({ type, name }) => `${type} ${name}`));
  for (const { type, name, sql } of plan.added) {
    if (sql === null || type === "table" || present.has(`${type} ${name}`)) continue;
    execute(client, sql, plan.pending.at(-1), location);
  }
}

function execute(
  client: Database.Database,
  statement: string,
  migration: Migration | undefined,
  location: string,
): void {
  try {
    const prepared = client.prepare(statement);
    if (prepared.reader) prepared.all();
    else prepared.run();
  } catch (error) {
    const cause = translated(error, location);
    // Not the statement's fault: the disk is full, or the file damaged.
    if (cause instanceof FileError) throw cause;
    const message =
      `${migration?.tag} failed on ${location} at ${JSON.stringify(statement.slice(0, 60))}: ` +
      `${messageOf(error)}. All of it was rolled back; the file is as it was.`;
    throw new MigrationError("MIGRATION_FAILED", location, message, {
      ...(migration && { migration: migration.tag }),
      statement,
      cause: error,
    });
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
