/**
 * Names in SQL text. Every statement names its schema, because a search_path may change while a blackboard is open, and a pooler
 * may not pass it on.
 */
import { defaultSchema } from "../../drizzle/schema.postgres.ts";

/** Returns a name as an identifier in SQL text. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Returns a statement of a migration for another schema than the default one, which all migrations name. No name of a schema is in
 * quotes or a comment there, which `npm run db:check` checks.
 */
export function inSchema(statement: string, schema: string): string {
  return statement.replaceAll(`${identifier(defaultSchema)}.`, () => `${identifier(schema)}.`);
}
