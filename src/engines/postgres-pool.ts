/**
 * Connections: the blackboard's own pool, or the caller's, watched while it is used.
 */
import pg from "pg";
import { InvalidInputError } from "../errors.ts";

/** What is needed of a pool, whichever copy of node-postgres it comes from. */
export type Pool = pg.Pool;
export type Client = pg.PoolClient;

export interface Connection {
  readonly pool: Pool;
  /** Server and database, without credentials. */
  readonly location: string;
  /** Ends the pool if it is our own; takes the listeners back otherwise. */
  close(): Promise<void>;
}

/** How long connecting may take, in milliseconds, before an unreachable server is an error. */
const connectTimeoutMs = 8000;

export function connectPostgres(connection: string | Pool): Connection {
  if (typeof connection !== "string") {
    const unwatch = watch(connection);
    const close = async () => unwatch();
    return { pool: connection, location: locationOf(connection.options), close };
  }
  const options = { connectionString: connection, connectionTimeoutMillis: connectTimeoutMs };
  const location = locationOf(options);
  const pool = new pg.Pool(options);
  watch(pool);
  return { pool, location, close: () => pool.end() };
}

function locationOf(options: pg.ClientConfig): string {
  try {
    const { host, port, database } = new pg.Client(options);
    const name = encodeURIComponent(database ?? "");
    return host.startsWith("/")
      ? `postgresql:///${name}?host=${host}&port=${port}`
      : `postgresql://${host}:${port}/${name}`;
  } catch {
    // Not as the cause: it repeats the string, which may hold a password.
    throw new InvalidInputError([
      {
        path: "connection",
        message: "must be a connection string such as postgresql://user@host:5432/database, or a Pool of node-postgres",
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
 * Without a listener for "error" on a pool and on each client that is out, a server that goes away ends this process. One of
 * each, however many blackboards use the pool; gives what takes this user's share back.
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
  // The query that was running is rejected with it, and the pool drops the client: nothing else is to be done.
  const ignore = () => undefined;
  const acquired = (client: Client) => client.on("error", ignore);
  const released = (_: unknown, client: Client) => client.off("error", ignore);
  pool.on("error", ignore).on("acquire", acquired).on("release", released);
  return {
    users: 0,
    stop: () => {
      pool.off("error", ignore).off("acquire", acquired).off("release", released);
    },
  };
}
