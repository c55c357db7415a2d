/**
 * Connections: the blackboard's own pool, or the caller's, with error listeners while it is used.
 */
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { type PostgresTables, tablesIn } from "../../drizzle/schema.postgres.ts";
import { locationOf, pastable, schemaOf, stringOf } from "./connection-string.ts";
import { requireOwnDatabase } from "./drizzle.ts";
import { unreachable } from "./errors.ts";
import { destroy, Guard } from "./guard.ts";
import { type Naming, namingOf } from "./naming.ts";

/** A pool of any copy of node-postgres. */
export type Pool = pg.Pool;
export type Client = pg.PoolClient;

/** What the session already limits, in milliseconds; 0 for no limit. */
export interface SessionLimits {
  readonly idle: number;
  readonly lock: number;
  /** Whether the server can limit the time until sent data is acknowledged. */
  readonly tcp: boolean;
}

export interface Connection {
  readonly pool: Pool;
  /** Server, database and schema, without credentials. */
  readonly location: string;
  readonly schema: string;
  readonly tables: PostgresTables;
  readonly naming: Naming;
  /** Whether the database's default isolation level is another one than READ COMMITTED; known once the schema was read. */
  isStricter: boolean;
  /** `transactionTimeoutMs`: how long a call or a transaction may make no progress, in milliseconds. */
  readonly limitMs: number;
  /** Known once the schema was read. */
  limits: SessionLimits;
  /** Ends the blackboard's own pool, or removes the listeners from the caller's. */
  close(): Promise<void>;
}

/** Maximum time to connect, in milliseconds. */
const connectTimeoutMs = 8000;
/** Maximum time for connections that are being made when the pool ends, in milliseconds. */
const endMs = 100;
/** Time without traffic after which the operating system asks whether the server is there, in milliseconds. */
const keepAliveMs = 10_000;

/**
 * A client with its own connection timeout. The pool's `connectionTimeoutMillis` also limits the wait for a client while all
 * are in use, which does not mean that the server is unreachable.
 */
class TimeoutClient extends pg.Client {
  constructor(options?: pg.ClientConfig) {
    super({ ...options, connectionTimeoutMillis: connectTimeoutMs });
  }
}

/** A database and a schema in it, `undefined` for the one of the connection string or the default. */
export interface Server {
  readonly connection: string | Pool;
  readonly schema: string | undefined;
  /** Whether statements are prepared by name; `undefined`: wherever that works. */
  readonly preparedStatements?: boolean | undefined;
  readonly transactionTimeoutMs: number;
}

/**
 * Connects blackboards: equal connection strings share a pool, which ends with the last of them, because a server has about a
 * hundred connections for all programs.
 */
export function connectPostgres(server: Server): Connection {
  return connected(server, sharedPool);
}

/** Connects with a pool that nothing else uses: what holds one connection and waits for another could wait for itself. */
export function connectAlone(server: Server): Connection {
  return connected(server, (connectionString) => {
    const pool = newPool(connectionString);
    return { pool, close: () => end(pool) };
  });
}

interface Opened {
  readonly pool: Pool;
  close(): Promise<void>;
}

function connected(
  { connection, schema: given, preparedStatements, transactionTimeoutMs: limitMs }: Server,
  open: (connectionString: string) => Opened,
): Connection {
  const connectionString = typeof connection === "string" ? pastable(connection) : stringOf(connection);
  const schema = schemaOf(connectionString, given);
  const own = { schema, tables: tablesIn(schema), isStricter: false, limitMs, limits: noLimits };
  const made = (pool: Pool) => ({ ...own, naming: namingOf(pool, preparedStatements) });
  if (typeof connection !== "string") {
    const location = locationOf(connection.options, schema);
    const unwatch = watch(connection);
    return { ...made(connection), pool: connection, location, close: async () => unwatch() };
  }
  const location = locationOf({ connectionString }, schema);
  const opened = open(connection.trim());
  return { ...made(opened.pool), ...opened, location };
}

const noLimits: SessionLimits = { idle: 0, lock: 0, tcp: false };

const shared = new Map<string, { readonly pool: Pool; users: number }>();

function sharedPool(connectionString: string): Opened {
  const entry = shared.get(connectionString) ?? { pool: newPool(connectionString), users: 0 };
  shared.set(connectionString, entry);
  entry.users++;
  let closed: Promise<void> | undefined;
  const close = async () => {
    if (--entry.users > 0) return;
    // First, so that a blackboard opened from now on gets a new pool.
    shared.delete(connectionString);
    await end(entry.pool);
  };
  return { pool: entry.pool, close: () => (closed ??= close()) };
}

/** Ends a pool without waiting for connections that are being made to a server that does not answer: they end by themselves. */
async function end(pool: Pool): Promise<void> {
  const ended = pool.end();
  if (pool.totalCount > 0) await Promise.race([ended, pause(endMs, undefined, { ref: false })]);
}

function newPool(connectionString: string): Pool {
  const pool = new pg.Pool({
    connectionString,
    Client: TimeoutClient,
    // A program that does not call close() can still exit, as with a file.
    allowExitOnIdle: true,
    keepAlive: true,
    // Otherwise the operating system's, which is two hours.
    keepAliveInitialDelayMillis: keepAliveMs,
  });
  watch(pool);
  return pool;
}

/**
 * Returns a client of the pool, whose calls end when they make no progress; the caller must release it.
 * @throws ConnectionError if connecting fails; DatabaseError if Drizzle does not fit.
 */
export async function checkOut({ pool, location, limitMs }: Connection): Promise<Client> {
  await requireOwnDatabase();
  try {
    for (;;) {
      const client = await freeClient(pool, limitMs);
      if (!isStale(pool, client)) return guarded(pool, client, limitMs);
      // It was connected before the pool lost its server: the first call would only find that out.
      destroy(client);
      client.release(true);
    }
  } catch (error) {
    throw unreachable(error, location);
  }
}

function guarded(pool: Pool, client: Client, limitMs: number): Client {
  const guard = new Guard(client, pool, limitMs);
  const { release } = client;
  client.release = (broken) => {
    guard.end();
    if (guard.isLost) destroy(client);
    const present = guard.isLost ? watched.get(pool) : undefined;
    if (present) present.lostAt = performance.now();
    release(guard.isLost || broken);
  };
  return client;
}

function isStale(pool: Pool, client: Client): boolean {
  const { lostAt, since } = watched.get(pool) ?? {};
  return lostAt !== undefined && (since?.get(client) ?? lostAt) < lostAt;
}

/**
 * Limits the time to connect, since a caller's pool may have no timeout, or the operating system's, which is minutes; and the wait
 * for a client while all are in use, unless one of them was released meanwhile.
 */
async function freeClient(pool: Pool, limitMs: number): Promise<Client> {
  const unclaimed = pool.idleCount - pool.waitingCount;
  const connectMs =
    unclaimed <= 0 && pool.totalCount < pool.options.max ? Math.min(connectTimeoutMs, limitMs) : undefined;
  const start = performance.now();
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const check = () => {
      const since = connectMs === undefined ? Math.max(start, watched.get(pool)?.releasedAt ?? 0) : start;
      const left = since + (connectMs ?? limitMs) - performance.now();
      if (left > 0) {
        timer = setTimeout(check, left);
        return;
      }
      late = true;
      const what =
        connectMs === undefined ? `no free connection in the pool in ${limitMs} ms` : `no answer in ${connectMs} ms`;
      reject(new Error(what));
    };
    check();
  });
  const released = pool.connect().then((client) => {
    if (late) client.release();
    return client;
  });
  try {
    return await Promise.race([released, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

interface Watch {
  users: number;
  /** When each client was first seen, when one was lost last, and when one was released in order, by `performance.now()`. */
  readonly since: WeakMap<Client, number>;
  lostAt: number | undefined;
  releasedAt: number;
  stop(): void;
}
const watched = new WeakMap<Pool, Watch>();

/**
 * Adds "error" listeners to a pool and to each checked-out client; without them, losing the server terminates the process.
 * Blackboards that share a pool share the listeners. Returns a function that removes this user's listeners.
 */
function watch(pool: Pool): () => void {
  const present = watched.get(pool) ?? listen(pool);
  watched.set(pool, present);
  present.users++;
  return () => {
    if (--present.users > 0) return;
    watched.delete(pool);
    present.stop();
  };
}

function listen(pool: Pool): Watch {
  // The running query rejects with the error, and the pool drops the client: nothing else to do.
  const ignore = () => undefined;
  const out = new Set<Client>();
  const since = new WeakMap<Client, number>();
  const acquired = (client: Client) => {
    out.add(client);
    if (!since.has(client)) since.set(client, performance.now());
    client.on("error", ignore);
  };
  const released = (error: unknown, client: Client) => {
    out.delete(client);
    if (!error) present.releasedAt = performance.now();
    client.off("error", ignore);
  };
  pool.on("error", ignore).on("acquire", acquired).on("release", released);
  const present: Watch = {
    users: 0,
    since,
    lostAt: undefined,
    releasedAt: 0,
    stop: () => {
      pool.off("error", ignore).off("acquire", acquired).off("release", released);
      for (const client of out) client.off("error", ignore);
    },
  };
  return present;
}
