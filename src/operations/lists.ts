/**
 * What the operations on lists share. A list is one parameter, a JSON array, so that a statement serves lists of any length.
 */
import type { EntryTypes } from "./operation.ts";

/**
 * The list for `Lens.entries` with the same types. An entry is an array: SQLite finds the eighth value of an array in half the
 * time of the eighth property of an object.
 */
export function listed<Types extends EntryTypes>(
  types: Types,
  entries: readonly { readonly [Name in keyof Types]: string | number | null }[],
): string {
  const names = Object.keys(types);
  return JSON.stringify(entries.map((entry) => names.map((name) => entry[name])));
}

/** Maximum number of characters in one parameter: a string has at most 2^29, and a parameter of PostgreSQL 2^30 bytes. */
const maxLength = 2 ** 26;

/** Whether one statement can take the list. */
export function isOneList(entries: readonly object[]): boolean {
  return listsOf(entries).length === 1;
}

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
