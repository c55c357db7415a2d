/**
 * What the operations on lists share. A list is one parameter, a JSON array, so that a statement serves lists of any length.
 */
import type { SQL } from "drizzle-orm";
import type { EntryTypes, Lens } from "./operation.ts";

/** `Lens.entries` of a parameter that `listed` made. `n` is the position. */
export function entriesOf<Types extends EntryTypes>(lens: Lens, list: SQL, types: Types) {
  return lens.entries(list, { n: "integer" as const, ...types });
}

/** Entries of a list with their position, as the JSON array for `Lens.entries`. */
export function listed(entries: readonly object[]): string {
  return JSON.stringify(entries.map((entry, n) => ({ ...entry, n })));
}

/** Maximum number of characters in one parameter: a string has at most 2^29, and a parameter of PostgreSQL 2^30 bytes. */
const maxLength = 2 ** 26;

/** Divides a list whose texts are too long for one statement. */
export function listsOf<Entry extends object>(entries: readonly Entry[]): Entry[][] {
  const lists: Entry[][] = [];
  let length = maxLength;
  for (const entry of entries) {
    const own = lengthOf(entry);
    if (length + own > maxLength) {
      lists.push([]);
      length = 0;
    }
    lists.at(-1)?.push(entry);
    length += own;
  }
  return lists;
}

function lengthOf(entry: object): number {
  let length = 0;
  for (const value of Object.values(entry)) if (typeof value === "string") length += value.length;
  return length;
}
