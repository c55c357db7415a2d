/**
 * Reads from the catalogue, which needs no privilege, what a PostgreSQL schema contains of this package: one query for the
 * columns, one for whether the indexes, constraints, triggers and functions exist and work. Names come from the Drizzle
 * definitions; triggers and functions are listed here, because Drizzle does not define them.
 */
import { Column, getTableColumns, getTableName, getViewName, getViewSelectedFields, is } from "drizzle-orm";
import { getTableConfig } from "drizzle-orm/pg-core";
import { defaultSchema, type PostgresTables, tablesIn } from "../../drizzle/schema.postgres.ts";
import { type Migration, migrationsTable } from "../engine/history.ts";
import { readLimits } from "./limits.ts";
import type { Client, SessionLimits } from "./pool.ts";
import { ask } from "./text-types.ts";

/** In the order of their references: each table only refers to those before it. */
export function listed({ runs, workstreams, briefs, dependencies, events, eventCounters }: PostgresTables) {
  return [runs, workstreams, briefs, dependencies, events, eventCounters];
}

/** The names within a schema are the same in every schema. */
const own = tablesIn(defaultSchema);
const tables = listed(own);

interface Relation {
  readonly name: string;
  readonly columns: readonly string[];
}
export const ours: readonly Relation[] = [
  ...tables.map((table) => relation(getTableName(table), getTableColumns(table))),
  relation(getViewName(own.tallies), getViewSelectedFields(own.tallies)),
];

function relation(name: string, fields: object): Relation {
  return { name, columns: Object.values(fields).flatMap((field) => (is(field, Column) ? [field.name] : [])) };
}

export type Present = ReadonlyMap<string, readonly string[]>;

/** What is known of a database and of one of its schemas before anything is read from its tables. */
export interface Found {
  /** Whether the schema exists. */
  readonly exists: boolean;
  /** Whether names in it may be used; null if it does not exist. */
  readonly usable: boolean | null;
  /** Whether the migrations table may be read; null if it does not exist. */
  readonly readable: boolean | null;
  readonly role: string;
  readonly database: string;
  readonly encodings: readonly string[];
  /** The level of a statement outside of a transaction. */
  readonly isolation: string;
  readonly limits: SessionLimits;
  /** The columns of each relation with one of this package's names. */
  readonly present: Present;
}

/** Reads the catalogue. */
export async function readCatalogue(client: Client, schema: string): Promise<Found> {
  // JSON, because arrays would be decoded by the caller's parsers.
  const { rows } = await ask<Omit<Found, "present"> & { relations: Record<string, string[]> }>(
    client,
    `SELECT n.oid IS NOT NULL AS exists, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable,
       (SELECT pg_catalog.has_table_privilege(oid, 'SELECT') FROM pg_catalog.pg_class
         WHERE relnamespace = n.oid AND relname = '${migrationsTable}' AND relkind IN ('r', 'p', 'v', 'm', 'f')) AS readable,
       current_user AS role, pg_catalog.current_database() AS database,
       pg_catalog.jsonb_build_array(pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('client_encoding'))
         AS encodings, pg_catalog.current_setting('default_transaction_isolation') AS isolation,
       ${readLimits} AS limits,
       coalesce((SELECT pg_catalog.jsonb_object_agg(relname, columns) FROM (
         SELECT relname, coalesce(pg_catalog.jsonb_agg(attname ORDER BY attnum) FILTER (WHERE attnum > 0), '[]') AS columns
         FROM pg_catalog.pg_class LEFT JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
         WHERE relnamespace = n.oid AND relname = ANY ($2)
         GROUP BY relname) AS relation), '{}') AS relations
     FROM (VALUES (1)) AS one LEFT JOIN pg_catalog.pg_namespace AS n ON nspname = $1`,
    [schema, [...ours.map(({ name }) => name), migrationsTable]],
  );
  const [row] = rows;
  if (!row) throw new Error("the catalogue returned no row");
  const { relations, ...found } = row;
  return { ...found, present: new Map(Object.entries(relations)) };
}

/** Returns the differences of a relation with one of this package's names but without applied migrations. */
export function foreign(relation: Relation, present: Present): string[] {
  const { name, columns } = relation;
  const more = (present.get(name) ?? []).filter((column) => !columns.includes(column));
  return [
    `${name}: has no record of migrations`,
    ...lackingColumns(relation, present),
    ...more.map((column) => `${name}: has column ${column}`),
  ];
}

export function lacking(present: Present): string[] {
  return ours.flatMap((relation) => lackingColumns(relation, present));
}

function lackingColumns({ name, columns }: Relation, present: Present): string[] {
  const there = present.get(name);
  if (!there) return [`${name}: is missing`];
  return columns.filter((column) => !there.includes(column)).map((column) => `${name}: lacks column ${column}`);
}

interface PostgresObject {
  readonly type: "table" | "view" | "index" | "constraint" | "trigger" | "function";
  readonly name: string;
  /** Its table; for a table or view its own name; for a function "". */
  readonly on: string;
}

/** All objects that the migrations create, except the migrations table. */
export const expectedObjects: readonly PostgresObject[] = [
  ...tables.flatMap(ofTable),
  { type: "view", name: getViewName(own.tallies), on: getViewName(own.tallies) },
  { type: "trigger", name: "events_seq", on: "events" },
  { type: "function", name: "run_blackboard_next_seq", on: "" },
  { type: "trigger", name: "dependencies_insert", on: "dependencies" },
  { type: "trigger", name: "dependencies_delete", on: "dependencies" },
  { type: "function", name: "run_blackboard_count_blockers", on: "" },
  { type: "trigger", name: "briefs_blocker_update", on: "briefs" },
  { type: "trigger", name: "briefs_blocker_insert", on: "briefs" },
  { type: "trigger", name: "briefs_blocker_delete", on: "briefs" },
  { type: "function", name: "run_blackboard_count_dependents", on: "" },
  { type: "trigger", name: "briefs_dependencies_delete", on: "briefs" },
  { type: "function", name: "run_blackboard_delete_dependencies", on: "" },
  { type: "trigger", name: "workstreams_unblocked", on: "workstreams" },
  { type: "function", name: "run_blackboard_unblock", on: "" },
];

function ofTable(table: (typeof tables)[number]): PostgresObject[] {
  const { name: on, columns, indexes, primaryKeys, uniqueConstraints, foreignKeys } = getTableConfig(table);
  const constraints = [
    // PostgreSQL's default name for a primary key declared with its column.
    ...(columns.some(({ primary }) => primary) ? [`${on}_pkey`] : []),
    ...[...primaryKeys, ...foreignKeys].map((key) => key.getName()),
    ...uniqueConstraints.map((constraint) => constraint.getName()),
  ];
  return [
    { type: "table", name: on, on },
    ...constraints.flatMap((name) => (name === undefined ? [] : [{ type: "constraint" as const, name, on }])),
    ...indexes.flatMap(({ config: { name } }) => (name === undefined ? [] : [{ type: "index" as const, name, on }])),
  ];
}

interface FoundObject extends PostgresObject {
  /** False for an invalid index, which is not used by queries, and for a disabled trigger. */
  readonly works: boolean;
  /** A function's body. */
  readonly body: string | null;
}

const objectsQuery = `
  WITH namespace AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $3), ours AS (
    SELECT oid, relname, relkind FROM pg_catalog.pg_class
    WHERE relnamespace = (SELECT oid FROM namespace) AND relname = ANY ($1)
  )
  SELECT CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END AS type, relname AS name, relname AS on, true AS works,
    NULL AS body FROM ours
  UNION ALL SELECT 'index', c.relname, ours.relname, i.indisvalid, NULL
    FROM ours JOIN pg_catalog.pg_index i ON i.indrelid = ours.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  UNION ALL SELECT 'constraint', conname, relname, convalidated, NULL
    FROM ours JOIN pg_catalog.pg_constraint ON conrelid = ours.oid
  UNION ALL SELECT 'trigger', tgname, relname, tgenabled IN ('O', 'A'), NULL
    FROM ours JOIN pg_catalog.pg_trigger ON tgrelid = ours.oid AND NOT tgisinternal
  UNION ALL SELECT 'function', proname, '', true, prosrc
    FROM pg_catalog.pg_proc WHERE pronamespace = (SELECT oid FROM namespace) AND proname = ANY ($2)`;

/**
 * Returns a line for each index, constraint, trigger or function of an existing table that is missing or does not work.
 * Compares definitions only for functions.
 */
export async function lackingObjects(
  client: Client,
  schema: string,
  present: Present,
  migrations: readonly Migration[],
): Promise<string[]> {
  const functions = expectedObjects.filter(({ type }) => type === "function").map(({ name }) => name);
  const { rows } = await ask<FoundObject>(client, objectsQuery, [ours.map(({ name }) => name), functions, schema]);
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  return expectedObjects.flatMap((object) => {
    const row = found.get(keyOf(object));
    const { type, name, on } = object;
    if (on !== "" && !present.has(on)) return [];
    const what = on === "" ? `${type} ${name}` : `${on}: ${type} ${name}`;
    if (!row) return [on === name ? `${name}: is not a ${type}` : `${what} is missing`];
    if (!row.works) return [`${what} is ${type === "trigger" ? "disabled" : "invalid"}`];
    const { body } = row;
    const made = body === null || migrations.some(({ sql }) => sql.includes(body));
    return made ? [] : [`${what} differs from the one that the migrations create`];
  });
}

function keyOf({ type, name, on }: PostgresObject): string {
  return `${type} ${name} ${on}`;
}
