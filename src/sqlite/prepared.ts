/**
 * Runs a prepared query directly on better-sqlite3, without the work that Drizzle repeats in each call.
 */
import type Database from "better-sqlite3";
import type { Logger } from "drizzle-orm";
import { binding, decoding, hasAll } from "../engine/prepared.ts";
import type { Parameters, Prepared } from "../operations/operation.ts";

interface Inside {
  stmt: Database.Statement<unknown[], unknown[]>;
  logger: Logger;
  query: { sql: string; params: unknown[] };
}

/** Returns a function that runs the query and returns the same rows as its `all`. Falls back to `all` for an unknown shape. */
export function reading(query: Prepared<unknown>): (parameters: Parameters) => unknown[] {
  const rowOf = decoding(query);
  if (!rowOf || !isKnown(query)) return (parameters) => query.all(parameters);
  const { stmt, logger } = query;
  const { sql, params } = query.query;
  const valuesOf = binding(params);
  // better-sqlite3 creates arrays faster than objects.
  stmt.raw();
  return (parameters) => {
    const values = valuesOf(parameters);
    logger.logQuery(sql, values);
    return stmt.all(...values).map(rowOf);
  };
}

function isKnown(query: object): query is Inside {
  return (
    "stmt" in query &&
    hasAll(query.stmt, "all", "raw") &&
    "logger" in query &&
    hasAll(query.logger, "logQuery") &&
    "query" in query &&
    hasAll(query.query, "sql", "params")
  );
}
