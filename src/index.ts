/**
 * `run-blackboard`: the state of one orchestration run in an SQLite file. Exports everything public of this entry point.
 */
import { Blackboard } from "./blackboard.ts";
import { migrationPending } from "./engine/history.ts";
import { newId } from "./input/new-id.ts";
import {
  type BlackboardLocation,
  checkBlackboardLocation,
  checkMigrateOptions,
  checkOpenOptions,
  checkRootOption,
  checkVerifyOptions,
  type MigrateBlackboardOptions,
  type OpenOptions,
  timestamps,
  type VerifyBlackboardOptions,
  type ViewOptions,
} from "./input/options.ts";
import type { Roles } from "./input/roles.ts";
import { isAbsent } from "./sqlite/connection/connection.ts";
import type { SqliteDatabase } from "./sqlite/connection/drizzle.ts";
import { SqliteEngine } from "./sqlite/engine.ts";
import { listRunsUnder, type RunListing, runFolders } from "./sqlite/files/list-runs.ts";
import { type Verification, verify } from "./sqlite/files/verify.ts";
import { openView, type View } from "./sqlite/files/view.ts";
import { migrations } from "./sqlite/migrations/embedded.sqlite.ts";
import { migrateFile } from "./sqlite/migrations/migrate.ts";
import { openMigrated } from "./sqlite/migrations/open.ts";
import { type MigrationStatus, readStatus } from "./sqlite/migrations/status.ts";

export * from "./errors-and-types.ts";
export {
  explainFailures,
  explainWaiting,
  getTreeOutline,
  groupFailures,
  listBriefOutlines,
  readBriefs,
  readDependencies,
  readEvents,
  releaseBrief,
  reportRun,
  summarizeRun,
} from "./inspect.ts";
export type { SqliteDatabase } from "./sqlite/connection/drizzle.ts";
export { type Backup, backupBlackboard } from "./sqlite/files/backup.ts";
export type { RunListing } from "./sqlite/files/list-runs.ts";
export { type PruneOptions, pruneRuns } from "./sqlite/files/prune.ts";
export { type Restored, type RestoreOptions, restoreBlackboard } from "./sqlite/files/restore.ts";
export type { Problem, Verification } from "./sqlite/files/verify.ts";
export type { View } from "./sqlite/files/view.ts";
export type { MigrationStatus } from "./sqlite/migrations/status.ts";
export type { FileProblem, FileVerification } from "./sqlite/migrations/verify.ts";
export { copyRun, exportRun, type ImportOptions, importRun } from "./transfer/move.ts";
export { Blackboard };

class SqliteBlackboard<R extends Roles> extends Blackboard<"sync", R, SqliteDatabase> implements Disposable {
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens the blackboard of a run, by default `runs/<runId>/blackboard.db` under the working directory. Creates the file if it
 * is missing and applies pending migrations, however many processes open it concurrently.
 *
 * ```ts
 * const board = openBlackboard({ runId: "abc123" });
 * board.createRun("Build a webhook ingestion system");
 * ```
 *
 * @throws InvalidInputError for an unknown or invalid option; FileError; MigrationError for a file with an unexpected schema
 * or of a newer version; BusyError if another process kept it locked. When it throws, the file is unchanged.
 */
export function openBlackboard<R extends Roles = Roles>(
  options: OpenOptions<R>,
): Blackboard<"sync", R, SqliteDatabase> & Disposable {
  const settings = checkOpenOptions(options);
  const { runId, location, busyTimeoutMs, logger } = settings;
  if (settings.migrate === "check" && settings.create && !settings.readonly && isAbsent(location)) {
    throw migrationPending(location, migrations);
  }
  const connection = openMigrated(settings, migrations);
  const engine = new SqliteEngine(connection, { location, busyTimeoutMs, logger });
  const now = timestamps(settings.clock ?? (() => new Date()));
  return new SqliteBlackboard<R>(engine, {
    runId,
    roles: settings.roles,
    now,
    newId: settings.newId ?? newId,
  });
}

/**
 * Returns which migrations a file has applied and which are pending. Never creates or modifies a file, including its WAL.
 * @throws MigrationError or FileError for a file with an unexpected schema or content; BusyError if another program has
 * locked it against reading; InvalidInputError.
 */
export function migrationStatus(location: BlackboardLocation): MigrationStatus {
  return readStatus(checkBlackboardLocation(location), migrations);
}

/**
 * Applies pending migrations to an existing file and returns its status afterwards. With `dryRun`, changes nothing and
 * returns the current status. With `backup`, if a migration is pending, first writes a consistent copy next to the file and
 * returns its path; the copy remains if the migration fails.
 * @throws FileError `NO_SUCH_FILE` for a missing file; MigrationError; BusyError; InvalidInputError.
 */
export function migrateBlackboard(options: MigrateBlackboardOptions): MigrationStatus & { backup?: string } {
  const { location, ...settings } = checkMigrateOptions(options);
  return migrateFile(location, migrations, settings);
}

/**
 * Checks a file: SQLite's integrity check; tables, indexes and triggers that differ from the migrations; dangling references,
 * whether or not a foreign key declares them; briefs that are their own ancestors or come after themselves; stored counts that
 * differ from the rows. Read-only. `problems` is empty if no problem was found.
 *
 * With `repair`, writes: recreates indexes, triggers and a missing table of counts, and recomputes wrong counts. `repaired`
 * lists the repaired problems, `problems` the remaining ones.
 * @throws FileError; MigrationError for a file with an unexpected schema; BusyError; InvalidInputError.
 */
export function verifyBlackboard(options: VerifyBlackboardOptions): Verification {
  const { location, repair } = checkVerifyOptions(options);
  return verify(location, repair);
}

/**
 * Opens a run read-only, without creating or migrating a file. An older file, including one of the reference implementation,
 * is migrated in memory. An older file, or one in a folder that is not writable, is read as a snapshot, and `isLive` is
 * false. Without a `runId`, opens the file's only run.
 *
 * ```ts
 * using view = viewBlackboard({ runId: "abc123" });
 * console.log(view.board.getRunSummary().briefs.failed);
 * ```
 *
 * @throws FileError; MigrationError for a file with an unexpected schema or of a newer version; InvalidInputError;
 * NotFoundError for a file without a run.
 */
export function viewBlackboard(options: ViewOptions): View {
  return openView(options);
}

/**
 * Returns every run under a root with its summary, ordered by folder name; a run that cannot be read has an `error` instead.
 * Read-only, like `viewBlackboard`.
 * @throws InvalidInputError for a root that cannot be read.
 */
export function listRuns(options?: { root?: string | undefined }): RunListing[] {
  return listRunsUnder(checkRootOption(options));
}

/**
 * Returns the names of the folders under a root that contain a blackboard.db, in order. Does not open the files.
 * @throws InvalidInputError for a root that cannot be read.
 */
export function listRunIds(options?: { root?: string | undefined }): string[] {
  return runFolders(checkRootOption(options));
}
