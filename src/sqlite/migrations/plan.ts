/**
 * Plans the migration of a file without writing to it. Rejects a file that this version does not recognize before anything is
 * changed.
 */
import type Database from "better-sqlite3";
import { getTableName } from "drizzle-orm";
import { briefs, events, runs, workstreams } from "../../../drizzle/schema.ts";
import { type AppliedRow, compareHistory, type Migration, migrationsTable } from "../../engine/history.ts";
import { MigrationError } from "../../errors.ts";
import { compareSchema, type Difference, expectedSchema, keyOf } from "./expected-schema.ts";
import { isTable, type MadeObject, readObjects, type SchemaObject } from "./schema.ts";

const ourTables: readonly string[] = [runs, workstreams, briefs, events].map((table) => getTableName(table));

export interface Plan {
  /** empty: no tables. reference: written by the Python reference and not yet adopted. */
  readonly state: "empty" | "reference" | "pending" | "current";
  readonly applied: readonly Migration[];
  readonly pending: readonly Migration[];
  /** User-defined objects: those that the applied migrations did not create. */
  readonly added: readonly SchemaObject[];
}

/** A plan, the expected schema, and how the file differs from it. */
export interface Examination extends Plan {
  readonly expected: readonly MadeObject[];
  /** Only for a file with recorded migrations; any other file that differs is rejected. */
  readonly differences: readonly Difference[];
}

/**
 * Returns what to migrate. Reads from one snapshot, since another process may be migrating.
 * @throws MigrationError for a file that is not recognized; `SCHEMA_MISMATCH` for one whose schema was altered.
 */
export function planOf(client: Database.Database, migrations: readonly Migration[], location: string): Plan {
  const { differences, state, applied, pending, added } = examine(client, migrations, location);
  if (differences.length > 0) throw altered(location, differences);
  return { state, applied, pending, added };
}

/** Like `planOf`, but returns the differences of a file with recorded migrations, to report or repair them. */
export function examine(client: Database.Database, migrations: readonly Migration[], location: string): Examination {
  return client.transaction(() => examined(client, migrations, location)).deferred();
}

function examined(client: Database.Database, migrations: readonly Migration[], location: string): Examination {
  const objects = readObjects(client);
  const tables = objects.filter(isTable).map(({ name }) => name);
  const rows = tables.includes(migrationsTable) ? readRows(client, location) : [];
  if (!rows.some((row) => isOurs(row, migrations))) {
    const unrecorded = withoutRecord(client, objects, rows, migrations, location);
    if (unrecorded) return unrecorded;
  }
  const { applied, pending } = compareHistory(rows, migrations, location);
  const expected = expectedSchema(pending.length === 0 ? migrations : applied);
  const differences = compareSchema(client, objects, expected);
  if (pending.length === 0) return { state: "current", applied, pending, added: [], expected, differences };
  return { state: "pending", applied, pending, added: addedTo(objects, expected), expected, differences };
}

const isOurs = (row: AppliedRow, migrations: readonly Migration[]) =>
  migrations.some(({ when, hash }) => when === row.when && hash === row.hash);

/** Examines a file without any of our migrations recorded; `undefined` if its tables are ours but other migrations are recorded. */
function withoutRecord(
  client: Database.Database,
  objects: readonly SchemaObject[],
  rows: readonly AppliedRow[],
  migrations: readonly Migration[],
  location: string,
): Examination | undefined {
  refuseImpostors(objects, location);
  const tables = objects.filter(isTable).map(({ name }) => name);
  const ours = ourTables.filter((name) => tables.includes(name));
  if (ours.length === 0) {
    const others = objects.filter(
      ({ type, name }) => (type === "table" || type === "view") && name !== migrationsTable,
    );
    if (others.length === 0 && rows.length === 0)
      return { state: "empty", applied: [], pending: migrations, added: [], expected: [], differences: [] };
    const names = others
      .slice(0, 5)
      .map(({ name }) => name)
      .join(", ");
    throw new MigrationError(
      "NOT_A_BLACKBOARD",
      location,
      `${location} is not a blackboard: it contains ${names || migrationsTable}, but not the tables ${ourTables.join(", ")}. ` +
        `Specify a different file; this one was not changed.`,
    );
  }
  if (rows.some(({ when }) => migrations.some((migration) => migration.when === when))) return undefined;
  const first = expectedSchema(migrations.slice(0, 1));
  // Adoption creates the missing tables.
  const expected = first.filter(({ table }) => ours.includes(table));
  const differences = compareSchema(client, objects, expected);
  if (differences.length > 0) {
    throw mismatch(
      location,
      differences.map(({ line }) => line),
    );
  }
  if (rows.length > 0) return undefined;
  return {
    state: "reference",
    applied: [],
    pending: migrations,
    added: addedTo(objects, first),
    expected,
    differences,
  };
}

/** Rejects names that conflict with our tables: SQLite treats `Runs` as `runs`, and a view prevents creating the table. */
function refuseImpostors(objects: readonly SchemaObject[], location: string): void {
  const impostors = objects.filter(
    ({ type, name }) =>
      (type === "view" && [...ourTables, migrationsTable].includes(name.toLowerCase())) ||
      (type === "table" && !ourTables.includes(name) && ourTables.includes(name.toLowerCase())),
  );
  if (impostors.length === 0) return;
  throw mismatch(
    location,
    impostors.map(({ type, name }) => `${name.toLowerCase()}: is a ${type} ${name}`),
  );
}

/** Returns the user-defined objects. */
function addedTo(objects: readonly SchemaObject[], made: readonly SchemaObject[]): SchemaObject[] {
  const keys = new Set(made.map(keyOf));
  return objects.filter((object) => !keys.has(keyOf(object)) && object.table !== migrationsTable);
}

/** For a file without our migrations recorded, whose tables have our names but may belong to another program. */
function mismatch(location: string, lines: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `${location} has a blackboard's table names, but a different schema: ${firstOf(lines)}. ` +
      `Migrating would drop data that this version does not know about. Undo the change, or specify a different file; this one was not changed.`,
    { differences: lines },
  );
}

/** For a blackboard whose schema was altered. */
function altered(location: string, differences: readonly Difference[]): MigrationError {
  const lines = differences.map(({ line }) => line);
  const reparable = differences.every(({ repair }) => repair !== undefined);
  const advice = reparable
    ? "Run `run-blackboard verify FILE --repair` to recreate them"
    : "Undo the change by hand, or restore a backup";
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema of ${location} differs from the one its migrations created: ${firstOf(lines)}. ${advice}; the file was not changed.`,
    { differences: lines },
  );
}

/** Returns the first lines, bounded and without control characters, since they contain users' names and SQL. */
function firstOf(lines: readonly string[]): string {
  const first = lines
    .slice(0, 5)
    .map((line) => (line.length > 1000 ? `${line.slice(0, 1000)}…` : line).replace(/[\p{Cc}\u2028\u2029]/gu, "?"));
  const more = lines.length > 5 ? `; and ${lines.length - 5} more in \`differences\`` : "";
  return first.join("; ") + more;
}

function readRows(client: Database.Database, location: string): AppliedRow[] {
  const columns = client
    .prepare<[string], string>("SELECT name FROM pragma_table_xinfo(?)")
    .pluck()
    .all(migrationsTable);
  const lacking = ["hash", "created_at"].filter((column) => !columns.includes(column));
  if (lacking.length > 0)
    throw mismatch(
      location,
      lacking.map((column) => `${migrationsTable}: lacks column ${column}`),
    );
  return client
    .prepare<[], { hash: string; when: number }>(
      `SELECT hash, CAST(created_at AS INTEGER) AS "when" FROM ${migrationsTable} ORDER BY created_at, rowid`,
    )
    .all();
}
