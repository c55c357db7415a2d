/**
 * Rows out of a prepared query. Drizzle looks through the parameters and the selected fields anew at each call, which for a
 * page of a hundred briefs takes as long as SQLite itself. Here that is done once a statement.
 */
import type Database from "better-sqlite3";
import { Column, is, type Logger, Param, Placeholder } from "drizzle-orm";
import type { Parameters, Prepared } from "../operations/operation.ts";

type Row = Record<string, unknown>;
interface Field {
  readonly name: string;
  /** Where the column's text is not yet the value, such as JSON's. Expressions are read as they come. */
  readonly decode: ((value: unknown) => unknown) | undefined;
}
/** Gives one of the values to be bound. */
type Binder = (parameters: Parameters) => unknown;

/** The query itself, giving the rows that its `all` gives. */
export function reading(query: Prepared<unknown>): (parameters: Parameters) => unknown[] {
  const fields = fieldsOf(query);
  if (!fields || !isOpen(query)) return (parameters) => query.all(parameters);
  const { stmt, logger } = query;
  const { sql, params } = query.query;
  const binders = params.map(binderOf);
  // Rows as arrays: better-sqlite3 makes those faster than objects.
  stmt.raw();
  return (parameters) => {
    const values = binders.map((bind) => bind(parameters));
    logger.logQuery(sql, values);
    return stmt.all(...values).map((row) => rowOf(fields, row));
  };
}

function binderOf(param: unknown): Binder {
  if (is(param, Placeholder)) return ({ [param.name]: value }) => value;
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder, value: placeholder } = param;
    return ({ [placeholder.name]: value }) => encoder.mapToDriverValue(value);
  }
  return () => param;
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

interface Open {
  stmt: Database.Statement<unknown[], unknown[]>;
  logger: Logger;
  query: { sql: string; params: unknown[] };
}

function isOpen(query: object): query is Open {
  if (!("stmt" in query && "logger" in query && "query" in query)) return false;
  const { stmt, logger, query: built } = query;
  return (
    isObjectWith(stmt, "all") &&
    isObjectWith(stmt, "raw") &&
    isObjectWith(logger, "logQuery") &&
    isObjectWith(built, "params")
  );
}

function isObjectWith(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && name in value;
}
