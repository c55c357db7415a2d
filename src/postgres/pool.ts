/**
 * Connections: the blackboard's own pool, or the caller's, watched while it is used.
 */
import pg from "pg";
import { InvalidInputError } from "../errors.ts";
import { unreachable } from "./errors.ts";

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

/** How long connecting may take, in milliseconds, before a server that does not answer is an error. */
const connectTimeoutMs = 8000;

/**
 * Gives up connecting by itself. The pool's own `connectionTimeoutMillis` also ends the wait for a client while all of them
 * are in use, which says nothing about the server.
 */
class ImpatientClient extends pg.Client {
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
    Client: ImpatientClient,
    // A program that forgets to close ends all the same, as with a file.
    allowExitOnIdle: true,
    keepAlive: true,
  });
  watch(pool);
  return { pool, location, close: () => pool.end() };
}

/** A client of the pool, to be released by whoever asked. `ConnectionError` where there is none to be had. */
export async function checkOut({ pool, location }: Connection): Promise<Client> {
  const unclaimed = pool.idleCount - pool.waitingCount;
  const connecting = unclaimed <= 0 && pool.totalCount < pool.options.max;
  try {
    const client = pool.connect();
    return await (connecting ? inTime(client) : client);
  } catch (error) {
    throw unreachable(error, location);
  }
}

/** A caller's pool may wait for ever, or as long as the system does: minutes. */
async function inTime(connecting: Promise<Client>): Promise<Client> {
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
