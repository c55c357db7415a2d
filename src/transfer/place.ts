/**
 * Where a run can be taken from and put to, whichever engine keeps it. Made by the entries; what moves runs knows no more of
 * an engine than this.
 */
import type { Operation } from "../operations/operation.ts";

export interface RunPlace {
  /** The run that is meant, where one was named. */
  readonly runId: string | undefined;
  /** The run as it is at one moment, whatever is written while it is read. Throws where it cannot be told which is meant. */
  open(): Promise<Snapshot>;
  /**
   * Puts a run there: all that `fill` writes, or, when it throws or the process dies, nothing. `mode` is the permissions of a
   * file that is made for it.
   * @throws ConflictError where there is such a run already.
   */
  receive<T>(runId: string, fill: (store: Store) => Promise<T>, mode: number): Promise<T>;
}

export interface Snapshot {
  readonly runId: string;
  /** The permissions that a file with the run in it may have at most. */
  readonly mode: number;
  run<T>(operation: () => Operation<T>): T | Promise<T>;
  close(): void | Promise<void>;
}

export interface Store {
  /** The file, or the server and database without credentials. */
  readonly location: string;
  run<T>(operation: () => Operation<T>): T | Promise<T>;
  /** Where `seq` comes from a counter: says that this was the last one that was written. */
  lastSeq?(seq: number): Promise<void>;
}
