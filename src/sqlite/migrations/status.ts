/**
 * Reports a file's migration state and migrates it, without opening a blackboard.
 */
import { statSync } from "node:fs";
import type { Migration } from "../../engine/history.ts";
import { isAbsent, isPassing, whileInPlace } from "../connection/connection.ts";
import { writeCopy } from "../connection/copy.ts";
import { openClient } from "../connection/driver.ts";
import { noSuchFile, requireHeader, sizeOf } from "../connection/file.ts";
import { readOnce } from "../connection/reader.ts";
import { translated } from "../errors.ts";
import { waiting } from "../waiting.ts";
import { openMigrated } from "./open.ts";
import { planOf } from "./plan.ts";

export interface MigrationStatus {
  /** The absolute path. */
  location: string;
  /** absent: no file. empty: no tables. reference: written by the Python reference and not yet adopted. */
  state: "absent" | "empty" | "reference" | "pending" | "current";
  /** Tags, such as "0001_events_seq", oldest first. */
  applied: string[];
  pending: string[];
}

/** How long to wait for a process that locks out readers, in milliseconds. */
const readTimeoutMs = 5000;

const tagsOf = (migrations: readonly Migration[]) => migrations.map(({ tag }) => tag);

export function readStatus(location: string, migrations: readonly Migration[]): MigrationStatus {
  try {
    const read = () =>
      whileInPlace(
        location,
        () => look(location, migrations),
        () => undefined,
      );
    return waiting(read, isPassing, readTimeoutMs, location);
  } catch (error) {
    throw translated(error, location);
  }
}

function look(location: string, migrations: readonly Migration[]): MigrationStatus {
  const bytes = sizeOf(location);
  if (bytes === undefined) return { location, state: "absent", applied: [], pending: tagsOf(migrations) };
  requireHeader(location, bytes);
  const { state, applied, pending } = readOnce(location, (client) => planOf(client, migrations, location));
  return { location, state, applied: tagsOf(applied), pending: tagsOf(pending) };
}

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
