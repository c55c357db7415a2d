/**
 * Errors for a database or schema that can't be used, which say what its owner has to do.
 */
import { type AppliedRow, compareHistory, type History, type Migration, migrationsTable } from "../engine/history.ts";
import { DatabaseError, InvalidInputError, MigrationError } from "../errors.ts";
import { codeOf, messageOf } from "../foreign.ts";
import { identifier } from "./names.ts";
import { type Found, ours } from "./schema.ts";

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
    `The role ${role} may not use the schema ${identifier(schema)} at ${location}. Its owner has to run ${statement}; \`run-blackboard grants\` prints all that a role needs. Nothing was changed.`,
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

/** A schema that the user shares with another program may have its migrations in the same table. */
export function historyOf(rows: readonly AppliedRow[], migrations: readonly Migration[], location: string): History {
  try {
    return compareHistory(rows, migrations, location);
  } catch (error) {
    if (!(error instanceof MigrationError) || !/^(?:SCHEMA_TOO_NEW|UNKNOWN_MIGRATION)$/.test(error.code)) throw error;
    const message = `${error.message} If another program records its migrations in ${migrationsTable} there, give one of the two a different schema.`;
    throw new MigrationError(error.code, location, message);
  }
}

export function mismatch(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} has tables with the same names that run-blackboard did not create: ${firstOf(differences)}. ` +
      `Undo the change, or use a different \`schema\` or database; nothing was changed.`,
    { differences },
  );
}

/** Returns the error for a migrated schema that was changed afterwards. */
export function altered(location: string, differences: readonly string[]): MigrationError {
  return new MigrationError(
    "SCHEMA_MISMATCH",
    location,
    `The schema at ${location} differs from the one that its migrations created: ${firstOf(differences)}. ` +
      `Undo the change, or restore a backup; nothing was changed.`,
    { differences },
  );
}

function firstOf(differences: readonly string[]): string {
  const more = differences.length > 5 ? `; and ${differences.length - 5} more in \`differences\`` : "";
  return `${differences.slice(0, 5).join("; ")}${more}`;
}

/** Returns the error for a Drizzle migrations table of another program, which cannot be shared. */
export function foreignMigrationsTable(location: string): MigrationError {
  return new MigrationError(
    "NOT_A_BLACKBOARD",
    location,
    `The schema at ${location} contains the ${migrationsTable} table of another program, but not ${ours.map(({ name }) => name).join(", ")}. ` +
      `Use a different \`schema\` or database; nothing was changed.`,
  );
}
