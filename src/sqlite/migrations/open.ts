/**
 * Opens a file for writing and migrates its schema. Does not change a byte of a rejected file, its WAL or its journal.
 */
import type Database from "better-sqlite3";
import type { Migration } from "../../engine/history.ts";
import { FileError } from "../../errors.ts";
import { type ConnectionOptions, connect, keepingWal, prepareFile, whileInPlace } from "../connection/connection.ts";
import type { Connection } from "../connection/opened.ts";
import { openIfHot } from "../connection/reader.ts";
import { translated } from "../errors.ts";
import { StartOver, waiting } from "../waiting.ts";
import { type Migrating, migrate, requireCurrent } from "./apply.ts";
import { planOf } from "./plan.ts";

interface Opening extends ConnectionOptions, Pick<Migrating, "beforeChange"> {
  /** "check" throws `MIGRATION_PENDING` instead of migrating. */
  readonly migrate: "auto" | "check";
}

/**
 * Opens a file and migrates it.
 * @throws FileError, MigrationError, BusyError. The file is unchanged then.
 */
export function openMigrated(opening: Opening, migrations: readonly Migration[]): Connection {
  const { location, migrateTimeoutMs } = opening;
  const open = () =>
    whileInPlace(
      location,
      () => openOnce(opening, migrations),
      ({ close }) => close(),
    );
  return waiting(open, (error) => error instanceof StartOver, migrateTimeoutMs, location);
}

function openOnce(opening: Opening, migrations: readonly Migration[]): Connection {
  const { location, readonly } = opening;
  if (readonly) return openedWith(requireCurrent, opening, migrations);
  try {
    prepareFile(opening);
    refuseHot(location, migrations);
  } catch (error) {
    throw translated(error, location);
  }
  const update = opening.migrate === "check" ? requireCurrent : migrate;
  return keepingWal(location, () => openedWith(update, opening, migrations));
}

function openedWith(update: typeof migrate, opening: Opening, migrations: readonly Migration[]): Connection {
  const connection = connect(opening);
  try {
    update(connection.client, migrations, opening);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Applies a hot journal to a copy first. SQLite applies it to the file as soon as a writable connection reads it, even if the
 * file is not a blackboard or the journal belongs to a different file.
 */
function refuseHot(location: string, migrations: readonly Migration[]): void {
  const undone = openIfHot(location);
  if (!undone) return;
  try {
    planOf(undone.client, migrations, location);
    requireSound(undone.client, location);
  } finally {
    undone.close();
  }
}

function requireSound(client: Database.Database, location: string): void {
  const flaw = client.pragma("quick_check(1)", { simple: true });
  if (flaw === "ok") return;
  const message =
    `${location}-journal does not belong to ${location}: rolling it back corrupted a copy (${flaw}). A different database probably left it. ` +
    "Delete the journal, or restore a backup. Nothing was changed.";
  throw new FileError("CORRUPT", location, message);
}
