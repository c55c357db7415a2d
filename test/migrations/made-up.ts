/**
 * Migrations that exist only in tests. Everything that migrates takes the list of migrations as a parameter: an older
 * build has a shorter list, a newer one a longer list.
 */
import { createHash } from "node:crypto";
import type { Migration } from "../../src/engine/history.ts";
import { migrations as embedded } from "../../src/sqlite/migrations/embedded.sqlite.ts";
import { isTable, readObjects, replay } from "../../src/sqlite/migrations/schema.ts";

/** The migrations of this version. */
export const known = embedded;
/** The migrations of a version with only the reference's schema. */
export const oldest = embedded.slice(0, 1);
export const fourTables = ["runs", "workstreams", "briefs", "events"];

export function madeUp(tag: string, when: number, sql: string): Migration {
  return { tag, when, hash: createHash("sha256").update(sql).digest("hex"), sql };
}

/** The list, followed by one migration for each SQL text. */
export function followedBy(list: readonly Migration[], ...texts: string[]): Migration[] {
  const newest = list.at(-1)?.when ?? 0;
  const more = texts.map((sql, n) =>
    madeUp(`${String(list.length + n).padStart(4, "0")}_made_up`, newest + 1000 * (n + 1), sql),
  );
  return [...list, ...more];
}

/** The list with an additional migration before the one at `index`, as a merge would add it. */
export function inserted(list: readonly Migration[], index: number, sql: string): Migration[] {
  const before = list[index - 1]?.when ?? 0;
  const after = list[index]?.when ?? before + 2;
  return list.toSpliced(index, 0, madeUp("0000_merged", Math.floor((before + after) / 2), sql));
}

/** The list with a different text for the migration at `index`. */
export function edited(list: readonly Migration[], index: number): Migration[] {
  return list.map((migration, n) =>
    n === index ? madeUp(migration.tag, migration.when, `${migration.sql}\n-- Edited.`) : migration,
  );
}

/** Adds a row to its own table: two rows mean that it was applied twice. */
export const countsItself = (name: string) =>
  `CREATE TABLE IF NOT EXISTS applications (name TEXT);--> statement-breakpoint
   INSERT INTO applications VALUES ('${name}');`;

/** Rebuilds all four tables of `list`'s schema, in the form that drizzle-kit generates. */
export function rebuildOfAll(list: readonly Migration[]): string {
  const model = replay(list);
  const objects = readObjects(model).filter(({ sql }) => sql !== null);
  const tables = objects.filter((object) => isTable(object) && fourTables.includes(object.name));
  const put = objects.filter(({ type }) => type === "trigger" || type === "view");
  const columnsOf = (table: string) =>
    model
      .prepare<[string], string>("SELECT '`' || name || '`' FROM pragma_table_info(?)")
      .pluck()
      .all(table)
      .join(", ");
  const texts = [
    "PRAGMA foreign_keys=OFF;",
    ...put.map(({ type, name }) => `DROP ${type} IF EXISTS \`${name}\`;`),
    ...tables.flatMap(({ name, sql }) => [
      `${sql?.replace(/^CREATE TABLE [`"]?\w+[`"]?/, `CREATE TABLE \`__new_${name}\``)};`,
      `INSERT INTO \`__new_${name}\` (${columnsOf(name)}) SELECT ${columnsOf(name)} FROM \`${name}\` ORDER BY rowid;`,
      `DROP TABLE \`${name}\`;`,
      `ALTER TABLE \`__new_${name}\` RENAME TO \`${name}\`;`,
      ...objects.filter(({ type, table }) => type === "index" && table === name).map(({ sql }) => `${sql};`),
    ]),
    ...put.map(({ sql }) => `${sql};`),
    "PRAGMA foreign_keys=ON;",
  ];
  model.close();
  return texts.join("--> statement-breakpoint\n");
}
