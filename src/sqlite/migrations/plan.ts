/**
 * What is to be done with a file, found by reading alone. A file that this version cannot explain is an error here, before
 * anything of it is touched.
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
  /** empty: no tables. reference: written by the Python reference, not adopted yet. */
  readonly state: "empty" | "reference" | "pending" | "current";
  readonly applied: readonly Migration[];
  readonly pending: readonly Migration[];
  /** Objects of the file that the applied migrations did not make. */
  readonly added: readonly SchemaObject[];
}

/** A plan, what the applied migrations make, and how the file differs from that. */
export interface Examination extends Plan {
  readonly expected: readonly MadeObject[];
  /** Only for a file that has a record of migrations: any other is refused. */
  readonly differences: readonly Difference[];
}

/**
 * Reads in one snapshot, since another process may be migrating.
 * @throws MigrationError for a file that it cannot explain, `SCHEMA_MISMATCH` for one that was altered.
 */
export function planOf(client: Database.Database, migrations: readonly Migration[], location: string): Plan {
  const { differences, state, applied, pending, added } = examine(client, migrations, location);
  if (differences.length > 0) throw altered(location, differences);
  return { state, applied, pending, added };
}

/** As `planOf`, but returns the differences of a file that has a record of migrations: to report or repair them. */
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
  return { state: "pending", applied, pending, added: beyond(objects, expected), expected, differences };
}

const isOurs = (row: AppliedRow, migrations: readonly Migration[]) =>
  migrations.some(({ when, hash }) => when === row.when && hash === row.hash);

/** A file in which none of our migrations is recorded; `undefined` where its tables are ours and its record is not. */
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
  // The others are made when the file is adopted.
  const expected = first.filter(({ table }) => ours.includes(table));
  const differences = compareSchema(client, objects, expected);
  if (differences.length > 0) {
    throw mismatch(
      location,
      differences.map(({ line }) => line),
    );
  }
  if (rows.length > 0) return undefined;
  return { state: "reference", applied: [], pending: migrations, added: beyond(objects, first), expected, differences };
}

/** To SQLite `Runs` is `runs`, and a view would stand in the way of the table. */
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

/** What users added. */
function beyond(objects: readonly SchemaObject[], made: readonly SchemaObject[]): SchemaObject[] {
  const keys = new Set(made.map(keyOf));
  return objects.filter((object) => !keys.has(keyOf(object)) && object.table !== migrationsTable);
}

/** For a file without a record of our migrations: tables of our names that may be another program's. */
function mismatch(location: string, lines: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `${location} has a blackboard's table names, but a different schema: ${firstOf(lines)}. ` +
      `Migrating would drop data that this version does not know about. Undo the change, or specify a different file; this one was not changed.`,
    { differences: lines },
  );
}

/** For a file of ours that was changed since. */
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

/** Bounded, and without what a terminal would obey, since users' names and SQL are in it. */
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
