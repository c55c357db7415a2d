/**
 * Bringing a file up to date when it is opened, over drizzle-kit's folder and table but not through Drizzle's `migrate()`,
 * which reads before it locks: eight processes at once applied one migration eight times.
 *
 * Everything that is pending lands in one IMMEDIATE transaction, planned again under its lock. Nothing pending: no lock, no
 * write.
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
    const message = `${location} is on a file system without shared memory: SQLite kept journal mode ${mode} instead of WAL. Move the file to a local disk.`;
    throw new FileError("CANNOT_OPEN", location, message);
  }
  // Creates -wal and -shm, which are checked from now on.
  client.prepare("SELECT 1 FROM sqlite_schema").get();
}

function applyAll(client: Database.Database, plan: Plan, location: string): void {
  const work: Work = { client, plan, location };
  const brokenBefore = brokenReferences(client);
  const dangling = () => [...brokenReferences(client)].filter(([key, count]) => count > (brokenBefore.get(key) ?? 0));
  // To find out which migration is at fault. It costs a rebuild of 100 MB 5 to 8 %.
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
  // A rebuild renames a table, which fails on views and triggers that name it, also on those of other tables.
  for (const { type, name } of plan.added.filter(isDetached).toReversed())
    client.exec(`DROP ${type} IF EXISTS ${quoted(name)}`);
  const [first] = plan.pending;
  if (first) attempt(() => createMigrationsTable(client), first, record, location);
}

const isDetached = ({ type }: SchemaObject) => type === "trigger" || type === "view";

function apply({ client, plan, location }: Work, migration: Migration, after?: (statement: string) => void): void {
  // What an adopted file already has was compared with the first migration; a partial one is completed by it.
  const adopting = plan.state === "reference" && migration === plan.pending[0];
  for (const statement of statementsOf(migration)) {
    const text = adopting ? statement.replace(/^CREATE TABLE /, "CREATE TABLE IF NOT EXISTS ") : statement;
    attempt(() => execute(client, text), migration, text, location);
    after?.(statement);
  }
  const text = `INSERT INTO ${migrationsTable} ("hash", "created_at") VALUES (?, ?)`;
  attempt(() => client.prepare(text).run(migration.hash, migration.when), migration, text, location);
}

/** As drizzle-kit makes it, and an index that makes its own `migrate`, which takes no lock, fail instead of applying twice. */
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

/** An object of a user's that can't be made again. */
interface Misfit {
  readonly object: SchemaObject;
  readonly cause: unknown;
}

/**
 * Makes again what users added: the indexes that went with a rebuilt table, and the triggers and views put aside. Returns the
 * first that can't be made.
 */
function restore({ client, plan, location }: Work): Misfit | undefined {
  const present = new Map(readObjects(client).map((object) => [keyOf(object), object.sql]));
  for (const object of plan.added) {
    const { type, sql } = object;
    if (sql === null || type === "table") continue;
    const made = present.get(keyOf(object));
    // A trigger that has the name of one that was put aside is the migrations'.
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
      // A key of a user's may need an index of the user's.
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
    // Such as a full disk: what is known already is worth more than that.
    return undefined;
  }
}

/** What `look` returns; what it changes is undone. */
function tried<T>({ client }: Work, look: () => T): T {
  client.exec("SAVEPOINT tried");
  try {
    return look();
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
    // Not the statement's fault: the disk is full, or the file damaged.
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
