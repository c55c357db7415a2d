/**
 * Restores a run's file from a backup.
 */
import { linkSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import { BlackboardError, BusyError, FileError, InvalidInputError, MigrationError } from "../../errors.ts";
import { Check } from "../../input/check.ts";
import { type BlackboardLocation, checkBlackboardLocation } from "../../input/options.ts";
import { isPassing } from "../connection/connection.ts";
import { withCopy, writeCopy } from "../connection/copy.ts";
import { type ExclusiveFile, openExclusive } from "../connection/exclusive.ts";
import { companions, requireFile, sizeOf } from "../connection/file.ts";
import { refuseHardLinks } from "../connection/links.ts";
import { identityOf } from "../connection/path-check.ts";
import { openIfHot, openReader, readOnce } from "../connection/reader.ts";
import { isBusy, translated } from "../errors.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { planOf } from "../migrations/plan.ts";
import { waiting } from "../waiting.ts";

export interface RestoreOptions {
  /** Whether to replace an existing file, or leftover companions of a missing one; false by default. */
  force?: boolean | undefined;
}

export interface Restored {
  /** The absolute path of the restored file. */
  location: string;
  /** The absolute path of the backup. */
  backup: string;
  /** The size of the restored file. */
  bytes: number;
  /** Whether an existing file was replaced. */
  replaced: boolean;
}

/** How long to wait for a process that locks out readers of the backup, in milliseconds. */
const waitMs = 60_000;

/**
 * Replaces a run's file with a copy of a backup, atomically. The copy contains the backup's data, including its WAL, and nothing
 * from a -wal or -journal that a crashed process left next to the run's file. It has the backup's schema and is flushed to disk
 * when this returns. The backup does not change.
 *
 * ```ts
 * restoreBlackboard("abc123-monday.db", { runId: "abc123" }, { force: true });
 * ```
 *
 * @throws InvalidInputError if the file exists and `force` is not set; BusyError if any process has that file open; FileError or
 * MigrationError for a backup that is corrupt or not a blackboard. Nothing is changed then.
 */
export function restoreBlackboard(backup: string, location: BlackboardLocation, options?: RestoreOptions): Restored {
  const check = new Check();
  const { force } = check.object<RestoreOptions>("options", options, { force: true });
  const forced = force !== undefined && check.boolean("force", force);
  check.done();
  const source = checkBlackboardLocation({ file: backup });
  const target = checkBlackboardLocation(location);
  try {
    requireFile(source);
    const reader = waiting(() => openIfHot(source) ?? openReader(source), isBusy, waitMs, source);
    try {
      requireBlackboard(reader.client, source);
      const replaced = put(reader.client, source, target, forced);
      return { location: target, backup: source, bytes: statSync(target).size, replaced };
    } finally {
      reader.close();
    }
  } catch (error) {
    throw error instanceof BlackboardError ? error : translated(error, target);
  }
}

function requireBlackboard(client: Database.Database, source: string): void {
  try {
    const { state } = waiting(() => planOf(client, migrations, source), isBusy, waitMs, source);
    if (state === "empty")
      throw new MigrationError(
        "NOT_A_BLACKBOARD",
        source,
        `${source} has no tables, so it is not a backup of a blackboard. Nothing was restored.`,
      );
    const flaw = client.pragma("quick_check(1)", { simple: true });
    if (flaw === "ok") return;
    throw new FileError(
      "CORRUPT",
      source,
      `${source} is corrupt (${flaw}), or the -wal next to it belongs to a different file. Nothing was restored.`,
    );
  } catch (error) {
    throw translated(error, source);
  }
}

/** Writes the copy to `target`. Returns whether it replaced a file. */
function put(client: Database.Database, source: string, target: string, force: boolean): boolean {
  if (sizeOf(target) === undefined) {
    mkdirSync(dirname(target), { recursive: true });
    const { mode } = statSync(source);
    if (force) withCopy(client, target, mode, (part) => publishAlone(part, target));
    else writeCopy(client, target, mode);
    return false;
  }
  if (identityOf(target) === identityOf(source)) throw invalid("backup", `must not be the run's own file, ${target}`);
  if (!force) throw invalid("force", `must be true to replace ${target}`);
  waiting(() => refuseHardLinks(target), isPassing, waitMs, target);
  refuseForeign(target);
  replace(client, target);
  return true;
}

/** A blackboard may be replaced in any state, but not the database of a different program. */
function refuseForeign(target: string): void {
  try {
    waiting(() => readOnce(target, (client) => planOf(client, migrations, target)), isBusy, waitMs, target);
  } catch (error) {
    const known = translated(error, target);
    if (known instanceof MigrationError && known.code === "NOT_A_BLACKBOARD") throw known;
  }
}

function replace(client: Database.Database, target: string): void {
  const exclusive = openDamagedToo(target);
  try {
    withCopy(client, target, statSync(target).mode, (part) => {
      const exchange = () => {
        removeCompanions(target);
        renameSync(part, target);
      };
      if (exclusive) exclusive.discard(exchange);
      else exchange();
    });
  } finally {
    exclusive?.close();
  }
}

/** Locks the file exclusively; returns `undefined` for a file so corrupt that no process can have it open. */
function openDamagedToo(target: string): ExclusiveFile | undefined {
  let exclusive: ExclusiveFile | undefined;
  try {
    exclusive = openExclusive(target);
  } catch (error) {
    const known = translated(error, target);
    if (known instanceof FileError && (known.code === "CORRUPT" || known.code === "NOT_SQLITE")) return undefined;
    throw known;
  }
  if (exclusive) return exclusive;
  const message = `A process has ${target} open and would continue to use the old file. Stop every process that uses the run first. Nothing was changed.`;
  throw new BusyError(message, 0);
}

/** Deletes leftover companions only when the copy is complete: a restore that fails changes nothing. */
function publishAlone(part: string, target: string): void {
  if (sizeOf(target) === undefined) removeCompanions(target);
  linkSync(part, target);
}

function removeCompanions(target: string): void {
  for (const companion of companions) rmSync(target + companion, { force: true });
}

function invalid(path: string, message: string): InvalidInputError {
  return new InvalidInputError([{ path, message }]);
}
