/**
 * A copy of a blackboard's file while others write to it.
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
  /** That of the copy. */
  backup: string;
  /** Its size. */
  bytes: number;
}

/** How long to wait for a program that keeps others from reading, in milliseconds. */
const waitMs = 60_000;

/**
 * Copies a blackboard's file, with all its runs, as it is at one moment, while others go on writing. The copy is compact,
 * opens like any other, has the original's permissions, and has reached the disk when this returns. Changes nothing of the
 * original, whose schema the copy keeps.
 *
 * ```ts
 * backupBlackboard({ runId: "abc123" }, "abc123-monday.db");
 * ```
 *
 * @throws InvalidInputError for a `file` that is there already: none is overwritten; FileError; MigrationError for a file that
 * is no blackboard; BusyError. There is no copy then, nor a part of one.
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
    if (codeOf(error) === "EEXIST") throw isThere(backup, error);
    // What could not be read is the original's fault, what could not be written the copy's.
    const reading = isSqliteError(error) && !/^SQLITE_(FULL|IOERR_(WRITE|FSYNC))/.test(error.code);
    throw translated(error, reading ? original : backup);
  } finally {
    close();
  }
}

function isThere(file: string, cause: unknown): InvalidInputError {
  const message = `must be a new file, but ${file} already exists: specify a different path, or delete it`;
  return new InvalidInputError([{ path: "file", message }], { cause });
}
