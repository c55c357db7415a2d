/**
 * Names of prepared statements. The server keeps a statement with a name for the connection and does not parse it again. A pooler
 * may send each transaction of a client to another server connection, which lacks the client's statements (26000) or has another
 * client's of the same name (42P05).
 */
import { createHash } from "node:crypto";
import type { Pool, PoolClient } from "pg";
import { maxKept } from "../engine/kept.ts";

/** The names of each client's prepared statements; blackboards that share a pool share them. */
const names = new WeakMap<PoolClient, Set<string>>();

/**
 * Returns the name of the prepared statement of a text: its hash, so that a name means the same statement on each connection,
 * whichever copy of this package prepared it. Returns "" when the limit is reached: the statement is unnamed, so the server does
 * not keep it. Evicting another statement is not possible, because node-postgres has no call to forget its name.
 */
export function nameFor(client: PoolClient, text: string): string {
  const prepared = names.get(client) ?? new Set();
  names.set(client, prepared);
  const name = `run_blackboard_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
  if (!prepared.has(name) && prepared.size >= maxKept) return "";
  prepared.add(name);
  return name;
}

/** Whether the statements of a pool have names. */
export interface Naming {
  isNamed: boolean;
  /** Whether the caller decided it. */
  readonly isForced: boolean;
}

const found = new WeakMap<Pool, Naming>();

/**
 * Returns the naming of a pool's statements: `forced`, or with names until the server refuses one. A question asked when opening
 * could not tell, because the answer is about one server connection at one time.
 */
export function namingOf(pool: Pool, forced: boolean | undefined): Naming {
  if (forced !== undefined) return { isNamed: forced, isForced: true };
  const naming = found.get(pool) ?? { isNamed: true, isForced: false };
  found.set(pool, naming);
  return naming;
}

/** For work that cannot be repeated after a refusal. */
export const unnamed: Naming = { isNamed: false, isForced: true };
