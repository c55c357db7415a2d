/**
 * Runs a prepared query directly on better-sqlite3, without the work that Drizzle repeats in each call.
 */
import type Database from "better-sqlite3";
import { binding, insideOf } from "../engine/prepared.ts";
import type { Parameters, Prepared } from "../operations/operation.ts";

/**
 * Returns a function that runs the query on `client` and returns the same rows as its `all`. Falls back to `all` for an unknown
 * shape.
 */
export function reading(query: Prepared<unknown>, client: Database.Database): (parameters: Parameters) => unknown[] {
  const inside = insideOf(query);
  if (!inside) return (parameters) => query.all(parameters);
  const { sql, params, logger, decode } = inside;
  const valuesOf = binding(params);
  const prepared =
    "stmt" in query && isStatementOf(query.stmt, client) ? query.stmt : client.prepare<unknown[], unknown[]>(sql);
  // better-sqlite3 creates arrays faster than objects.
  const statement = prepared.raw();
  return (parameters) => {
    const values = valuesOf(parameters);
    logger.logQuery(sql, values);
    return decode(statement.all(...values));
  };
}

/** Drizzle 0.45 prepares the statement and shows it, 1.0 hides it. */
function isStatementOf(
  statement: unknown,
  client: Database.Database,
): statement is Database.Statement<unknown[], unknown[]> {
  return (
    typeof statement === "object" && statement !== null && "database" in statement && statement.database === client
  );
}
