/**
 * Compares a file's schema with the expected one. Objects with equal SQL are equal; only those with different SQL are compared in
 * detail, such as the tables of a file that the Python reference wrote.
 */
import type Database from "better-sqlite3";
import type { Migration } from "../../engine/history.ts";
import { migrations as embedded, schema } from "./embedded.sqlite.ts";
import {
  type Describer,
  describer,
  differingLines,
  isTable,
  type MadeObject,
  madeObjects,
  replay,
  type SchemaObject,
} from "./schema.ts";

export interface Difference {
  /** The object and the difference, on one line. */
  readonly line: string;
  readonly expected: MadeObject;
  /** How a repair can correct it without losing data: by creating the object, or by replacing its SQL. */
  readonly repair?: "make" | "replace";
}

/** Tables whose rows are all derived from other tables. */
const derivedTables: readonly string[] = ["tallies"];

/** The model has no rows, so it skips other statements, which may also call functions that it lacks. */
const changesSchema = (statement: string) => /^(?:CREATE|ALTER|DROP)\b/i.test(statement);

/** Returns the objects that these migrations create. The package's own are embedded: a replay would triple the time to open. */
export function expectedSchema(migrations: readonly Migration[]): readonly MadeObject[] {
  if (migrations === embedded) return schema;
  const model = replay(migrations, changesSchema);
  try {
    return madeObjects(model);
  } finally {
    model.close();
  }
}

/** Returns how the objects of a file differ from the expected ones. Ignores user-defined objects. */
export function compareSchema(
  client: Database.Database,
  objects: readonly SchemaObject[],
  expected: readonly MadeObject[],
): Difference[] {
  const found = new Map(objects.map((object) => [keyOf(object), object]));
  const tables = new Set(objects.filter(isTable).map(({ name }) => name));
  let describe: Describer | undefined;
  return expected.flatMap((made) => {
    const object = found.get(keyOf(made));
    if (object?.name === made.name && object.sql === made.sql) return [];
    if (!isTable(made)) return tables.has(made.table) ? ofIndexOrTrigger(made, object, objects) : [];
    if (!tables.has(made.name)) return [missingTable(made, objects)];
    describe ??= describer(client);
    return differingLines(made.name, describe(made.name), made.lines).map((line) => ({ line, expected: made }));
  });
}

/** SQLite compares names case-insensitively for ASCII letters. */
export function keyOf({ type, name }: SchemaObject): string {
  return `${type} ${name.toLowerCase()}`;
}

function missingTable(made: MadeObject, objects: readonly SchemaObject[]): Difference {
  const other = namesake(made, objects);
  if (other) return { line: `${made.name}: is ${described(other)}`, expected: made };
  const line = `${made.name}: lacks the table`;
  return { line, expected: made, ...(derivedTables.includes(made.name) && { repair: "make" }) };
}

function ofIndexOrTrigger(
  made: MadeObject,
  object: SchemaObject | undefined,
  objects: readonly SchemaObject[],
): Difference[] {
  const name = `${made.type} ${made.name}`;
  if (!object) {
    const other = made.type === "index" ? namesake(made, objects) : undefined;
    if (other) return [{ line: `${name}: is ${described(other)}`, expected: made }];
    return [{ line: `${name}: is missing`, expected: made, repair: "make" }];
  }
  if (object.sql !== null && isSameSql(object.sql, made.sql)) return [];
  // On a different table it is a user-defined object with the same name.
  if (object.table.toLowerCase() !== made.table.toLowerCase())
    return [{ line: `${name}: is on ${object.table}, not on ${made.table}`, expected: made }];
  return [{ line: `${name}: is ${shortened(object.sql)}`, expected: made, repair: "replace" }];
}

/** Truncates SQL, which has no length limit in user-defined objects. */
function shortened(sql: string | null): string {
  const text = (sql ?? "SQLite's own").replace(/\s+/g, " ");
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}

/** Tables, indexes and views share a namespace; triggers have a separate one. */
function namesake(made: MadeObject, objects: readonly SchemaObject[]): SchemaObject | undefined {
  return objects.find(({ type, name }) => type !== "trigger" && name.toLowerCase() === made.name.toLowerCase());
}

function described({ type, name }: SchemaObject): string {
  return `${type === "index" ? "an" : "a"} ${type} ${name}`;
}

const token =
  /(?<space>\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|'(?:[^']|'')*'|"(?<double>(?:[^"]|"")*)"|`(?<back>(?:[^`]|``)*)`|\[(?<square>[^\]]*)\]|[\w$\u0080-\uffff]+|[\s\S]/g;

/** Whether two texts are equal apart from whitespace, comments, quotes around names and letter case. */
function isSameSql(one: string, other: string): boolean {
  return essenceOf(one) === essenceOf(other);
}

function essenceOf(sql: string): string {
  return [...sql.matchAll(token)]
    .filter(({ groups }) => groups?.space === undefined)
    .map(({ 0: text, groups }) => {
      const name = groups?.double ?? groups?.back ?? groups?.square ?? text;
      return name.startsWith("'") ? name : name.toLowerCase();
    })
    .join(" ");
}
