/**
 * Errors for a database or schema that can't be used, which say what its owner has to do.
 */
import { DatabaseError, InvalidInputError, MigrationError } from "../errors.ts";
import { codeOf, messageOf } from "../foreign.ts";
import { identifier } from "./names.ts";
import type { Found } from "./schema.ts";

/** Other encodings store text that is not in them as another text, or refuse it: the first emoji would fail. */
export function notUtf8(encoding: string, { database }: Found): InvalidInputError {
  const message = `must be to a database with the encoding UTF8, and without another client_encoding; ${JSON.stringify(database)} has ${encoding}`;
  return new InvalidInputError([{ path: "connection", message }]);
}

export function mayNotRead(location: string, schema: string, { usable, role }: Found): DatabaseError {
  const statement = usable
    ? `GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA ${identifier(schema)} TO ${identifier(role)}`
    : `GRANT USAGE ON SCHEMA ${identifier(schema)} TO ${identifier(role)}`;
  return new DatabaseError(
    `The role ${role} may not use the schema ${identifier(schema)} at ${location}. Its owner has to run ${statement}. Nothing was changed.`,
  );
}

/** Returns the error for a role that may not create the schema, or tables in it; `undefined` for any other error. */
export function mayNotCreate(
  cause: unknown,
  location: string,
  schema: string,
  { exists, role, database }: Found,
): MigrationError | undefined {
  if (codeOf(cause) !== "42501") return undefined;
  const [name, to] = [identifier(schema), identifier(role)];
  const remedy = exists
    ? `GRANT USAGE, CREATE ON SCHEMA ${name} TO ${to}`
    : `CREATE SCHEMA ${name} AUTHORIZATION ${to}, or GRANT CREATE ON DATABASE ${identifier(database)} TO ${to}`;
  const what = exists ? `create tables in the schema ${name}` : `create the schema ${name}`;
  const message =
    `The role ${role} may not ${what} at ${location} (${messageOf(cause)}). Its owner has to run ${remedy}; or let a role ` +
    `that may do it migrate first. Nothing was changed.`;
  return new MigrationError("MIGRATION_FAILED", location, message, { cause });
}
