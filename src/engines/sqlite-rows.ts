/**
 * Rows out of a prepared query. Drizzle walks through the selected fields anew for each row, which for a page of a hundred
 * briefs takes as long as SQLite itself. Here that is done once a statement.
 */
import { Column, is } from "drizzle-orm";
import type { Parameters, Prepared } from "../operations/operation.ts";

type Row = Record<string, unknown>;
interface Field {
  readonly name: string;
  /** Where the column's text is not yet the value, such as JSON's. Expressions are read as they come. */
  readonly decode: ((value: unknown) => unknown) | undefined;
}

/** The query itself, giving the rows that its `all` gives. */
export function reading(query: Prepared<unknown>): (parameters: Parameters) => unknown[] {
  const fields = fieldsOf(query);
  if (!fields || !hasValues(query)) return (parameters) => query.all(parameters);
  return (parameters) => query.values(parameters).map((values) => rowOf(fields, values));
}

function rowOf(fields: readonly Field[], values: readonly unknown[]): Row {
  const row: Row = {};
  let place = 0;
  for (const { name, decode } of fields) {
    const value = values[place++];
    row[name] = decode && value !== null ? decode(value) : value;
  }
  return row;
}

/**
 * What Drizzle's prepared queries have inside and do not tell of. Where a version of Drizzle has it otherwise, or a field
 * belongs into an object within the row, there is nothing here, and Drizzle reads the rows.
 */
function fieldsOf(query: object): Field[] | undefined {
  if (!("fields" in query) || !Array.isArray(query.fields)) return undefined;
  const fields: Field[] = [];
  for (const selected of query.fields) {
    const { path, field } = selected ?? {};
    if (!Array.isArray(path) || path.length !== 1 || typeof field !== "object") return undefined;
    const plain = !is(field, Column) || field.mapFromDriverValue === Column.prototype.mapFromDriverValue;
    fields.push({ name: String(path[0]), decode: plain ? undefined : (value) => field.mapFromDriverValue(value) });
  }
  return fields;
}

/** `values` gives rows as arrays: better-sqlite3 makes those faster than objects. */
function hasValues(query: object): query is { values(parameters: Parameters): unknown[][] } {
  return "values" in query && typeof query.values === "function";
}
