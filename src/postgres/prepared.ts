/**
 * Runs a prepared query on node-postgres and skips the work that Drizzle repeats at every call, which was half of Drizzle's
 * overhead over node-postgres.
 */
import { DrizzleQueryError, type Logger } from "drizzle-orm";
import type { QueryArrayConfig } from "pg";
import { binding, decoding, hasAll } from "../engine/prepared.ts";
import { messageOf } from "../foreign.ts";
import type { Parameters, Prepared } from "../operations/operation.ts";
import type { Client } from "./pool.ts";
import { ownTypes } from "./text-types.ts";

interface Inside {
  client: Client;
  logger: Logger;
  params: unknown[];
  queryConfig: QueryArrayConfig;
}

/** Returns a function that runs the query and returns the same rows and throws the same errors as its `execute`. */
export function reading(query: Prepared<unknown>): (parameters: Parameters) => Promise<unknown> {
  const rowOf = decoding(query);
  if (!rowOf || !isKnown(query)) return async (parameters) => await query.execute(parameters);
  const { client, logger, params } = query;
  const { name, text } = query.queryConfig;
  // Without Drizzle's date parsers, which node-postgres would call for each column: no column is a date.
  const config: QueryArrayConfig = { name, text, rowMode: "array", types: ownTypes };
  const valuesOf = binding(params);
  return async (parameters) => {
    const values = valuesOf(parameters);
    logger.logQuery(text, values);
    try {
      const { rows } = await client.query<unknown[]>(config, values);
      return rows.map(rowOf);
    } catch (error) {
      throw new DrizzleQueryError(
        text,
        values,
        error instanceof Error ? error : new Error(messageOf(error), { cause: error }),
      );
    }
  };
}

function isKnown(query: object): query is Inside {
  return (
    "client" in query &&
    hasAll(query.client, "query") &&
    "logger" in query &&
    hasAll(query.logger, "logQuery") &&
    "params" in query &&
    Array.isArray(query.params) &&
    "queryConfig" in query &&
    hasAll(query.queryConfig, "text", "rowMode")
  );
}
