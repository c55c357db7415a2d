/**
 * Validation of the options of the functions for PostgreSQL: which server, schema and run.
 */
import { has } from "../foreign.ts";
import { Check, maxInteger, shown } from "./check.ts";
import { type CommonOptions, checkCommon, checkRunId, commonNames, refuseConnection } from "./options.ts";

/** A PostgreSQL schema: which server and database, and which of the database's schemas. */
export interface ServerOptions<Pool> {
  connection: string | Pool;
  /**
   * The PostgreSQL schema that contains the tables: 1 to 63 bytes. Default: the `schema` of the connection string, such as
   * `postgresql://app@db/agents?schema=team_a`, otherwise `"run_blackboard"`. Migrating creates it if it is missing.
   */
  schema?: string | undefined;
  /**
   * Whether statements are prepared by name, which saves the server parsing and planning them each time. Default: until the server
   * refuses one, as it does through a pooler that doesn't keep track of them.
   */
  preparedStatements?: boolean | undefined;
  /**
   * After this time without progress a transaction or call ends, on the server and here, in milliseconds, so that a machine
   * that vanishes keeps no locks. In a transaction, also the maximum time between two calls. Default: 30000.
   */
  transactionTimeoutMs?: number | undefined;
}

export const serverNames = {
  connection: true,
  schema: true,
  preparedStatements: true,
  transactionTimeoutMs: true,
} as const;

/** Checks the options of a function about a whole schema that has options of its own, too. */
export function checkServerOptions<Pool extends object>(given: Partial<ServerOptions<Pool>>) {
  // An empty string is refused as a missing connection.
  const { connection = "", schema, preparedStatements, transactionTimeoutMs } = given;
  return checkPostgresViewOptions({ connection, schema, preparedStatements, transactionTimeoutMs });
}

const defaultTransactionTimeoutMs = 30_000;

export function checkPostgresOptions<Pool extends object>(options: CommonOptions & ServerOptions<Pool>) {
  const check = new Check();
  const given = check.object("options", options, { ...commonNames, ...serverNames });
  const settings = { ...checkCommon(check, given), ...checkServer(check, given) };
  check.done();
  return settings;
}

/** A run of a PostgreSQL database. `runId` is optional if the schema has only one run. */
export interface PostgresViewOptions<Pool> extends ServerOptions<Pool> {
  runId?: string | undefined;
}

export function checkPostgresViewOptions<Pool extends object>(options: PostgresViewOptions<Pool>) {
  const check = new Check();
  const given = check.object("options", options, { runId: true, ...serverNames });
  const settings = {
    runId: given.runId === undefined ? undefined : checkRunId(check, given.runId),
    ...checkServer(check, given),
  };
  check.done();
  return settings;
}

/** A role that uses a schema which another role owns and migrates. */
export interface GrantOptions {
  /** The role's name. */
  role: string;
  /** Default: `"run_blackboard"`. */
  schema?: string | undefined;
  /** Whether the role may also delete runs, as `prunePostgresRuns` does. Default: false. */
  prune?: boolean | undefined;
}

export function checkGrantOptions(options: GrantOptions) {
  const check = new Check();
  const given = check.object("options", options, { role: true, schema: true, prune: true });
  const settings = {
    role: checkRole(check, given.role),
    schema: given.schema === undefined ? undefined : checkSchemaName(check, "schema", given.schema),
    prune: given.prune !== undefined && check.boolean("prune", given.prune),
  };
  check.done();
  return settings;
}

/** PostgreSQL would shorten a longer name without an error, and takes public, also in quotes, for every role. */
function checkRole(check: Check, value: unknown): string {
  if (refuseConnection(check, "role", value)) return "";
  const role = check.text("role", value);
  const bytes = Buffer.byteLength(role);
  if (bytes > 63) check.refuse("role", `must name a role with 1 to 63 bytes, got ${bytes}`);
  if (/^(?:public|none)$/.test(role)) check.refuse("role", `must name a role, which ${shown(role)} does not`);
  return role;
}

function checkServer<Pool extends object>(
  check: Check,
  { connection, schema, preparedStatements, transactionTimeoutMs }: Partial<ServerOptions<Pool>>,
) {
  return {
    connection: checkConnection(check, connection),
    schema: schema === undefined ? undefined : checkSchemaName(check, "schema", schema),
    preparedStatements:
      preparedStatements === undefined ? undefined : check.boolean("preparedStatements", preparedStatements),
    transactionTimeoutMs:
      transactionTimeoutMs === undefined
        ? defaultTransactionTimeoutMs
        : check.integer("transactionTimeoutMs", transactionTimeoutMs, 1, maxInteger),
  };
}

/** PostgreSQL would shorten a longer name without an error, and refuses names that begin with pg_. */
export function checkSchemaName(check: Check, path: string, value: unknown): string {
  if (refuseConnection(check, path, value)) return "";
  const name = check.text(path, value);
  const bytes = Buffer.byteLength(name);
  if (bytes > 63) check.refuse(path, `must name a schema with 1 to 63 bytes, got ${bytes}`);
  if (/^pg_/.test(name)) check.refuse(path, `must not name a schema that begins with pg_, got ${shown(name)}`);
  return name;
}

/** Checks only the type: the engine validates the connection string. */
function checkConnection<Pool extends object>(check: Check, connection: string | Pool | undefined): string | Pool {
  const isPool = typeof connection === "object" && connection !== null && has(connection, looksLikePool);
  if (!isPool && (typeof connection !== "string" || connection === "")) {
    // Without the value: it may contain a password.
    check.refuse("connection", "must be a connection string or a node-postgres Pool");
  }
  return connection ?? "";
}

function looksLikePool(value: object): boolean {
  const methods = ["connect", "on", "removeListener"].map((name): unknown => Reflect.get(value, name));
  const options: unknown = Reflect.get(value, "options");
  return methods.every((method) => typeof method === "function") && typeof options === "object" && options !== null;
}
