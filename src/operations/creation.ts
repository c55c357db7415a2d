/**
 * Creating rows. One table for each entity lists what a creator passes; the accepted names, the inserted columns and the
 * comparison of a repeat all derive from it, so a field added to it is in each of them.
 *
 * Creating something again with a known id returns the stored row if what the creator passes is equal, and writes nothing;
 * otherwise it throws ConflictError. What may change later, such as a status, is not compared.
 */
import { isDeepStrictEqual } from "node:util";
import { type Column, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { ConflictError, type Entity } from "../errors.ts";
import { isArray } from "../foreign.ts";
import type { Lens } from "./operation.ts";

/** What a repeat does with a field: it finds the row by it, compares it (JSON by its value, ids as a set), or ignores it. */
type Use = "id" | "compared" | "compared as JSON" | "compared as a set" | "not compared";

/** A use for every field of `New`: a missing one doesn't compile. */
export type CreatorFields<New> = Readonly<Record<keyof New & string, Use>>;

/** The parameters of an insert: every field of the table, checked, JSON as text. */
export type NewRow<Fields extends Readonly<Record<string, Use>>, Row> = {
  [Name in keyof Fields]: Fields[Name] extends "compared as JSON"
    ? string
    : Fields[Name] extends "compared as a set"
      ? readonly string[]
      : Name extends keyof Row
        ? Row[Name]
        : never;
} & { runId: string; now: string | null };

/**
 * Every column of a new row, for the SELECT of an INSERT … SELECT from the run's row: what the creator passes, what is computed
 * from it, the times, and otherwise the column's default.
 */
export function newColumns<T extends SQLiteTable>(
  lens: Lens,
  table: T,
  fields: Readonly<Record<string, Use>>,
  $: { readonly [name: string]: SQL } & { readonly now: SQL<string | null> },
  computed: Readonly<Record<string, SQL>> = {},
) {
  const valueFor = (name: string, column: Column) => {
    const passed = Object.hasOwn(fields, name) ? $[name] : computed[name];
    if (passed) return passed;
    return name === "createdAt" || name === "updatedAt" ? lens.time($.now) : defaultOf(name, column);
  };
  const columns = Object.entries(getTableColumns(table)).map(([name, column]) => [
    name,
    name === "runId" ? lens.t.runs.runId : lens.typed(column, valueFor(name, column)),
  ]);
  // A cast, since the compiler can't follow names through a loop: the builder demands each column of the table by name.
  return Object.fromEntries(columns) as { [Name in keyof T["_"]["columns"]]: SQL.Aliased };
}

/** As a literal: a parameter would have to be bound at each call. */
function defaultOf(name: string, { default: value, hasDefault, notNull }: Column): SQL {
  // The database numbers events, on PostgreSQL in a trigger.
  if (name === "seq" || (!hasDefault && !notNull)) return sql`null`;
  if (typeof value === "number") return sql.raw(String(value));
  if (typeof value === "string") return sql.raw(`'${value.replaceAll("'", "''")}'`);
  throw new TypeError(
    `${name}: a new row has no value for this column; add it to the creator's fields or give it a default`,
  );
}

/** Returns the stored row if each compared field of `row` equals it; otherwise throws ConflictError. */
export function repeated<Stored extends object, Fields extends Readonly<Record<string, Use>>>(
  entity: Entity,
  id: string,
  stored: Stored,
  fields: Fields,
  row: { readonly [Name in keyof Fields]: unknown },
): Stored {
  const storedFields = new Map<string, unknown>(Object.entries(stored));
  const differing: string[] = [];
  for (const name in fields) {
    const use = fields[name];
    if (use === "id" || use === "not compared") continue;
    const passed = use === "compared as JSON" ? JSON.parse(String(row[name])) : row[name];
    const found = storedFields.get(name);
    const same = use === "compared as a set" ? isSameSet(found, passed) : isSame(found, passed);
    if (!same) differing.push(name);
  }
  if (differing.length > 0) throw new ConflictError(entity, id, differing);
  return stored;
}

function isSameSet(one: unknown, other: unknown): boolean {
  return isArray(one) && isArray(other) && isSame(new Set(one), new Set(other));
}

/** Whether two values are equal as JSON: the order of keys and the sign of zero don't count. */
export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other);
}

/** The id belongs to another run of the same SQLite file. */
export function takenElsewhere(entity: Entity, id: string): ConflictError {
  return new ConflictError(entity, id, ["runId"]);
}
