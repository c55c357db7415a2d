/**
 * Connections: the blackboard's own pool, or the caller's, with error listeners while it is used.
 */
import pg from "pg";
import { InvalidInputError } from "../errors.ts";
import { unreachable } from "./errors.ts";

/** A pool of any copy of node-postgres. */
export type Pool = pg.Pool;
export type Client = pg.PoolClient;

export interface Connection {
  readonly pool: Pool;
  /** Server and database, without credentials. */
  readonly location: string;
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

export function connectPostgres(connection: string | Pool): Connection {
  if (typeof connection !== "string") {
    const unwatch = watch(connection);
    const close = async () => unwatch();
    return { pool: connection, location: locationOf(connection.options), close };
  }
  const location = locationOf({ connectionString: connection });
  const pool = new pg.Pool({
    connectionString: connection,
    Client: TimeoutClient,
    // A program that does not call close() can still exit, as with a file.
    allowExitOnIdle: true,
    keepAlive: true,
  });
  watch(pool);
  return { pool, location, close: () => pool.end() };
}

/** Returns a client of the pool; the caller must release it. Throws `ConnectionError` if connecting fails. */
export async function checkOut({ pool, location }: Connection): Promise<Client> {
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

function locationOf(options: pg.ClientConfig): string {
  try {
    const { host, port, database } = new pg.Client(options);
    const name = encodeURIComponent(database ?? "");
    if (host.startsWith("/")) return `postgresql:///${name}?host=${host}&port=${port}`;
    return `postgresql://${host.includes(":") ? `[${host}]` : host}:${port}/${name}`;
  } catch {
    // Without the cause: its message contains the connection string, which may include a password.
    throw new InvalidInputError([
      {
        path: "connection",
        message: "must be a connection string such as postgresql://user@host:5432/database, or a node-postgres Pool",
      },
    ]);
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
