/**
 * Decoding of the values that this package reads. node-postgres decodes with parsers that a program may replace for itself or for
 * one pool, for example to read every integer as a BigInt: the package's own queries must return the same values there.
 */
import type { CustomTypesConfig, PoolClient, QueryResult, QueryResultRow } from "pg";

/** Oids are constant: https://www.postgresql.org/docs/15/catalog-pg-type.html */
const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [16, (text) => text === "t"],
  [20, Number],
  [21, Number],
  [23, Number],
  [114, JSON.parse],
  [700, Number],
  [701, Number],
  [3802, JSON.parse],
]);
const asText = (text: string) => text;

export const ownTypes: CustomTypesConfig = {
  getTypeParser: (oid: number) => parsers.get(Number(oid)) ?? asText,
};

/** Runs a statement of this package that Drizzle's builder can't express. */
export function ask<Row extends QueryResultRow>(
  client: PoolClient,
  text: string,
  values?: unknown[],
): Promise<QueryResult<Row>> {
  return client.query<Row>({ text, types: ownTypes, ...(values && { values }) });
}
