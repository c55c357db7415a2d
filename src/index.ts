/**
 * `run-blackboard`: the state of one orchestration run in an SQLite file. Everything public of this entry is exported here.
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
import { type SqliteDatabase, SqliteEngine } from "./sqlite/engine.ts";
import { listRunsUnder, type RunListing, runFolders } from "./sqlite/files/list-runs.ts";
import { type Verification, verify } from "./sqlite/files/verify.ts";
import { openView, type View } from "./sqlite/files/view.ts";
import { migrations } from "./sqlite/migrations/embedded.sqlite.ts";
import { openMigrated } from "./sqlite/migrations/open.ts";
import { type MigrationStatus, migrateFile, readStatus } from "./sqlite/migrations/status.ts";

export {
  type BriefStatus,
  briefStatuses,
  type EventKind,
  eventKinds,
  type Json,
  type JsonObject,
  type RunStatus,
  runStatuses,
  type Timestamp,
  type WorkstreamStatus,
  workstreamStatuses,
} from "../drizzle/vocabulary.ts";
export type { BlackboardOperations } from "./blackboard.ts";
export type { Mode, Result } from "./engine/engine.ts";
export * from "./errors.ts";
export type { PlainObject } from "./input/json.ts";
export type {
  BlackboardLocation,
  MigrateBlackboardOptions,
  OpenOptions,
  VerifyBlackboardOptions,
  ViewOptions,
} from "./input/options.ts";
export type { RoleSchemas, Roles } from "./input/roles.ts";
export type { RunDestination, RunLocation } from "./input/run-locations.ts";
export {
  getTreeOutline,
  listBriefOutlines,
  readBriefs,
  readEvents,
  releaseBrief,
  reportRun,
  summarizeRun,
} from "./inspect.ts";
export type { BriefFilter } from "./operations/brief-lists.ts";
export type { Brief, NewBriefBase } from "./operations/briefs.ts";
export type { ClaimRequest } from "./operations/claims.ts";
export type { BlackboardEvent, EventFilter, NewEvent } from "./operations/events.ts";
export type { Claim } from "./operations/held-claims.ts";
export type { BriefRef } from "./operations/lifecycle.ts";
export type { BriefOutline } from "./operations/outlines.ts";
export type { ListedSummary, RunOverview, Throughput } from "./operations/overview.ts";
export type { Page } from "./operations/pages.ts";
export type { BriefOf, ClaimOf, NewBrief, ResultInput, RoleName } from "./operations/roles.ts";
export type { Run } from "./operations/runs.ts";
export type { From } from "./operations/status.ts";
export type { RunSummary } from "./operations/summary.ts";
export type { BriefNode, BriefTree, OutlineNode, TreeOutline } from "./operations/tree.ts";
export type { NewWorkstream, Workstream, WorkstreamFilter } from "./operations/workstreams.ts";
export type { SqliteDatabase } from "./sqlite/engine.ts";
export { type Backup, backupBlackboard } from "./sqlite/files/backup.ts";
export type { RunListing } from "./sqlite/files/list-runs.ts";
export { type PruneOptions, pruneRuns } from "./sqlite/files/prune.ts";
export { type Restored, type RestoreOptions, restoreBlackboard } from "./sqlite/files/restore.ts";
export type { Problem, Verification } from "./sqlite/files/verify.ts";
export type { View } from "./sqlite/files/view.ts";
export type { MigrationStatus } from "./sqlite/migrations/status.ts";
export type { ImportedRun } from "./transfer/import.ts";
export type { Chunks } from "./transfer/lines.ts";
export { copyRun, exportRun, type ImportOptions, importRun } from "./transfer/move.ts";
export type { RunPlace } from "./transfer/place.ts";
export type { PrunedRun, PruneRule } from "./transfer/prune-rule.ts";
export type { WatchOptions } from "./watch.ts";
export { Blackboard };

class SqliteBlackboard<R extends Roles> extends Blackboard<"sync", R, SqliteDatabase> implements Disposable {
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens the blackboard of a run, `runs/<runId>/blackboard.db` under the working directory unless `root` or `file` says
 * otherwise: made if it is missing, its schema brought up to date, whatever the number of processes that open it at once.
 *
 * ```ts
 * const board = openBlackboard({ runId: "abc123" });
 * board.createRun("Build a webhook ingestion system");
 * ```
 *
 * @throws InvalidInputError for an option it does not know or cannot take; FileError; MigrationError for a file whose schema
 * it cannot explain, or of a newer version; BusyError when others kept it locked. The file was not changed then.
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
 * How far a file is. Reads only: never makes or changes a file, its WAL included.
 * @throws MigrationError or FileError for a file it cannot explain; BusyError for one that another program has locked
 * against reading; InvalidInputError.
 */
export function migrationStatus(location: BlackboardLocation): MigrationStatus {
  return readStatus(checkBlackboardLocation(location), migrations);
}

/**
 * Brings one existing file up to date. `backup` writes a consistent copy beside it first, if anything is pending, and gives
 * its path; it stays when the migration fails. The status is that after it, or with `dryRun`, which changes nothing, that
 * before.
 * @throws FileError `NO_SUCH_FILE` for an absent file; MigrationError; BusyError; InvalidInputError.
 */
export function migrateBlackboard(options: MigrateBlackboardOptions): MigrationStatus & { backup?: string } {
  const { location, ...settings } = checkMigrateOptions(options);
  return migrateFile(location, migrations, settings);
}

/**
 * Looks for what is wrong with a file: SQLite's integrity check, tables, indexes and triggers other than the migrations
 * make, rows that refer to rows that are not there, declared or not, briefs that are their own ancestors, counts that are not
 * those of the rows. Reads only. An empty `problems` means that nothing was found.
 *
 * With `repair` writes: makes indexes, triggers and a missing table of counts again, and counts again where counts are wrong.
 * `repaired` says what was, and `problems` what remains.
 * @throws FileError; MigrationError for a file it cannot explain; BusyError; InvalidInputError.
 */
export function verifyBlackboard(options: VerifyBlackboardOptions): Verification {
  const { location, repair } = checkVerifyOptions(options);
  return verify(location, repair);
}

/**
 * Opens a run to look at it. Changes nothing: no file is made, no migration applied to one. An older file, the reference's
 * too, is brought up to date in memory and shown like that; where the folder cannot be written, or an older file is shown,
 * it is a snapshot, and `isLive` is false. Without a `runId`, the file's only run.
 *
 * ```ts
 * using view = viewBlackboard({ runId: "abc123" });
 * console.log(view.board.getRunSummary().briefs.failed);
 * ```
 *
 * @throws FileError; MigrationError for a file whose schema it cannot explain, or of a newer version; InvalidInputError;
 * NotFoundError for a file without any run.
 */
export function viewBlackboard(options: ViewOptions): View {
  return openView(options);
}

/**
 * Every run under a root with its summary, in order of the folders' names; the ones that cannot be read with the error that
 * says why. Changes nothing, as `viewBlackboard`.
 * @throws InvalidInputError for a root that cannot be read.
 */
export function listRuns(options?: { root?: string | undefined }): RunListing[] {
  return listRunsUnder(checkRootOption(options));
}

/**
 * The names of the folders under a root that hold a blackboard.db, in order. Opens none of the files.
 * @throws InvalidInputError for a root that cannot be read.
 */
export function listRunIds(options?: { root?: string | undefined }): string[] {
  return runFolders(checkRootOption(options));
}
