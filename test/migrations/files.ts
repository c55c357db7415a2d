/** Files for migration tests, and snapshots of them before and after. */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import type { Migration } from "../../src/engine/history.ts";
import { openMigrated } from "../../src/sqlite/migrations/open.ts";
import { temporaryFolder } from "../processes/folder.ts";

export type Fixture = "webhook" | "empty" | "orphans" | "partial";

/** A copy of a file written by the reference, in its own folder. */
export function written(name: Fixture): string {
  const file = newFile();
  copyFileSync(fileURLToPath(new URL(`../fixtures/python/${name}.db`, import.meta.url)), file);
  return file;
}

/** The path of a missing file in its own folder. */
export function newFile(): string {
  return join(temporaryFolder(), "blackboard.db");
}

/** A file of another program. Whether it is in WAL mode depends on the SQL. */
export function madeBy(...texts: string[]): string {
  const file = newFile();
  execute(file, ...texts);
  return file;
}

/** Runs plain SQL on its own connection. */
export function execute(file: string, ...texts: string[]): void {
  const client = new Database(file);
  try {
    client.pragma("foreign_keys = OFF");
    for (const text of texts) client.exec(text);
  } finally {
    client.close();
  }
}

/** The rows of a query, read on its own connection. */
export function rows<Row = Record<string, unknown>>(file: string, query: string): Row[] {
  const client = new Database(file, { readonly: true });
  try {
    return client.prepare<[], Row>(query).all();
  } finally {
    client.close();
  }
}

/** Migrates a file as opening does in a build that knows `list`. */
export function migrateTo(file: string, list: readonly Migration[], migrateTimeoutMs = 60_000): void {
  opened(file, list, { migrateTimeoutMs }).close();
}

/** A connection to a file as `openBlackboard` opens it in a build that knows `list`. */
export function opened(
  file: string,
  list: readonly Migration[],
  {
    migrateTimeoutMs = 60_000,
    mode = "auto",
  }: { migrateTimeoutMs?: number; mode?: "auto" | "check" | "readonly" } = {},
): Database.Database {
  const readonly = mode === "readonly";
  const settings = { location: file, create: true, synchronous: "full", migrateTimeoutMs } as const;
  return openMigrated({ ...settings, readonly, migrate: mode === "auto" ? "auto" : "check" }, list).client;
}

/** The names, contents and times of all files in the folder. Equal traces mean that nothing was touched. */
export function traceOf(file: string): Record<string, string> {
  const folder = dirname(file);
  const trace = (name: string) => {
    const path = join(folder, name);
    return `${statSync(path, { bigint: true }).mtimeNs} ${sha256(readFileSync(path))}`;
  };
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, trace(name)]),
  );
}

export function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The content of a file, read from a copy: the SQL of each object and the rows of each table. */
export interface Contents {
  readonly integrity: unknown;
  readonly schema: readonly string[];
  readonly rows: Readonly<Record<string, string>>;
}

export function contentsOf(file: string): Contents {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-copy-"));
  try {
    const copy = join(folder, "copy.db");
    for (const companion of ["", "-wal", "-journal"]) {
      if (existsSync(file + companion)) copyFileSync(file + companion, copy + companion);
    }
    const client = new Database(copy);
    try {
      const schema = client.prepare<[], string>("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").pluck().all();
      const tables = client.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
      const hashes = tables.sort().map((name) => {
        const all = client
          .prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`)
          .raw()
          .all();
        return [name, `${all.length} rows ${sha256(JSON.stringify(all))}`];
      });
      const integrity = client.pragma("integrity_check", { simple: true });
      return { integrity, schema: schema.sort(), rows: Object.fromEntries(hashes) };
    } finally {
      client.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The error thrown by `work`. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it was not refused");
}
