/**
 * The prepared statements of one connection, each made at its first use.
 */
import type { KeptQuery } from "../operations/operation.ts";

/**
 * How many are kept at most. A program that uses every operation with ten sets of filters needs about a hundred; each takes some
 * tens of kilobytes.
 */
export const maxKept = 256;

export class Kept<Query> {
  readonly #queries = new Map<KeptQuery["prepare"], Query>();

  /** The query that is kept for `prepare`, or else the one that `make` returns. */
  get(prepare: KeptQuery["prepare"], make: () => Query): Query {
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

  /** The one that was made first. If it is still in use, making it again costs 100 µs once in `maxKept` new statements. */
  #dropOldest(): void {
    for (const oldest of this.#queries.keys()) {
      this.#queries.delete(oldest);
      return;
    }
  }
}
