/**
 * The migrations folder, the table and its rows have drizzle-kit's format: Drizzle's `migrate()` recognizes what this
 * package applied, and the reverse.
 */
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { migrate } from "drizzle-orm/better-sqlite3/migrator";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { migrationStatus, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { contentsOf, migrateTo, newFile, rows, written } from "./files.ts";
import { known, oldest } from "./made-up.ts";

const migrationsFolder = fileURLToPath(new URL("../../migrations/sqlite", import.meta.url));

function migrateWithDrizzle(file: string): void {
  const client = new Database(file);
  try {
    client.pragma("foreign_keys = OFF");
    migrate(drizzle(client), { migrationsFolder });
  } finally {
    client.close();
  }
}

test("the embedded migrations equal those that Drizzle reads from the folder", () => {
  const folder = readMigrationFiles({ migrationsFolder });
  expect(known.map(({ hash, when }) => ({ hash, when }))).toEqual(
    folder.map(({ hash, folderMillis }) => ({ hash, when: folderMillis })),
  );
});

test.each([
  ["a fresh file", newFile],
  ["a file of the reference", () => written("webhook")],
])("Drizzle's migrate() finds nothing to do on %s that was opened here", (_, make) => {
  const file = make();
  openBlackboard({ runId: "webhook", file }).close();
  const before = contentsOf(file);
  migrateWithDrizzle(file);
  expect(contentsOf(file)).toEqual(before);
});

test("a file created by Drizzle's migrate() is current for this package", () => {
  const file = newFile();
  migrateWithDrizzle(file);
  const before = contentsOf(file);
  expect(migrationStatus({ file })).toMatchObject({ state: "current", pending: [] });
  openBlackboard({ runId: "r", file }).close();
  expect(contentsOf(file)).toEqual(before);
});

test("Drizzle's migrate() continues after this package's last migration and produces the same schema", () => {
  const [file, fresh] = [written("webhook"), newFile()];
  migrateTo(file, oldest);
  migrateWithDrizzle(file);
  migrateTo(fresh, known);
  const columns = "SELECT m.name AS tab, x.* FROM sqlite_schema m, pragma_table_xinfo(m.name) x WHERE m.type = 'table'";
  expect(rows(file, `${columns} AND m.name = 'events'`)).toEqual(rows(fresh, `${columns} AND m.name = 'events'`));
  expect(rows(file, "SELECT hash FROM __drizzle_migrations ORDER BY created_at")).toEqual(
    known.map(({ hash }) => ({ hash })),
  );
});
