/**
 * Ends calls that make no progress: a machine or a proxy may vanish without closing its connections.
 *
 * A call makes progress while bytes of its answer arrive, or while the server, asked on a separate connection, says that it
 * executes the statement, or that it waits for a transaction which makes progress. So a long migration goes on, and so does what
 * waits for it, but a call to a server that does not answer ends.
 */
import pg from "pg";
import { has, isThenable } from "../foreign.ts";
import { isCancelled, isConnectionLoss, LockWait } from "./errors.ts";
import { ownTypes } from "./text-types.ts";

/** Maximum time for asking the server about a call, in milliseconds, and the maximum part of the limit that it takes. */
const maxAskMs = 3000;
const maxAskPart = 0.5;

type Client = pg.PoolClient;
type Pool = pg.Pool;

interface Call {
  readonly text: string;
  /** By `performance.now()`. */
  readonly start: number;
  isOpen: boolean;
  timer: NodeJS.Timeout | undefined;
  /** What the server says of it, while and after it is asked. */
  state: Promise<State> | undefined;
  /** Why this guard ended its connection. */
  reason: Error | undefined;
}

const guards = new WeakMap<Client, Guard>();

/** Returns the guard of a client that is checked out. */
export function guardOf(client: Client): Guard | undefined {
  return guards.get(client);
}

/** Watches every call on a client, from checking it out until its release. */
export class Guard {
  /** The server's process, where a pooler hides it: known inside a transaction. */
  pid: number | undefined;
  readonly #client: Client;
  readonly #pool: Pool;
  readonly #limitMs: number;
  readonly #ownQuery: PropertyDescriptor | undefined;
  #error: unknown;
  #isLost = false;

  constructor(client: Client, pool: Pool, limitMs: number) {
    this.#client = client;
    this.#pool = pool;
    this.#limitMs = limitMs;
    const { query } = client;
    this.#ownQuery = Object.getOwnPropertyDescriptor(client, "query");
    // On the client, because Drizzle and transactions call it there.
    const guarded = (...parameters: unknown[]): unknown => {
      const answer: unknown = Reflect.apply(query, client, parameters);
      return isThenable(answer) ? this.#watch(answer, textOf(parameters[0])) : answer;
    };
    Object.defineProperty(client, "query", { configurable: true, writable: true, value: guarded });
    client.on("error", this.#failed);
    guards.set(client, this);
  }

  /** Whether the connection was lost, so that the pool must discard the client. */
  get isLost(): boolean {
    return this.#isLost;
  }

  end(): void {
    const client = this.#client;
    guards.delete(client);
    client.off("error", this.#failed);
    if (this.#ownQuery) Object.defineProperty(client, "query", this.#ownQuery);
    else Reflect.deleteProperty(client, "query");
  }

  /** An error between two calls, such as that of a server that ends the session. */
  readonly #failed = (error: unknown): void => {
    this.#error ??= error;
    this.#isLost = true;
  };

  async #watch(answer: PromiseLike<unknown>, text: string): Promise<unknown> {
    const call: Call = {
      text,
      start: performance.now(),
      isOpen: true,
      timer: undefined,
      state: undefined,
      reason: undefined,
    };
    this.#wait(call);
    try {
      return await answer;
    } catch (error) {
      const isLoss = isConnectionLoss(error);
      if (call.reason && isLoss) throw call.reason;
      // The statement may end before the answer of the connection that cancelled it arrives.
      if (isCancelled(error) && (await call.state) === "cancelled") throw new LockWait(performance.now() - call.start);
      this.#isLost ||= isLoss;
      // The driver's error says only that there was an earlier one.
      throw isLoss && this.#error !== undefined ? this.#error : error;
    } finally {
      call.isOpen = false;
      clearTimeout(call.timer);
    }
  }

  #wait(call: Call): void {
    const received = bytesRead(this.#client);
    call.timer = setTimeout(() => void this.#examine(call, received), this.#limitMs - this.#askMs);
  }

  get #askMs(): number {
    return Math.min(this.#limitMs * maxAskPart, maxAskMs);
  }

  async #examine(call: Call, before: number): Promise<void> {
    const hasMoved = () => bytesRead(this.#client) !== before;
    const drop = () => {
      if (!call.isOpen) return;
      if (hasMoved()) return this.#wait(call);
      call.reason = new Error(`no answer in ${this.#limitMs} ms`);
      this.#isLost = true;
      destroy(this.#client);
    };
    // If the program was busy for so long, the answer is there but not read yet.
    call.timer = setTimeout(() => setImmediate(drop), this.#askMs);
    if (hasMoved()) return;
    const pid = this.pid ?? processOf(this.#client);
    if (pid === undefined) return;
    const waited = performance.now() - call.start;
    call.state = stateOf(this.#pool, [pid, call.text, this.#limitMs * holderPart, waited], this.#askMs);
    if ((await call.state) !== "working" || !call.isOpen || call.reason) return;
    clearTimeout(call.timer);
    this.#wait(call);
  }
}

type State = "working" | "cancelled" | "unknown";

/**
 * Asks the server what a process does. One that waits for a lock makes progress while those that keep it from the lock work, or
 * have not been idle for longer than `$3` ms; for other roles' processes, which are not shown, `$4` ms of waiting count. Otherwise
 * its statement is cancelled. The process is known by its statement, too, because a pooler reports numbers of its own, and a
 * different server may have answered. A process that waits for its client or for a standby server does not work.
 */
const question = `WITH RECURSIVE process AS MATERIALIZED (
    SELECT pid, wait_event_type AS kind, wait_event AS event FROM pg_catalog.pg_stat_activity
    WHERE pid = $1 AND state = 'active' AND usename = current_user AND "left"(query, 60) = "left"($2, 60)),
  waits (pid) AS (
    SELECT pid FROM process WHERE kind = 'Lock'
    UNION SELECT other FROM waits, LATERAL unnest(pg_catalog.pg_blocking_pids(waits.pid)) AS blocking (other)),
  stuck AS MATERIALIZED (
    SELECT 1 FROM waits JOIN pg_catalog.pg_stat_activity AS holder ON holder.pid = waits.pid
    WHERE wait_event_type IS DISTINCT FROM 'Lock'
    AND NOT coalesce(state = 'active' AND coalesce(wait_event_type, '') <> 'Client' AND coalesce(wait_event, '') <> 'SyncRep', false)
    AND coalesce(1000 * extract(epoch FROM clock_timestamp() - state_change), $4) > $3)
  SELECT CASE
    WHEN kind = 'Lock' AND EXISTS (SELECT FROM stuck) THEN
      CASE WHEN pg_catalog.pg_cancel_backend(pid) THEN 'cancelled' ELSE 'unknown' END
    WHEN kind = 'Client' OR event = 'SyncRep' THEN 'unknown' ELSE 'working' END AS state FROM process`;

/** The server ends a holder that vanished after the limit: a statement that waits for it must not be cancelled just before. */
const holderPart = 1.25;

async function stateOf(pool: Pool, values: readonly unknown[], limitMs: number): Promise<State> {
  const client = new pg.Client(pool.options);
  client.on("error", () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<State>((resolve) => {
    timer = setTimeout(() => resolve("unknown"), limitMs);
  });
  const asked = async (): Promise<State> => {
    try {
      await client.connect();
      const asking = { text: question, values: [...values], types: ownTypes };
      const { rows } = await client.query<{ state: State }>(asking);
      return rows[0]?.state ?? "unknown";
    } catch {
      return "unknown";
    }
  };
  try {
    return await Promise.race([asked(), tooLate]);
  } finally {
    clearTimeout(timer);
    destroy(client);
  }
}

/** Closes a connection without a message to the server, which may never answer. */
export function destroy(client: object): void {
  const socket = socketOf(client);
  if (socket && "destroy" in socket && typeof socket.destroy === "function") socket.destroy();
}

function bytesRead(client: Client): number {
  const socket = socketOf(client);
  return socket && "bytesRead" in socket && typeof socket.bytesRead === "number" ? socket.bytesRead : 0;
}

/** node-postgres has no public way to its socket. */
function socketOf(client: object): object | undefined {
  const connection: unknown = "connection" in client ? client.connection : undefined;
  if (typeof connection !== "object" || connection === null || !("stream" in connection)) return undefined;
  const { stream } = connection;
  return typeof stream === "object" && stream !== null ? stream : undefined;
}

function processOf(client: Client): number | undefined {
  return "processID" in client && typeof client.processID === "number" ? client.processID : undefined;
}

function textOf(query: unknown): string {
  if (typeof query === "string") return query;
  let text = "";
  if (typeof query === "object" && query !== null) {
    has(query, (one) => {
      if ("text" in one && typeof one.text === "string") text = one.text;
      return true;
    });
  }
  return text;
}
