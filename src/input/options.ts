/**
 * Validation of the options of `openBlackboard` and of the functions for files, views and PostgreSQL.
 */
import { join, resolve } from "node:path";
import { types } from "node:util";
import type { Logger } from "drizzle-orm";
import { InvalidInputError } from "../errors.ts";
import { Check, maxInteger, type Names, shown } from "./check.ts";
import { realPathOf } from "./real-path.ts";
import { checkRoles, type Roles } from "./roles.ts";
import { looksLikeConnection } from "./secrets.ts";

/** The options of both engines. */
export interface CommonOptions<R extends Roles = Roles> {
  /** Id of the run. One path segment of 1 to 128 characters: no separators, no control characters, not `.` or `..`. */
  runId: string;
  /** `"auto"` (the default) applies pending migrations; `"check"` throws `MIGRATION_PENDING` if any are pending. */
  migrate?: "auto" | "check" | undefined;
  /** Payload and result schemas by role. Without it, any role is allowed, with any object. */
  roles?: R | undefined;
  /** Returns the time for timestamps and leases. Default: the local machine's clock on SQLite, the server's on PostgreSQL. */
  clock?: (() => Date) | undefined;
  /** Generates the ids that callers omit. Default: UUIDv7. */
  newId?: (() => string) | undefined;
  /** A Drizzle logger, called for every query. */
  logger?: Logger | undefined;
}

export interface OpenOptions<R extends Roles = Roles> extends CommonOptions<R> {
  /** Directory that contains `<runId>/blackboard.db`. Default: `"runs"`. */
  root?: string | undefined;
  /** Path of the file, instead of `root`, or `":memory:"`. */
  file?: string | undefined;
  /** When false, throws `NO_SUCH_FILE` instead of creating a missing file. Default: true. */
  create?: boolean | undefined;
  /** Opens read-only: never changes the file or its WAL's content. A -shm and an empty -wal may be created next to it. */
  readonly?: boolean | undefined;
  /** `"full"` (the default) survives power loss, like the reference; `"normal"` may lose the last commits but not the file. */
  synchronous?: "full" | "normal" | undefined;
  /** Maximum time that a call waits for other writers, in milliseconds. Default: 5000. */
  busyTimeoutMs?: number | undefined;
  /** Maximum time that opening waits for other processes before it starts migrating, in milliseconds. Default: 60000. */
  migrateTimeoutMs?: number | undefined;
}

export const commonNames: Names<CommonOptions> = {
  runId: true,
  migrate: true,
  roles: true,
  clock: true,
  newId: true,
  logger: true,
};
const names: Names<OpenOptions> = {
  ...commonNames,
  root: true,
  file: true,
  create: true,
  readonly: true,
  synchronous: true,
  busyTimeoutMs: true,
  migrateTimeoutMs: true,
};

export function checkCommon(check: Check, given: Partial<CommonOptions>) {
  if (given.clock !== undefined) check.callable("clock", given.clock);
  if (given.newId !== undefined) check.callable("newId", given.newId);
  if (given.logger !== undefined) {
    const logger: Partial<Logger> = Object(given.logger);
    check.callable("logger.logQuery", check.read("logger.logQuery", logger, "logQuery"));
  }
  return {
    runId: checkRunId(check, given.runId),
    migrate: given.migrate === undefined ? "auto" : check.member("migrate", given.migrate, ["auto", "check"]),
    roles: checkRoles(check, given.roles),
    clock: given.clock,
    newId: given.newId,
    logger: given.logger,
  };
}

const defaultMigrateTimeoutMs = 60_000;
const defaultRoot = "runs";

export function checkOpenOptions(options: OpenOptions) {
  const check = new Check();
  const given = check.object("options", options, names);
  const common = checkCommon(check, given);
  const location = checkLocation(check, given, common.runId);
  const settings = {
    ...common,
    location,
    create: given.create === undefined || check.boolean("create", given.create),
    readonly: given.readonly !== undefined && check.boolean("readonly", given.readonly),
    synchronous:
      given.synchronous === undefined ? "full" : check.member("synchronous", given.synchronous, ["full", "normal"]),
    busyTimeoutMs: checkTimeout(check, "busyTimeoutMs", given.busyTimeoutMs, 5000),
    migrateTimeoutMs: checkTimeout(check, "migrateTimeoutMs", given.migrateTimeoutMs, defaultMigrateTimeoutMs),
  };
  if (location === ":memory:" && (settings.readonly || !settings.create)) {
    check.refuse("file", 'must be a file on disk if readonly is true or create is false; ":memory:" is always new');
  }
  check.done();
  return settings;
}

/** Refuses a connection string without showing it: what these options name appears in messages. */
export function refuseConnection(check: Check, path: string, value: unknown): boolean {
  const refused = typeof value === "string" && looksLikeConnection(value);
  if (refused) check.refuse(path, "must not be a connection string, which is passed as `connection`");
  return refused;
}

/** One path segment, because the run id names a folder. */
export function checkRunId(check: Check, value: unknown): string {
  if (refuseConnection(check, "runId", value)) return "";
  const runId = check.text("runId", value, 128);
  if (runId === "." || runId === ".." || /[/\\\p{Cc}]/u.test(runId)) {
    check.refuse(
      "runId",
      `must be one path segment without /, \\ or control characters, and not . or .., got ${shown(runId)}`,
    );
  }
  return runId;
}

/** Returns the absolute path of the file with symbolic links resolved, or ":memory:". */
export function checkLocation(
  check: Check,
  given: { root?: string | undefined; file?: string | undefined },
  runId: string,
): string {
  const path = checkPath(check, given, runId);
  return path === ":memory:" ? path : realPathOf(path);
}

/** Returns the absolute path with symbolic links kept, or ":memory:". */
export function checkPath(
  check: Check,
  { root, file }: { root?: string | undefined; file?: string | undefined },
  runId: string,
): string {
  if (file === undefined) {
    return resolve(join(checkRoot(check, root), runId, "blackboard.db"));
  }
  if (root !== undefined) check.refuse("root", "must not be combined with `file`");
  if (refuseConnection(check, "file", file)) return "";
  const path = check.text("file", file);
  if (path === ":memory:") return path;
  // better-sqlite3 trims file names: it would open a different file.
  if (path !== path.trimEnd()) check.refuse("file", `must not end in white space, got ${shown(path)}`);
  // SQLite would take it for a companion of the database without the ending, and apply or delete it.
  if (/-(?:wal|shm|journal)$/.test(path)) {
    check.refuse(
      "file",
      `must not end in -wal, -shm or -journal, which SQLite uses for its own files, got ${shown(path)}`,
    );
  }
  return resolve(path);
}

/** A file: of a run under a root, or by its path. */
export type BlackboardLocation = { runId: string; root?: string | undefined } | { file: string };

export interface MigrateOptions {
  /** Returns the status before migrating and changes nothing. */
  dryRun?: boolean | undefined;
  /** Writes a consistent copy next to the file first, if any migration is pending. */
  backup?: boolean | undefined;
  /** Maximum time to wait for other processes, in milliseconds. Default: 60000. */
  migrateTimeoutMs?: number | undefined;
}
export type MigrateBlackboardOptions = BlackboardLocation & MigrateOptions;

export interface VerifyOptions {
  /** Rebuilds indexes, triggers and counts that are missing or wrong. */
  repair?: boolean | undefined;
}
export type VerifyBlackboardOptions = BlackboardLocation & VerifyOptions;

type AllLocations = { runId?: string | undefined; root?: string | undefined; file?: string | undefined };
const locationNames: Names<AllLocations> = { runId: true, root: true, file: true };
const viewNames = { ...locationNames, live: true } as const;
const migrateNames: Names<AllLocations & MigrateOptions> = {
  ...locationNames,
  dryRun: true,
  backup: true,
  migrateTimeoutMs: true,
};

/** The run to view: under a root, or in a file, with its `runId` if the file has several runs. */
export type ViewOptions = (
  | { runId: string; root?: string | undefined }
  | { file: string; runId?: string | undefined }
) & {
  /**
   * Opens the file itself, so that later writes are visible. Otherwise a current file that no process has open is read into
   * memory as a snapshot, so that no -wal and -shm are created next to it.
   */
  live?: boolean | undefined;
};

export function checkViewOptions(options: ViewOptions) {
  const check = new Check();
  const given = check.object<AllLocations & { live?: boolean | undefined }>("options", options, viewNames);
  const runId = given.file !== undefined && given.runId === undefined ? undefined : checkRunId(check, given.runId);
  const location = checkLocation(check, given, runId ?? "");
  if (location === ":memory:") check.refuse("file", 'must be a file on disk, got ":memory:"');
  const live = given.live !== undefined && check.boolean("live", given.live);
  check.done();
  return { location, runId, live };
}

/** Returns the folder that contains the runs. */
export function checkRoot(check: Check, root: string | undefined): string {
  return root === undefined || refuseConnection(check, "root", root) ? defaultRoot : check.text("root", root);
}

/** The same for a function whose only option it is. */
export function checkRootOption(options: { root?: string | undefined } | undefined): string {
  const check = new Check();
  const { root } = check.object<{ root?: string | undefined }>("options", options, { root: true });
  const folder = checkRoot(check, root);
  check.done();
  return folder;
}

const verifyNames: Names<AllLocations & VerifyOptions> = { ...locationNames, repair: true };

export function checkVerifyOptions(options: VerifyBlackboardOptions) {
  const check = new Check();
  const given = check.object<AllLocations & VerifyOptions>("options", options, verifyNames);
  const location = onDisk(check, given);
  const repair = given.repair !== undefined && check.boolean("repair", given.repair);
  check.done();
  return { location, repair };
}

/** Returns the absolute path of a file on disk. */
export function checkBlackboardLocation(location: BlackboardLocation): string {
  const check = new Check();
  const path = onDisk(check, check.object<AllLocations>("location", location, locationNames));
  check.done();
  return path;
}

export function checkMigrateOptions(options: MigrateBlackboardOptions) {
  const check = new Check();
  const given = check.object<AllLocations & MigrateOptions>("options", options, migrateNames);
  const settings = {
    location: onDisk(check, given),
    dryRun: given.dryRun !== undefined && check.boolean("dryRun", given.dryRun),
    backup: given.backup !== undefined && check.boolean("backup", given.backup),
    migrateTimeoutMs: checkTimeout(check, "migrateTimeoutMs", given.migrateTimeoutMs, defaultMigrateTimeoutMs),
  };
  check.done();
  return settings;
}

function onDisk(check: Check, given: AllLocations): string {
  if (given.file !== undefined && given.runId !== undefined) {
    check.refuse("runId", "must not be combined with `file`");
  }
  const runId = given.file === undefined ? checkRunId(check, given.runId) : "";
  const path = checkLocation(check, given, runId);
  if (path === ":memory:") check.refuse("file", 'must be a file on disk, got ":memory:"');
  return path;
}

function checkTimeout(check: Check, path: string, value: number | undefined, otherwise: number): number {
  return value === undefined ? otherwise : check.integer(path, value, 0, maxInteger);
}

/** Returns a clock in the stored format: ISO 8601, UTC, milliseconds. Only four-digit years sort correctly as text. */
export function timestamps(clock: () => Date): () => string {
  return () => {
    const time = clock();
    const text = types.isDate(time) ? isoTime(time) : "";
    if (text.length !== 24) {
      throw new InvalidInputError([
        { path: "clock()", message: `must return a Date between the years 0000 and 9999, got ${shown(time)}` },
      ]);
    }
    return text;
  };
}

/** Like `toISOString`, but returns "" for an invalid date and ignores overridden methods. */
function isoTime(date: Date): string {
  const time = Date.prototype.getTime.call(date);
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}
