/** An empty schema per test on the server shared by the whole run, and helpers to read it. */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import pg from "pg";
import { openPostgresBlackboard, type PostgresOptions } from "run-blackboard/postgres";
import { inject, onTestFinished } from "vitest";
import type { Answer } from "./global-setup.ts";

/** False if PostgreSQL is not installed: `describe.skipIf(!hasServer)`. */
export const hasServer = inject("postgres") !== null;

export type Row = Record<string, unknown>;

export interface Schema {
  readonly name: string;
  /** A connection string to the shared database for this schema, which is also the search_path, so that `sql` needs no prefix. */
  readonly url: string;
  /** Runs plain SQL on its own connection, not through the package. */
  sql<R extends object = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

let answer: Promise<Answer> | undefined;

/** The server's connection string; the first call starts the server. */
export async function serverUrl(): Promise<string> {
  answer ??= text(connect(inject("postgres") ?? "")).then((json): Answer => JSON.parse(json));
  const given = await answer;
  if ("error" in given) throw new Error(given.error);
  return given.url;
}

let made = 0;

/** A schema that is dropped with all its contents after the test. */
export async function freshSchema(server?: string): Promise<Schema> {
  const { schema, drop } = await makeSchema(server);
  onTestFinished(drop);
  return schema;
}

/** A schema that is not dropped after a test. */
export async function makeSchema(server?: string): Promise<{ schema: Schema; drop: () => Promise<void> }> {
  const name = `t${process.pid}_${++made}`;
  const url = inSchema(withOption(server ?? (await serverUrl()), `search_path=${name}`), name);
  const pool = quietPool(url, { max: 1 });
  const sql = async <R extends object>(query: string, values: readonly unknown[] = []) =>
    (await pool.query<R>(query, [...values])).rows;
  await sql(`CREATE SCHEMA ${name}`);
  const drop = async () => {
    // A test that left a transaction open has already failed: its locks must not block the other tests.
    await sql("SET lock_timeout = '10s'");
    await sql(`DROP SCHEMA ${name} CASCADE`);
    await pool.end();
  };
  return { schema: { name, url, sql }, drop };
}

let databases = 0;

/** An empty database, dropped after the test; `options` as of CREATE DATABASE. The `sql` of it needs names with schemas. */
export async function freshDatabase(options = ""): Promise<Schema> {
  const name = `d${process.pid}_${++databases}`;
  const server = await serverUrl();
  const admin = quietPool(server, { max: 1 });
  await admin.query(`CREATE DATABASE ${name} ${options}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const pool = quietPool(url, { max: 1 });
  onTestFinished(async () => {
    await pool.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  });
  const sql = async <R extends object>(query: string, values: readonly unknown[] = []) =>
    (await pool.query<R>(query, [...values])).rows;
  return { name, url, sql };
}

/** A role that may log in and nothing else, dropped after the test; returns the URL of a database for it. */
export async function freshRole({ url, sql }: Pick<Schema, "url" | "sql">, name: string): Promise<string> {
  await sql(`CREATE ROLE ${name} LOGIN`);
  onTestFinished(async () => {
    await sql(`DROP OWNED BY ${name} CASCADE`);
    await sql(`DROP ROLE ${name}`);
  });
  return Object.assign(new URL(url), { username: name }).href;
}

/** The same for another schema. */
export function inSchema(url: string, schema: string): string {
  const whole = new URL(url);
  whole.searchParams.set("schema", schema);
  return whole.href;
}

/** A connection string with one more session setting. */
export function withOption(url: string, setting: string): string {
  const whole = new URL(url);
  const options = whole.searchParams.get("options");
  whole.searchParams.set("options", `${options ? `${options} ` : ""}-c ${setting}`);
  return whole.href;
}

/** Returns SQL counts and 64-bit columns as numbers, as the package and SQLite do. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)),
};

/** A pool as a caller of the package may pass it; ended after the test. */
export function newPool(url: string, options: pg.PoolConfig = {}): pg.Pool {
  const pool = quietPool(url, options);
  onTestFinished(() => pool.end());
  return pool;
}

function quietPool(url: string, options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, types, ...options });
  return pool.on("error", () => undefined);
}

/** A session like another program's; ended after the test. */
export async function newClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, types });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

type Options = Partial<PostgresOptions>;

/** Opens a blackboard that is closed after the test. */
export async function open({ url }: Pick<Schema, "url">, options: Options = {}) {
  const board = await openPostgresBlackboard({ runId: "run-1", connection: url, ...options });
  onTestFinished(() => board.close());
  return board;
}

/** Opens a blackboard and creates its run. */
export async function openRun(schema: Pick<Schema, "url">, options: Options = {}) {
  const board = await open(schema, options);
  await board.createRun("a goal");
  return board;
}
