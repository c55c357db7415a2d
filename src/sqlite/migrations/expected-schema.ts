/**
 * What a file's schema should be, and how it differs. Equal texts are enough; only an object whose text differs is compared
 * more closely, such as the tables of a file that the reference wrote.
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
  /** Names the object and says what differs. */
  readonly line: string;
  readonly expected: MadeObject;
  /** How a repair can undo it without losing anything of a user's: by making the object, or by replacing its SQL. */
  readonly repair?: "make" | "replace";
}

/** Tables that hold nothing but what is derived from others. */
const derivedTables: readonly string[] = ["tallies"];

/** The other statements move rows, which a model does not have, and may call functions of the connection. */
const changesSchema = (statement: string) => /^(?:CREATE|ALTER|DROP)\b/i.test(statement);

/** What these migrations make. For the package's own list it is embedded, since a replay would triple an opening. */
export function expectedSchema(migrations: readonly Migration[]): readonly MadeObject[] {
  if (migrations === embedded) return schema;
  const model = replay(migrations, changesSchema);
  try {
    return madeObjects(model);
  } finally {
    model.close();
  }
}

/** How a file that holds these objects differs from what is expected. Whatever else it holds is its users'. */
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

/** SQLite compares names without regard to the case of ASCII letters. */
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
  // On a different table it is a user's, which happens to have this name.
  if (object.table.toLowerCase() !== made.table.toLowerCase())
    return [{ line: `${name}: is on ${object.table}, not on ${made.table}`, expected: made }];
  return [{ line: `${name}: is ${shortened(object.sql)}`, expected: made, repair: "replace" }];
}

/** A user's SQL may be of any length. */
function shortened(sql: string | null): string {
  const text = (sql ?? "SQLite's own").replace(/\s+/g, " ");
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}

/** Tables, indexes and views share their names; triggers have names of their own. */
function namesake(made: MadeObject, objects: readonly SchemaObject[]): SchemaObject | undefined {
  return objects.find(({ type, name }) => type !== "trigger" && name.toLowerCase() === made.name.toLowerCase());
}

function described({ type, name }: SchemaObject): string {
  return `${type === "index" ? "an" : "a"} ${type} ${name}`;
}

const token =
  /(?<space>\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|'(?:[^']|'')*'|"(?<double>(?:[^"]|"")*)"|`(?<back>(?:[^`]|``)*)`|\[(?<square>[^\]]*)\]|[\w$\u0080-\uffff]+|[\s\S]/g;

/** Whether they differ in white space, comments, quotes around names and letter case alone. */
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
