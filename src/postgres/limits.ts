/**
 * The server's part of `transactionTimeoutMs`: what a transaction sets for itself, so that a client that vanishes in it does not
 * keep its locks. `SET LOCAL` is in effect until the transaction ends, which poolers respect, and is sent with BEGIN. A statement
 * outside of a transaction holds no lock once it ends, so it needs none of this.
 */
import { maxInteger } from "../input/check.ts";
import { isLockTimeout } from "./errors.ts";
import { guardOf } from "./guard.ts";
import type { Client, Connection } from "./pool.ts";
import { ask } from "./text-types.ts";

/** SQL for the limits of a session as a JSON object. */
export const readLimits = `pg_catalog.jsonb_build_object(
  'idle', ${milliseconds("idle_in_transaction_session_timeout")}, 'lock', ${milliseconds("lock_timeout")},
  'tcp', pg_catalog.version() LIKE '%linux%')`;

/** A setting is text with a unit, such as 5s or 1min. */
function milliseconds(setting: string): string {
  return `1000 * extract(epoch FROM pg_catalog.current_setting('${setting}')::interval)`;
}

/**
 * Begins a transaction that ends when its client makes no call for `transactionTimeoutMs`, and in which no statement waits longer
 * for a lock. A client that vanishes while it waits in a queue of locks must not hold one later. Lower limits of the session stay.
 */
export async function begin(client: Client, connection: Connection, level: string): Promise<void> {
  const { limitMs, limits } = connection;
  const settings = [
    ...lowered("idle_in_transaction_session_timeout", limits.idle, limitMs),
    ...lowered("lock_timeout", limits.lock, lockMs(limitMs)),
    // Otherwise a server that sends a long answer waits for the client, which is not idleness.
    ...(limits.tcp ? [`SET LOCAL tcp_user_timeout = ${limitMs}`] : []),
  ];
  // The level is explicit, because a database may have a different default.
  const statements = [`BEGIN ISOLATION LEVEL ${level}`, ...settings, "SELECT pg_catalog.pg_backend_pid() AS pid"];
  const answers: unknown = await ask(client, statements.join("; "));
  const guard = guardOf(client);
  if (guard) guard.pid = pidOf(answers);
}

function lowered(setting: string, sessionMs: number, limitMs: number): string[] {
  return isLower(sessionMs, limitMs) ? [] : [`SET LOCAL ${setting} = ${limitMs}`];
}

/** Returns whether the session has a limit that is lower than ours. */
function isLower(sessionMs: number, limitMs: number): boolean {
  return sessionMs > 0 && sessionMs < limitMs;
}

/** Longer than the time after which the server ends a transaction whose client vanished. */
function lockMs(limitMs: number): number {
  return Math.min(Math.ceil(limitMs * 1.5), maxInteger);
}

/**
 * Returns whether a statement reached the limit for locks of `begin`, and not a lower one of the session. What waits for its turn
 * begins again then: the limit is for clients that vanish while they wait, and `Guard` ends a wait without progress.
 */
export function isTurnOver(error: unknown, { limits, limitMs }: Connection): boolean {
  return isLockTimeout(error) && !isLower(limits.lock, lockMs(limitMs));
}

/** node-postgres returns a list of results for several statements, which its types don't say. */
function pidOf(answers: unknown): number | undefined {
  const last: unknown = Array.isArray(answers) ? answers.at(-1) : undefined;
  if (typeof last !== "object" || last === null || !("rows" in last) || !Array.isArray(last.rows)) return undefined;
  const pid: unknown = last.rows[0]?.pid;
  return typeof pid === "number" ? pid : undefined;
}
