/**
 * Connections: the blackboard's own pool, or the caller's, with error listeners while it is used.
 */
import pg from "pg";
import { type PostgresTables, tablesIn } from "../../drizzle/schema.postgres.ts";
import { locationOf, pastable, schemaOf, stringOf } from "./connection-string.ts";
import { requireOwnDatabase } from "./drizzle.ts";
import { unreachable } from "./errors.ts";

/** A pool of any copy of node-postgres. */
export type Pool = pg.Pool;
export type Client = pg.PoolClient;

export interface Connection {
  readonly pool: Pool;
  /** Server, database and schema, without credentials. */
  readonly location: string;
  readonly schema: string;
  readonly tables: PostgresTables;
  /** Whether the database's default isolation level is another one than READ COMMITTED; known once the schema was read. */
  isStricter: boolean;
  /** Ends the blackboard's own pool, or removes the listeners from the caller's. */
  close(): Promise<void>;
}

/** Maximum time to connect, in milliseconds. */
const connectTimeoutMs = 8000;

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
    return { pool, close: () => pool.end() };
  });
}

interface Opened {
  readonly pool: Pool;
  close(): Promise<void>;
}

function connected({ connection, schema: given }: Server, open: (connectionString: string) => Opened): Connection {
  const connectionString = typeof connection === "string" ? pastable(connection) : stringOf(connection);
  const schema = schemaOf(connectionString, given);
  const tables = tablesIn(schema);
  if (typeof connection !== "string") {
    const location = locationOf(connection.options, schema);
    const unwatch = watch(connection);
    return { pool: connection, location, schema, tables, isStricter: false, close: async () => unwatch() };
  }
  const location = locationOf({ connectionString }, schema);
  return { ...open(connection.trim()), location, schema, tables, isStricter: false };
}

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
    await entry.pool.end();
  };
  return { pool: entry.pool, close: () => (closed ??= close()) };
}

function newPool(connectionString: string): Pool {
  const pool = new pg.Pool({
    connectionString,
    Client: TimeoutClient,
    // A program that does not call close() can still exit, as with a file.
    allowExitOnIdle: true,
    keepAlive: true,
  });
  watch(pool);
  return pool;
}

/**
 * Returns a client of the pool; the caller must release it.
 * @throws ConnectionError if connecting fails; DatabaseError if Drizzle does not fit.
 */
export async function checkOut({ pool, location }: Connection): Promise<Client> {
  await requireOwnDatabase();
  const unclaimed = pool.idleCount - pool.waitingCount;
  const connecting = unclaimed <= 0 && pool.totalCount < pool.options.max;
  try {
    const client = pool.connect();
    return await (connecting ? withTimeout(client) : client);
  } catch (error) {
    throw unreachable(error, location);
  }
}

/** Limits the time to connect. A caller's pool may have no timeout, or the operating system's, which is minutes. */
async function withTimeout(connecting: Promise<Client>): Promise<Client> {
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new Error(`no answer in ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
  });
  const released = connecting.then((client) => {
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
  const acquired = (client: Client) => {
    out.add(client);
    client.on("error", ignore);
  };
  const released = (_: unknown, client: Client) => {
    out.delete(client);
    client.off("error", ignore);
  };
  pool.on("error", ignore).on("acquire", acquired).on("release", released);
  return {
    users: 0,
    stop: () => {
      pool.off("error", ignore).off("acquire", acquired).off("release", released);
      for (const client of out) client.off("error", ignore);
    },
  };
}
