/**
 * Backs up a blackboard's file while other processes write to it.
 */
import { statSync } from "node:fs";
import { InvalidInputError } from "../../errors.ts";
import { codeOf } from "../../foreign.ts";
import { type BlackboardLocation, checkBlackboardLocation } from "../../input/options.ts";
import { checkNewFile } from "../../input/run-locations.ts";
import { connect } from "../connection/connection.ts";
import { writeCopy } from "../connection/copy.ts";
import { isBusy, isSqliteError, translated } from "../errors.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { planOf } from "../migrations/plan.ts";
import { waiting } from "../waiting.ts";

export interface Backup {
  /** The absolute path of the original. */
  location: string;
  /** The absolute path of the copy. */
  backup: string;
  /** The size of the copy. */
  bytes: number;
}

/** How long to wait for a process that locks out readers, in milliseconds. */
const waitMs = 60_000;

/**
 * Copies a blackboard's file, with all its runs, from one snapshot, while other processes continue to write. The copy is compact,
 * has the original's schema and permissions, and is flushed to disk when this returns. The original does not change.
 *
 * ```ts
 * backupBlackboard({ runId: "abc123" }, "abc123-monday.db");
 * ```
 *
 * @throws InvalidInputError if `file` exists, which is never overwritten; FileError; MigrationError for a file that is not a
 * blackboard; BusyError. Nothing remains at `file` then.
 */
export function backupBlackboard(location: BlackboardLocation, file: string): Backup {
  const original = checkBlackboardLocation(location);
  const backup = checkNewFile("file", file);
  const settings = { location: original, create: false, readonly: true, synchronous: "full" } as const;
  const { client, close } = connect({ ...settings, migrateTimeoutMs: waitMs });
  try {
    waiting(() => planOf(client, migrations, original), isBusy, waitMs, original);
    waiting(() => writeCopy(client, backup, statSync(original).mode), isBusy, waitMs, original);
    return { location: original, backup, bytes: statSync(backup).size };
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw alreadyExists(backup, error);
    // Read errors concern the original, write errors the copy.
    const reading = isSqliteError(error) && !/^SQLITE_(FULL|IOERR_(WRITE|FSYNC))/.test(error.code);
    throw translated(error, reading ? original : backup);
  } finally {
    close();
  }
}

function alreadyExists(file: string, cause: unknown): InvalidInputError {
  const message = `must be a new file, but ${file} already exists: specify a different path, or delete it`;
  return new InvalidInputError([{ path: "file", message }], { cause });
}
