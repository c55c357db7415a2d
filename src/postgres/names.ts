/**
 * Names in SQL text. Every statement names its schema, because a search_path may change while a blackboard is open, and a pooler
 * may not pass it on.
 */
import { defaultSchema } from "../../drizzle/schema.postgres.ts";

/** Returns a name as an identifier in SQL text. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The same for SQL that is printed: no character in it controls a terminal. */
export function printableIdentifier(name: string): string {
  const escaped = identifier(name)
    .replaceAll("\\", "\\\\")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\+${hexOf(character)}`);
  return escaped === identifier(name) ? escaped : `U&${escaped}`;
}

function hexOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(6, "0");
}

/**
 * Returns a statement of a migration for another schema than the default one, which all migrations name. No name of a schema is in
 * quotes or a comment there, which `npm run db:check` checks.
 */
export function inSchema(statement: string, schema: string): string {
  return statement.replaceAll(`${identifier(defaultSchema)}.`, () => `${identifier(schema)}.`);
}
