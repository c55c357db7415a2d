/**
 * A query names its index twice: for SQLite by `through`, for PostgreSQL by `ofRunThrough`. With one of them forgotten it is right
 * and slow on the other engine, in runs that a test rarely has.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL("../src/operations/", import.meta.url);
const files = readdirSync(folder).map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

/** The indexes that calls of a function name as literals, other than the key. */
function indexesOf(text: string, call: RegExp): Set<string> {
  return new Set(
    [...text.matchAll(call)].flatMap(([, index]) => (index === undefined || index === "key" ? [] : [index])),
  );
}

test.each(files)("$name names the indexes of its queries for both engines", ({ text }) => {
  const bySqlite = indexesOf(text, /\bthrough\(\s*[\w.]+,\s*"(\w+)"/g);
  const byPostgres = indexesOf(text, /\bofRunThrough\(\s*[\w.]+,\s*"(\w+)"/g);
  expect([...bySqlite].filter((index) => !byPostgres.has(index))).toEqual([]);
});

test("the indexes of queries are found in the sources", () => {
  const all = files.map(({ text }) => indexesOf(text, /\bthrough\(\s*[\w.]+,\s*"(\w+)"/g).size);
  expect(all.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(10);
});
