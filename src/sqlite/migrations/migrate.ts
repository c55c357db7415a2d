/**
 * Migrates a file without opening a blackboard, on request after a backup.
 */
import { statSync } from "node:fs";
import type { Migration } from "../../engine/history.ts";
import { isAbsent } from "../connection/connection.ts";
import { writeCopy } from "../connection/copy.ts";
import { openClient } from "../connection/driver.ts";
import { noSuchFile } from "../connection/file.ts";
import { openMigrated } from "./open.ts";
import { type MigrationStatus, readStatus, tagsOf } from "./status.ts";

interface MigrateOptions {
  dryRun: boolean;
  backup: boolean;
  migrateTimeoutMs: number;
}

export function migrateFile(
  location: string,
  migrations: readonly Migration[],
  { dryRun, backup, migrateTimeoutMs }: MigrateOptions,
): MigrationStatus & { backup?: string } {
  if (isAbsent(location)) throw noSuchFile(location);
  if (dryRun) return readStatus(location, migrations);
  let copy: string | undefined;
  const beforeChange = () => {
    copy = backUp(location);
  };
  const settings = {
    location,
    create: false,
    readonly: false,
    synchronous: "full",
    migrate: "auto",
    migrateTimeoutMs,
  } as const;
  openMigrated({ ...settings, ...(backup && { beforeChange }) }, migrations).close();
  const tags = tagsOf(migrations);
  return { location, state: "current", applied: tags, pending: [], ...(copy !== undefined && { backup: copy }) };
}

/**
 * Writes a consistent copy next to the file and returns its path. The migrating connection holds the write lock meanwhile, so a
 * second connection copies the state immediately before the migrations.
 */
function backUp(location: string): string {
  const copy = `${location}.${new Date().toISOString().replaceAll(/[:.]/g, "-")}-${process.pid}.backup`;
  const reader = openClient(location, { readonly: true });
  try {
    writeCopy(reader, copy, statSync(location).mode);
    return copy;
  } finally {
    reader.close();
  }
}
