/**
 * Cache of the prepared statements of one connection, each created at its first use.
 */
import type { AtOnce, KeptQuery } from "../operations/operation.ts";

/**
 * Maximum number of statements. A program that uses every operation with ten sets of filters needs about a hundred; each takes
 * tens of kilobytes.
 */
export const maxKept = 256;

/** A function of an operation, the same one for each call. */
type Key = KeptQuery["prepare"] | AtOnce["atOnce"];

export class Kept<Query> {
  readonly #queries = new Map<Key, Query>();

  /** Returns the cached query of `prepare`, or adds the one that `make` returns. */
  get(prepare: Key, make: () => Query): Query {
    const kept = this.#queries.get(prepare);
    if (kept !== undefined) return kept;
    const query = make();
    if (this.#queries.size >= maxKept) this.#dropOldest();
    this.#queries.set(prepare, query);
    return query;
  }

  get size(): number {
    return this.#queries.size;
  }

  /** Drops the first one created. If it is still in use, recreating it costs 100 µs once in `maxKept` new statements. */
  #dropOldest(): void {
    for (const oldest of this.#queries.keys()) {
      this.#queries.delete(oldest);
      return;
    }
  }
}
