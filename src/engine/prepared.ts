/**
 * Precomputes the binding and the row decoder of a prepared query. Drizzle goes through the parameters at every call and
 * through the selected fields for every row: for a page of a hundred briefs that takes as long as SQLite itself.
 */
import { Column, is, type Logger, Param, Placeholder } from "drizzle-orm";
import type { Parameters } from "../operations/operation.ts";

type Row = Record<string, unknown>;
type Decode = (rows: unknown[][]) => unknown[];
interface Field {
  readonly name: string;
  /** Decodes a stored value that differs from the result, such as JSON text. Not set for expressions. */
  readonly decode: ((value: unknown) => unknown) | undefined;
}

/** Returns a function that returns the values to bind, in the order of the statement's parameters. */
export function binding(params: readonly unknown[]): (parameters: Parameters) => unknown[] {
  const binders = params.map(binderOf);
  return (parameters) => binders.map((bind) => bind(parameters));
}

function binderOf(param: unknown): (parameters: Parameters) => unknown {
  if (is(param, Placeholder)) return ({ [param.name]: value }) => value;
  return () => param;
}

/** What a prepared query consists of, which Drizzle's types don't expose. */
export interface Inside {
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly logger: Logger;
  /** Decodes the driver's arrays of values. */
  readonly decode: Decode;
}

/**
 * Returns what a query consists of, so that it can be run without Drizzle; `undefined` if Drizzle has to bind or decode, or this
 * version stores it differently.
 */
export function insideOf(query: object): Inside | undefined {
  const decode = decoding(query);
  if (!decode || !isKnown(query)) return undefined;
  const { logger } = query;
  const { sql, params } = query.query;
  return params.some(isEncoded) ? undefined : { sql, params, logger, decode };
}

/** Whether the parameter's value is encoded for its column, by rules that differ between versions. Ours are all within `sql`. */
function isEncoded(param: unknown): boolean {
  return is(param, Param) && is(param.value, Placeholder);
}

interface Known {
  logger: Logger;
  query: { sql: string; params: unknown[] };
}

function isKnown(query: object): query is Known {
  return (
    "logger" in query &&
    hasAll(query.logger, "logQuery") &&
    "query" in query &&
    hasAll(query.query, "sql", "params") &&
    !isJoined(query.query)
  );
}

/** Whether version 1.0 joins the text from parts at each call. */
function isJoined(query: object): boolean {
  return "_sql" in query && query._sql !== undefined;
}

/** Returns `undefined` if a field is nested in the row, or this version of Drizzle stores fields differently. */
function decoding(query: object): Decode | undefined {
  if ("mapper" in query && isMapper(query.mapper) && "mode" in query && query.mode === "arrays") return query.mapper;
  const rowOf = "fields" in query ? rowDecoding(query.fields) : undefined;
  return rowOf && ((rows) => rows.map(rowOf));
}

/** Version 1.0 prepares its decoder. */
function isMapper(mapper: unknown): mapper is Decode {
  return typeof mapper === "function";
}

function rowDecoding(selection: unknown): ((values: readonly unknown[]) => Row) | undefined {
  if (!Array.isArray(selection)) return undefined;
  const fields: Field[] = [];
  for (const selected of selection) {
    const { path, field } = selected ?? {};
    if (!Array.isArray(path) || path.length !== 1 || typeof field !== "object") return undefined;
    const plain = !is(field, Column) || field.mapFromDriverValue === Column.prototype.mapFromDriverValue;
    fields.push({ name: String(path[0]), decode: plain ? undefined : (value) => field.mapFromDriverValue(value) });
  }
  // A copy has room for all fields from the start: adding them one by one costs a third more.
  const empty: Row = Object.fromEntries(fields.map(({ name }) => [name, null]));
  return (values) => {
    const row: Row = { ...empty };
    let place = 0;
    for (const { name, decode } of fields) {
      const value = values[place++];
      row[name] = decode && value !== null ? decode(value) : value;
    }
    return row;
  };
}

/** Returns whether a value is an object with these properties. */
function hasAll(value: unknown, ...names: readonly string[]): value is object {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}
