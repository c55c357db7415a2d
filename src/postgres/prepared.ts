/**
 * A prepared query on node-postgres, run past what Drizzle does anew at each call: half of what a call cost the client above
 * node-postgres alone.
 */
import { createHash } from "node:crypto";
import { DrizzleQueryError, type Logger } from "drizzle-orm";
import type { QueryArrayConfig } from "pg";
import { maxKept } from "../engine/kept.ts";
import { binding, decoding, hasAll } from "../engine/prepared.ts";
import { messageOf } from "../foreign.ts";
import type { Parameters, Prepared } from "../operations/operation.ts";
import type { Client } from "./pool.ts";

/** What each client has prepared on its server process; blackboards that share a pool share them. */
const names = new WeakMap<Client, Set<string>>();

/**
 * The name of the prepared statement of a text: its hash, since a pool may be shared with another copy of this package. "" for
 * a text that comes after as many as may be kept: it runs without a name, which the server forgets. To evict another one
 * instead, node-postgres would have to forget its name too, and has no call for that.
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

/** The query itself, giving the rows that its `execute` gives, and its errors. */
export function reading(query: Prepared<unknown>): (parameters: Parameters) => Promise<unknown> {
  const rowOf = decoding(query);
  if (!rowOf || !isKnown(query)) return async (parameters) => await query.execute(parameters);
  const { client, logger, params } = query;
  const { name, text } = query.queryConfig;
  // Without Drizzle's parsers of dates, of which there are none here: node-postgres would ask them for each column.
  const config: QueryArrayConfig = { name, text, rowMode: "array" };
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
