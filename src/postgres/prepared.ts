/**
 * Runs a prepared query on node-postgres and skips the work that Drizzle repeats at every call, which was half of Drizzle's
 * overhead over node-postgres.
 */
import { createHash } from "node:crypto";
import { DrizzleQueryError, type Logger } from "drizzle-orm";
import type { QueryArrayConfig } from "pg";
import { maxKept } from "../engine/kept.ts";
import { binding, decoding, hasAll } from "../engine/prepared.ts";
import { messageOf } from "../foreign.ts";
import type { Parameters, Prepared } from "../operations/operation.ts";
import type { Client } from "./pool.ts";
import { ownTypes } from "./text-types.ts";

/** The names of each client's prepared statements; blackboards that share a pool share them. */
const names = new WeakMap<Client, Set<string>>();

/**
 * Returns the name of the prepared statement of a text: its hash, because a pool may be shared with another copy of this
 * package. Returns "" when the limit is reached: the statement is unnamed, so the server does not keep it. Evicting another
 * statement is not possible, because node-postgres has no call to forget its name.
 */
export function nameFor(client: Client, text: string): string {
  const prepared = names.get(client) ?? new Set();
  names.set(client, prepared);
  const name = `run_blackboard_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
  if (!prepared.has(name) && prepared.size >= maxKept) return "";
  prepared.add(name);
  return name;
}

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
