/**
 * Reads a file's schema and compares its tables with those that the migrations create.
 */
import type Database from "better-sqlite3";
import type { Migration } from "../../engine/history.ts";
import { statementsOf } from "../../engine/statements.ts";
import { openClient } from "../connection/driver.ts";

export interface SchemaObject {
  readonly type: "table" | "index" | "view" | "trigger";
  readonly name: string;
  /** The table that an index or a trigger belongs to; the object's own name otherwise. */
  readonly table: string;
  /** Null for indexes that SQLite creates automatically. */
  readonly sql: string | null;
}

/** An object that the migrations create. */
export interface MadeObject extends SchemaObject {
  readonly sql: string;
  /** The table as a `Describer` returns it, to compare with a table whose SQL differs; empty for other objects. */
  readonly lines: readonly string[];
}

/** Returns the objects in order of creation, without SQLite's internal tables. */
export function readObjects(client: Database.Database): SchemaObject[] {
  const all = client.prepare<[], SchemaObject>(
    "SELECT type, name, tbl_name AS 'table', sql FROM sqlite_schema ORDER BY rowid",
  );
  return all.all().filter(({ name }) => !name.startsWith("sqlite_"));
}

export const isTable = ({ type }: SchemaObject) => type === "table";

/**
 * Applies the migrations, or those of their statements that are `wanted`, to a database in memory. It takes 1.4 to 2 ms, 6 ms the
 * first time, so call it only if migrations are pending.
 */
export function replay(
  migrations: readonly Migration[],
  wanted: (statement: string) => boolean = () => true,
): Database.Database {
  const client = openClient(":memory:");
  for (const statement of migrations.flatMap((migration) => statementsOf(migration)))
    if (wanted(statement)) client.exec(statement);
  return client;
}

/** Returns the objects of a database from `replay`, with the descriptions of its tables. */
export function madeObjects(model: Database.Database): MadeObject[] {
  const describe = describer(model);
  return readObjects(model).flatMap((object) =>
    object.sql === null ? [] : [{ ...object, sql: object.sql, lines: isTable(object) ? describe(object.name) : [] }],
  );
}

/** Returns how these tables differ between `client` and `model`, one line per difference. */
export function differences(client: Database.Database, model: Database.Database, tables: readonly string[]): string[] {
  const [found, expected] = [describer(client), describer(model)];
  return tables.flatMap((table) => differingLines(table, found(table), expected(table)));
}

/**
 * Returns how a described table differs from the expected one. Descriptions ignore the letter case of types, and NOT NULL on a
 * primary key, which drizzle-kit adds and the Python reference lacks.
 */
export function differingLines(table: string, found: readonly string[], expected: readonly string[]): string[] {
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `${table}: lacks ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `${table}: has ${line}`),
  ];
}

interface Column {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
  hidden: number;
}
interface ForeignKey {
  from: string;
  table: string;
  to: string | null;
  on_update: string;
  on_delete: string;
}
interface Index {
  name: string;
  origin: string;
}
interface Kind {
  type: string;
  wr: number;
  strict: number;
}

/** Returns the columns, keys and kind of a table, one line each. */
export type Describer = (table: string) => string[];

/** Prepares each query once, which is most of its cost. Uses `table_xinfo`, because `table_info` hides generated columns. */
export function describer(client: Database.Database): Describer {
  const query = <Row>(columns: string, pragma: string) =>
    client.prepare<[string], Row>(`SELECT ${columns} FROM pragma_${pragma}(?)`);
  const columns = query<Column>('name, type, "notnull", dflt_value, pk, hidden', "table_xinfo");
  const keys = query<ForeignKey>('"from", "table", "to", on_update, on_delete', "foreign_key_list");
  const indexes = query<Index>("name, origin", "index_list");
  const kinds = query<Kind>("type, wr, strict", "table_list");
  // Filtered by type, because a trigger can have the table's name.
  const text = client
    .prepare<[string], string>("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?")
    .pluck();
  const partsOf = (index: string) => query<{ name: string | null }>("name", "index_info").all(index);
  return (table) => [
    ...columns
      .all(table)
      .map(
        ({ name, type, notnull, dflt_value, pk, hidden }) =>
          `column ${name} ${type.toUpperCase()}` +
          (notnull && !pk ? " NOT NULL" : "") +
          (dflt_value === null ? "" : ` DEFAULT ${dflt_value}`) +
          (pk ? ` PRIMARY KEY ${pk}` : "") +
          (hidden ? " GENERATED" : ""),
      ),
    ...keys
      .all(table)
      .map(
        (key) =>
          `key (${key.from}) to ${key.table}(${key.to ?? ""}) on update ${key.on_update} on delete ${key.on_delete}`,
      ),
    ...indexes
      .all(table)
      .filter(({ origin }) => origin === "u")
      .map(({ name }) => `unique (${partsOf(name).map((part) => part.name)})`),
    ...kinds
      .all(table)
      .map(({ type, wr, strict }) => `kind ${type}${wr ? " WITHOUT ROWID" : ""}${strict ? " STRICT" : ""}`),
    ...clauses(text.get(table) ?? ""),
  ];
}

/** Counts dangling references, by child and parent table. Files of the Python reference may have some. */
export function brokenReferences(client: Database.Database): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of readObjects(client).filter(isTable)) {
    for (const { table, parent } of brokenIn(client, name)) {
      const key = `${table} to ${parent}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

function brokenIn(client: Database.Database, table: string): { table: string; parent: string }[] {
  try {
    return client
      .prepare<[string], { table: string; parent: string }>('SELECT "table", parent FROM pragma_foreign_key_check(?)')
      .all(table);
  } catch {
    // SQLite cannot check a user-defined key to columns that are not unique. Counted, so that no migration causes it.
    return [{ table, parent: "a key that cannot be checked" }];
  }
}

/**
 * Returns the clauses that no pragma reports: CHECK and COLLATE, which a rebuild would lose, and those that change the behaviour of
 * writes.
 */
function clauses(sql: string): string[] {
  const bare = sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/g, " ");
  const found = (words: RegExp) => (bare.match(words) ?? []).map((word) => word.replace(/\s+/g, " ").toUpperCase());
  return [
    ...found(/\b(?:CHECK|COLLATE\s+\w+)\b/gi).map((clause) => `${clause} in ${sql.replace(/\s+/g, " ")}`),
    ...found(/\b(?:AUTOINCREMENT|ON\s+CONFLICT\s+\w+|INITIALLY\s+DEFERRED)\b/gi),
  ];
}
