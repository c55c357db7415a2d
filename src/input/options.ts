/**
 * The options of `openBlackboard`: all of them checked, none of them guessed.
 */
import { join, resolve } from "node:path";
import { types } from "node:util";
import type { Logger } from "drizzle-orm";
import { InvalidInputError } from "../errors.ts";
import { has } from "../foreign.ts";
import { Check, maxInteger, type Names, shown } from "./check.ts";
import { realPathOf } from "./real-path.ts";
import { checkRoles, type Roles } from "./roles.ts";

/** What both engines take. */
export interface CommonOptions<R extends Roles = Roles> {
  /** One path segment, 1 to 128 characters: no separators, no control characters, not `.` or `..`. */
  runId: string;
  /** `"auto"` (the default) brings the schema up to date; `"check"` throws `MIGRATION_PENDING` when it is not, or absent. */
  migrate?: "auto" | "check" | undefined;
  /** What the briefs of each role carry; left out, any role may carry any object. */
  roles?: R | undefined;
  /** The time of what is written; when left out the machine's, or the PostgreSQL server's. */
  clock?: (() => Date) | undefined;
  /** Makes the ids that callers leave out; UUIDv7 when left out. */
  newId?: (() => string) | undefined;
  /** Drizzle's logger: sees every query. */
  logger?: Logger | undefined;
}

export interface OpenOptions<R extends Roles = Roles> extends CommonOptions<R> {
  /** Directory that holds `<runId>/blackboard.db`; `"runs"` when left out. */
  root?: string | undefined;
  /** An explicit file instead, or `":memory:"`. */
  file?: string | undefined;
  /** False: a missing file is an error (`NO_SUCH_FILE`) and none is made. */
  create?: boolean | undefined;
  /** Never changes the file or what its WAL holds; -shm and an empty -wal may appear beside it. */
  readonly?: boolean | undefined;
  /** `"full"` (the default) survives power loss, as the reference does; `"normal"` may lose the last commits, never the file. */
  synchronous?: "full" | "normal" | undefined;
  /** How long a call waits for other writers once open, in milliseconds; 5000 when left out. */
  busyTimeoutMs?: number | undefined;
  /** How long opening waits for others, before its own migrations start, in milliseconds; 60000 when left out. */
  migrateTimeoutMs?: number | undefined;
}

const commonNames: Names<CommonOptions> = {
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

function checkCommon(check: Check, given: Partial<CommonOptions>) {
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

export function checkPostgresOptions<Pool extends object>(options: CommonOptions & { connection: string | Pool }) {
  const check = new Check();
  const given = check.object("options", options, { ...commonNames, connection: true });
  const settings = { ...checkCommon(check, given), connection: checkConnection(check, given.connection) };
  check.done();
  return settings;
}

/** Which run of a database to look at; may be left out where it has only one. */
export interface PostgresViewOptions<Pool> {
  connection: string | Pool;
  runId?: string | undefined;
}

export function checkPostgresViewOptions<Pool extends object>(options: PostgresViewOptions<Pool>) {
  const check = new Check();
  const given = check.object("options", options, { runId: true, connection: true });
  const settings = {
    runId: given.runId === undefined ? undefined : checkRunId(check, given.runId),
    connection: checkConnection(check, given.connection),
  };
  check.done();
  return settings;
}

/** Its own form is for the engine to say: what is checked here is that something was given. */
function checkConnection<Pool extends object>(check: Check, connection: string | Pool | undefined): string | Pool {
  const isPool = typeof connection === "object" && connection !== null && has(connection, looksLikePool);
  if (!isPool && (typeof connection !== "string" || connection === "")) {
    // Without the value: it may hold a password.
    check.refuse("connection", "must be a connection string, or a Pool of node-postgres");
  }
  return connection ?? "";
}

function looksLikePool(value: object): boolean {
  const methods = ["connect", "on", "removeListener"].map((name): unknown => Reflect.get(value, name));
  const options: unknown = Reflect.get(value, "options");
  return methods.every((method) => typeof method === "function") && typeof options === "object" && options !== null;
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
    check.refuse("file", 'must be a file on disk with readonly or create: false: ":memory:" is new each time');
  }
  check.done();
  return settings;
}

/** One segment of a path, since it names a folder. */
export function checkRunId(check: Check, value: unknown): string {
  const runId = check.text("runId", value, 128);
  if (runId === "." || runId === ".." || /[/\\\p{Cc}]/u.test(runId)) {
    check.refuse(
      "runId",
      `must be one path segment, without / or \\ or control characters, not . or .., got ${shown(runId)}`,
    );
  }
  return runId;
}

/** The absolute path of the file, without symbolic links, or ":memory:". */
export function checkLocation(
  check: Check,
  given: { root?: string | undefined; file?: string | undefined },
  runId: string,
): string {
  const path = checkPath(check, given, runId);
  return path === ":memory:" ? path : realPathOf(path);
}

/** The absolute path as given, or ":memory:". */
export function checkPath(
  check: Check,
  { root, file }: { root?: string | undefined; file?: string | undefined },
  runId: string,
): string {
  if (file === undefined) {
    const folder = root === undefined ? defaultRoot : check.text("root", root);
    return resolve(join(folder, runId, "blackboard.db"));
  }
  if (root !== undefined) check.refuse("root", "must not be given together with `file`, which says it all");
  const path = check.text("file", file);
  if (path === ":memory:") return path;
  // better-sqlite3 trims file names: it would open another file.
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

/** Which file: that of a run under a root, or one by its path. */
export type BlackboardLocation = { runId: string; root?: string | undefined } | { file: string };

interface MigrateOptions {
  /** Tells what would be done and changes nothing. */
  dryRun?: boolean | undefined;
  /** Writes a consistent copy beside the file first, if anything is pending. */
  backup?: boolean | undefined;
  /** How long to wait for others, in milliseconds; 60000 when left out. */
  migrateTimeoutMs?: number | undefined;
}
export type MigrateBlackboardOptions = BlackboardLocation & MigrateOptions;

interface VerifyOptions {
  /** Makes anew what is derived and wrong. */
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

/** What to look at: a run under a root, or a file and which of its runs, if it holds several. */
export type ViewOptions = (
  | { runId: string; root?: string | undefined }
  | { file: string; runId?: string | undefined }
) & {
  /**
   * To see what others write from now on. A current file that nobody has open is otherwise read as a snapshot in memory, so
   * that no -wal and -shm appear beside it.
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

/** The folder that holds the runs. */
export function checkRootOption(options: { root?: string | undefined } | undefined): string {
  const check = new Check();
  const { root } = check.object<{ root?: string | undefined }>("options", options, { root: true });
  const folder = root === undefined ? defaultRoot : check.text("root", root);
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

/** The absolute path of a file on disk. */
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
    check.refuse("runId", "must not be given together with `file`, which says it all");
  }
  const runId = given.file === undefined ? checkRunId(check, given.runId) : "";
  const path = checkLocation(check, given, runId);
  if (path === ":memory:") check.refuse("file", 'must be a file on disk, got ":memory:"');
  return path;
}

function checkTimeout(check: Check, path: string, value: number | undefined, otherwise: number): number {
  return value === undefined ? otherwise : check.integer(path, value, 0, maxInteger);
}

/** The clock as it is stored: ISO 8601, UTC, in milliseconds. Only years of four digits are ordered as text. */
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

/** As `toISOString`, which throws for an invalid date, and which an object may have overridden. */
function isoTime(date: Date): string {
  const time = Date.prototype.getTime.call(date);
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}
