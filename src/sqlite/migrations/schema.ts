/**
 * What a file holds: its tables as SQLite describes them, held against those that the migrations make.
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
  /** Null for the indexes that SQLite makes by itself. */
  readonly sql: string | null;
}

/** An object that the migrations make. */
export interface MadeObject extends SchemaObject {
  readonly sql: string;
  /** What `describe` says of a table, for files where its text differs; empty for other objects. */
  readonly lines: readonly string[];
}

/** In the order in which they were made. SQLite's own tables are left out. */
export function readObjects(client: Database.Database): SchemaObject[] {
  const all = client.prepare<[], SchemaObject>(
    "SELECT type, name, tbl_name AS 'table', sql FROM sqlite_schema ORDER BY rowid",
  );
  return all.all().filter(({ name }) => !name.startsWith("sqlite_"));
}

export const isTable = ({ type }: SchemaObject) => type === "table";

/**
 * A database in memory as these migrations leave it, or those of their statements that are `wanted`. 1.4 to 2 ms, 6 the first
 * time: only where something is pending.
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

/** What a database in memory holds that `replay` returned, with what it takes to compare a file with it. */
export function madeObjects(model: Database.Database): MadeObject[] {
  const describe = describer(model);
  return readObjects(model).flatMap((object) =>
    object.sql === null ? [] : [{ ...object, sql: object.sql, lines: isTable(object) ? describe(object.name) : [] }],
  );
}

/** How these tables differ in `client` from those in `model`, a line for each difference. */
export function differences(client: Database.Database, model: Database.Database, tables: readonly string[]): string[] {
  const [found, expected] = [describer(client), describer(model)];
  return tables.flatMap((table) => differingLines(table, found(table), expected(table)));
}

/**
 * How a table, as a describer found it, differs from what is expected. Letter case of types does not count, nor NOT NULL on
 * a key: the reference does not have it, and drizzle-kit would add it.
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

/** Returns the columns, keys and kind of a table, a line each. */
export type Describer = (table: string) => string[];

/** Prepares each of its queries once, which is most of what they cost. `table_xinfo`, since `table_info` hides generated columns. */
export function describer(client: Database.Database): Describer {
  const query = <Row>(columns: string, pragma: string) =>
    client.prepare<[string], Row>(`SELECT ${columns} FROM pragma_${pragma}(?)`);
  const columns = query<Column>('name, type, "notnull", dflt_value, pk, hidden', "table_xinfo");
  const keys = query<ForeignKey>('"from", "table", "to", on_update, on_delete', "foreign_key_list");
  const indexes = query<Index>("name, origin", "index_list");
  const kinds = query<Kind>("type, wr, strict", "table_list");
  // Of the name's objects the table, since a trigger may have its name.
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

/** How many rows of a table refer to a row of another one that is not there. Files of the reference may have such rows. */
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
    // A key that somebody declared by hand onto columns that are not unique. A migration may not be what makes it so.
    return [{ table, parent: "a key that cannot be checked" }];
  }
}

/**
 * What no pragma tells of a table: that its SQL has a CHECK or a COLLATE somewhere, which a rebuild would lose, or a word that
 * changes what a write does.
 */
function clauses(sql: string): string[] {
  const bare = sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/g, " ");
  const found = (words: RegExp) => (bare.match(words) ?? []).map((word) => word.replace(/\s+/g, " ").toUpperCase());
  return [
    ...found(/\b(?:CHECK|COLLATE\s+\w+)\b/gi).map((clause) => `${clause} in ${sql.replace(/\s+/g, " ")}`),
    ...found(/\b(?:AUTOINCREMENT|ON\s+CONFLICT\s+\w+|INITIALLY\s+DEFERRED)\b/gi),
  ];
}
