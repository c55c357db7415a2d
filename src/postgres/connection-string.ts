/**
 * What a connection string names. One that can't be used is refused with the reason and never shown, because it may contain a
 * password, in whichever place: a URL in quotes, libpq's keywords, a whole `psql` command.
 */
import pg from "pg";
import { defaultSchema } from "../../drizzle/schema.postgres.ts";
import { InvalidInputError } from "../errors.ts";
import { codeOf, isError } from "../foreign.ts";
import { Check } from "../input/check.ts";
import { checkSchemaName } from "../input/options.ts";

const example = "such as postgresql://user@host:5432/database";

/** Returns a connection string that node-postgres understands as the user meant it; throws `InvalidInputError` otherwise. */
export function pastable(given: string): string {
  const text = given.trim();
  // node-postgres takes any other text for the name of a database on localhost.
  if (!/^(?:postgres(?:ql)?|socket):\/\/|^\//i.test(text)) throw refused(reasonOf(text));
  if (text.startsWith("/")) return text;
  const url = parsed(text);
  if (url.hash !== "") throw refused(`contains a #, which must be written %23`);
  const rest = url.pathname + url.search;
  // Cut off at the first of these characters, a password would be taken for a host and a port, which are shown.
  if (url.username === "" && url.password === "" && rest.includes("@")) {
    throw refused(
      "has an @ after the host: in a user name or password, write / as %2F, ? as %3F, # as %23 and @ as %40",
    );
  }
  return text;
}

function parsed(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // A host that is missing, as in postgresql://user@/database?host=/run/postgresql, is one of a socket.
    const withHost = text.replace("@/", "@socket/");
    if (URL.canParse(withHost)) return new URL(withHost);
    throw refused(
      "is not a URL: in a user name or password, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25",
    );
  }
}

/** Names what was pasted, without any part of it. */
function reasonOf(text: string): string {
  const must = `must be a connection string ${example}, or a node-postgres Pool`;
  if (/^["'`]/.test(text)) return `${must}: it is in quotes, which are part of the string here`;
  if (/^(?:\w+=\S+\s+)*(?:psql|pg_\w+)\s/.test(text)) return `${must}: this is a command; use only the URL in it`;
  if (/^\w+\s*=/.test(text)) {
    return /^\w+=["']?postgres/i.test(text)
      ? `${must}: this is an assignment to a variable; use only the URL in it`
      : `${must}: keywords such as host=… dbname=… are not supported`;
  }
  return must;
}

function refused(message: string, options?: ErrorOptions): InvalidInputError {
  return new InvalidInputError([{ path: "connection", message }], options);
}

/** Returns a pool's connection string, if it was made with one. */
export function stringOf(pool: pg.Pool): string | undefined {
  try {
    const text: unknown = pool.options.connectionString;
    return typeof text === "string" ? text : undefined;
  } catch {
    throw refused(`must be a connection string ${example}, or a node-postgres Pool`);
  }
}

/** Returns the schema: the option, or the `schema` of the connection string, or the default one. */
export function schemaOf(connectionString: string | undefined, given: string | undefined): string {
  const query = /\?(.*)$/s.exec(connectionString ?? "")?.[1] ?? "";
  const named = new URLSearchParams(query).getAll("schema");
  const check = new Check();
  for (const name of named) checkSchemaName(check, "connection", name);
  const [first = defaultSchema, ...others] = new Set(given === undefined ? named : [given, ...named]);
  if (others.length > 0) check.refuse("schema", "must be the same as in the connection string");
  check.done();
  return first;
}

/** Returns the server, database and schema as a URL without credentials. */
export function locationOf(options: pg.ClientConfig, schema: string): string {
  const { host, port, database } = clientOf(options);
  const name = encodeURIComponent(database ?? "");
  const inSchema = `schema=${encodeURIComponent(schema)}`;
  if (host.startsWith("/")) return `postgresql:///${name}?host=${host}&port=${port}&${inSchema}`;
  return `postgresql://${host.includes(":") ? `[${host}]` : host}:${port}/${name}?${inSchema}`;
}

/** Without the cause: its message may contain the connection string. */
function clientOf(options: pg.ClientConfig): pg.Client {
  try {
    return new pg.Client(options);
  } catch (error) {
    throw refused(reasonOfFailure(error) ?? `must be a connection string ${example}, or a node-postgres Pool`);
  }
}

/** A certificate is read when the string is parsed. */
function reasonOfFailure(error: unknown): string | undefined {
  const code = codeOf(error) ?? "";
  if (/^E[A-Z]+$/.test(code)) {
    const path =
      isError(error) && "path" in error && typeof error.path === "string" ? ` ${JSON.stringify(error.path)}` : "";
    return `has an sslrootcert, sslcert or sslkey whose file cannot be read:${path} (${code})`;
  }
  return isError(error) && error.message.includes("sslmode")
    ? "has an sslmode that also needs an sslrootcert"
    : undefined;
}
