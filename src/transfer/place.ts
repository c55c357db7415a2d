/**
 * The source or destination of a moved run, for any engine. The entry points create it; the code that moves runs uses an engine
 * only through this interface.
 */
import type { Operation } from "../operations/operation.ts";

export interface RunPlace {
  /** The id of the run; `undefined` if the caller named none. */
  readonly runId: string | undefined;
  /**
   * @internal
   * Opens a consistent snapshot of the run.
   * @throws InvalidInputError or NotFoundError if `runId` is `undefined` and the place contains several runs or none.
   */
  open(): Promise<Snapshot>;
  /**
   * @internal
   * Stores the run that `fill` writes, atomically: nothing if `fill` throws or the process dies. `mode` is the permissions of
   * a new file.
   * @throws ConflictError if the run already exists.
   */
  receive<T>(runId: string, fill: (store: Store) => Promise<T>, mode: number): Promise<T>;
}

export interface Snapshot {
  readonly runId: string;
  /** The permissions for a new file that holds a copy of the run. */
  readonly mode: number;
  run<T>(operation: () => Operation<T>): T | Promise<T>;
  close(): void | Promise<void>;
}

export interface Store {
  /** The file, or the server and database without credentials. */
  readonly location: string;
  run<T>(operation: () => Operation<T>): T | Promise<T>;
  /** Sets the counter that assigns `seq` to the last value written, where an engine has such a counter. */
  lastSeq?(seq: number): Promise<void>;
}
