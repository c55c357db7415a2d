/**
 * What a prepared query needs, worked out once. Drizzle looks through the parameters at each call and through the selected
 * fields for each row: for a page of a hundred briefs that takes as long as SQLite itself.
 */
import { Column, is, Param, Placeholder } from "drizzle-orm";
import type { Parameters } from "../operations/operation.ts";

type Row = Record<string, unknown>;
interface Field {
  readonly name: string;
  /** Where the column's text is not yet the value, such as JSON's. Expressions are read as they come. */
  readonly decode: ((value: unknown) => unknown) | undefined;
}

/** Gives the values to be bound, in the order of the statement's parameters. */
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
 * Makes a row of the values that the driver gives for one, in the order of the fields. `undefined` where a field belongs into
 * an object within the row, or this version of Drizzle does not keep fields as it did: then Drizzle has to read the rows.
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
  return (values) => {
    const row: Row = {};
    let place = 0;
    for (const { name, decode } of fields) {
      const value = values[place++];
      row[name] = decode && value !== null ? decode(value) : value;
    }
    return row;
  };
}

/** Whether something is an object that has all of these; Drizzle's own types tell of none of them. */
export function hasAll(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}
