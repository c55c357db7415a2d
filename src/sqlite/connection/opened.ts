/** What opening returns, for writing, for reading and for a copy. */
import type Database from "better-sqlite3";
import type { PathCheck } from "./path-check.ts";

/** An open connection. */
export interface Connection {
  readonly client: Database.Database;
  /** Whether it is a copy, which does not show later writes. */
  readonly isSnapshot: boolean;
  /** `undefined` for a connection without a file that could be moved or deleted. */
  readonly path: PathCheck | undefined;
  /** Idempotent. */
  close(): void;
}

export function snapshotOf(client: Database.Database): Connection {
  return { client, isSnapshot: true, path: undefined, close: () => client.close() };
}
