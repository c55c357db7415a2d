/**
 * Precomputes the binding and the row decoder of a prepared query. Drizzle goes through the parameters at every call and
 * through the selected fields for every row: for a page of a hundred briefs that takes as long as SQLite itself.
 */
import { Column, is, Param, Placeholder } from "drizzle-orm";
import type { Parameters } from "../operations/operation.ts";

type Row = Record<string, unknown>;
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
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder, value: placeholder } = param;
    return ({ [placeholder.name]: value }) => encoder.mapToDriverValue(value);
  }
  return () => param;
}

/**
 * Returns a function that converts the driver's array of values into a row. Returns `undefined` if a field is nested in the
 * row, or this version of Drizzle stores fields differently; Drizzle then has to decode the rows.
 */
export function decoding(query: object): ((values: readonly unknown[]) => Row) | undefined {
  if (!("fields" in query) || !Array.isArray(query.fields)) return undefined;
  const fields: Field[] = [];
  for (const selected of query.fields) {
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

/** Returns whether a value is an object with these properties, which Drizzle's types don't expose. */
export function hasAll(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}
