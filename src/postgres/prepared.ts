/**
 * Runs a prepared query on node-postgres and skips the work that Drizzle repeats at every call, which was half of Drizzle's
 * overhead over node-postgres.
 */
import { DrizzleQueryError } from "drizzle-orm";
import type { QueryArrayConfig } from "pg";
import { binding, insideOf } from "../engine/prepared.ts";
import { messageOf } from "../foreign.ts";
import type { Parameters, Prepared } from "../operations/operation.ts";
import type { Client } from "./pool.ts";
import { ownTypes } from "./text-types.ts";

/**
 * Returns a function that runs the query on `client` and returns the same rows and throws the same errors as its `execute`. Falls
 * back to that for an unknown shape. `nameOf` returns the name of the prepared statement of a text.
 */
export function reading(
  query: Prepared<unknown>,
  client: Client,
  nameOf: (text: string) => string,
): (parameters: Parameters) => Promise<unknown> {
  const inside = insideOf(query);
  if (!inside) return async (parameters) => await query.execute(parameters);
  const { sql: text, params, logger, decode } = inside;
  // Without Drizzle's date parsers, which node-postgres would call for each column: no column is a date.
  const config: QueryArrayConfig = { name: nameOf(text), text, rowMode: "array", types: ownTypes };
  const valuesOf = binding(params);
  return async (parameters) => {
    const values = valuesOf(parameters);
    logger.logQuery(text, values);
    try {
      const { rows } = await client.query<unknown[]>(config, values);
      return decode(rows);
    } catch (error) {
      throw new DrizzleQueryError(
        text,
        values,
        error instanceof Error ? error : new Error(messageOf(error), { cause: error }),
      );
    }
  };
}
