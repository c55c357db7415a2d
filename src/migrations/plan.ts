/**
 * What is to be done with a file, found by reading alone. A file that this version cannot explain is an error here, before
 * anything of it is touched.
 */
import type Database from "better-sqlite3";
import { getTableName } from "drizzle-orm";
import { briefs, events, runs, workstreams } from "../../drizzle/schema.ts";
import { MigrationError } from "../errors.ts";
import { type AppliedRow, compareHistory, type Migration, migrationsTable } from "./history.ts";
import { differences, isTable, readObjects, replay, type SchemaObject } from "./sqlite-schema.ts";

const ourTables: readonly string[] = [runs, workstreams, briefs, events].map((table) => getTableName(table));

export interface Plan {
  /** empty: no tables. reference: written by the Python reference, not adopted yet. */
  readonly state: "empty" | "reference" | "pending" | "current";
  readonly applied: readonly Migration[];
  readonly pending: readonly Migration[];
  /** Objects of the file that the applied migrations did not make. */
  readonly added: readonly SchemaObject[];
}

/** Reads in one snapshot: another process may be migrating. Throws a `MigrationError` for what it cannot explain. */
export function planOf(client: Database.Database, migrations: readonly Migration[], location: string): Plan {
  return client.transaction(() => plan(client, migrations, location)).deferred();
}

function plan(client: Database.Database, migrations: readonly Migration[], location: string): Plan {
  const objects = readObjects(client);
  const tables = objects.filter(isTable).map(({ name }) => name);
  const ours = ourTables.filter((name) => tables.includes(name));
  refuseImpostors(objects, location);
  const rows = tables.includes(migrationsTable) ? readRows(client, location) : [];
  if (ours.length === 0) {
    const others = objects.filter(
      ({ type, name }) => (type === "table" || type === "view") && name !== migrationsTable,
    );
    if (others.length === 0 && rows.length === 0)
      return { state: "empty", applied: [], pending: migrations, added: [] };
    const names = others
      .slice(0, 5)
      .map(({ name }) => name)
      .join(", ");
    throw new MigrationError(
      "NOT_A_BLACKBOARD",
      location,
      `${location} is another program's database: it holds ${names || migrationsTable} and none of ${ourTables.join(", ")}. ` +
        `Name another file; this one was not changed.`,
    );
  }
  const strange = rows.length > 0 && !rows.some(({ when }) => migrations.some((migration) => migration.when === when));
  if (rows.length === 0 || strange) {
    const first = migrations.slice(0, 1);
    const added = compare(client, objects, first, ours, location);
    if (!strange) return { state: "reference", applied: [], pending: migrations, added };
  }
  const { applied, pending } = compareHistory(rows, migrations, location);
  if (pending.length === 0) {
    const lacking = ourTables.filter((name) => !ours.includes(name));
    if (lacking.length > 0)
      throw mismatch(
        location,
        lacking.map((name) => `${name}: lacks the table`),
      );
    return { state: "current", applied, pending, added: [] };
  }
  return { state: "pending", applied, pending, added: compare(client, objects, applied, ourTables, location) };
}

/** To SQLite `Runs` is `runs`, and a view would stand in the way of the table. */
function refuseImpostors(objects: readonly SchemaObject[], location: string): void {
  const impostors = objects.filter(
    ({ type, name }) =>
      (type === "view" && ourTables.includes(name.toLowerCase())) ||
      (type === "table" && !ourTables.includes(name) && ourTables.includes(name.toLowerCase())),
  );
  if (impostors.length === 0) return;
  throw mismatch(
    location,
    impostors.map(({ type, name }) => `${name.toLowerCase()}: is a ${type} ${name}`),
  );
}

/** The objects beyond those that `applied` make; throws `SCHEMA_MISMATCH` where their tables differ. */
function compare(
  client: Database.Database,
  objects: readonly SchemaObject[],
  applied: readonly Migration[],
  tables: readonly string[],
  location: string,
): SchemaObject[] {
  const model = replay(applied);
  try {
    const found = differences(client, model, tables);
    if (found.length > 0) throw mismatch(location, found);
    const made = new Set(readObjects(model).map(({ type, name }) => `${type} ${name}`));
    return objects.filter(({ type, name, table }) => !made.has(`${type} ${name}`) && table !== migrationsTable);
  } finally {
    model.close();
  }
}

function mismatch(location: string, found: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `${location} has tables of these names that are not this package's: ${found.slice(0, 5).join("; ")}` +
      `${found.length > 5 ? `; and ${found.length - 5} more in \`differences\`` : ""}. ` +
      `A migration would lose what it does not know. Undo the change, or name another file; this one was not changed.`,
    { differences: found },
  );
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
