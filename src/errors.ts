/**
 * Every error that this package throws: one class per decision a caller can make, a stable `code`, the data as fields.
 * The message contains the problem, the value, what is allowed and what to do; a driver's error is the `cause`.
 * Each class sets its name as a string, because minifiers rename classes, and through `this`, because a bundler also renames
 * a class that refers to itself by name.
 */
// biome-ignore-all lint/complexity/noThisInStatic: see above.
import type { BriefStatus } from "../drizzle/vocabulary.ts";
import { escaped, listed, oneLine, quoted } from "./shown.ts";

export type Entity = "run" | "workstream" | "brief" | "event";

/** Maximum lengths in characters. Drivers' messages, paths and stored values have no limit of their own. */
const maxMessage = 8000;
const maxIssuePath = 3000;
const maxIssueMessage = 500;

/** Base class of all errors of this package: test with `error instanceof BlackboardError`. */
export abstract class BlackboardError extends Error {
  abstract readonly code: string;
  /** Reduces the message to one line of bounded length without control characters. */
  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message, maxMessage), options);
  }
}

export interface Issue {
  /** Path of the invalid value, such as `payload.items[3].name`. */
  readonly path: string;
  /** The allowed values and the given one. */
  readonly message: string;
}

/** An argument is invalid. `issues` contains every problem found; nothing was sent to the database. */
export class InvalidInputError extends BlackboardError {
  static {
    this.prototype.name = "InvalidInputError";
  }
  readonly code = "INVALID_INPUT";
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[], options?: ErrorOptions) {
    const bounded = issues.map(({ path, message }) => ({
      path: escaped(path, maxIssuePath),
      message: oneLine(message, maxIssueMessage),
    }));
    const first = bounded.slice(0, 10).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
    if (issues.length > 10) first.push(`and ${issues.length - 10} more, all in \`issues\``);
    super(`Invalid input. ${first.join("; ")}.`, options);
    this.issues = bounded;
  }
}

/** The row does not exist in this run. */
export class NotFoundError extends BlackboardError {
  static {
    this.prototype.name = "NotFoundError";
  }
  readonly code = "NOT_FOUND";
  readonly entity: Entity;
  readonly id: string;
  constructor(entity: Entity, id: string, runId: string) {
    super(
      entity === "run"
        ? `Run ${quoted(id)} does not exist in this blackboard. Call createRun(goal) first.`
        : `Run ${quoted(runId)} has no ${entity} ${quoted(id)}. Create it first, or check the id.`,
    );
    this.entity = entity;
    this.id = id;
  }
}

/** The id already exists with different data. For an event, also when `newId` returns an id twice. */
export class ConflictError extends BlackboardError {
  static {
    this.prototype.name = "ConflictError";
  }
  readonly code = "CONFLICT";
  readonly entity: Entity;
  readonly id: string;
  /** The fields that differ from the stored row; `runId` if the id belongs to a different run of the same file. */
  readonly fields: readonly string[];
  constructor(entity: Entity, id: string, fields: readonly string[], message?: string) {
    super(
      message ??
        `The ${entity} ${quoted(id)} already exists with different data: ${listed(fields)}. ` +
          `Creating it again with the same data is allowed. Use a different id for different data.`,
    );
    this.entity = entity;
    this.id = id;
    this.fields = fields;
  }
}

/** The current status does not allow this change; see `actual` and `allowed`. */
export class TransitionError extends BlackboardError {
  static {
    this.prototype.name = "TransitionError";
  }
  readonly code = "TRANSITION";
  readonly entity: Entity;
  readonly id: string;
  readonly actual: string;
  readonly allowed: readonly string[];
  constructor(entity: Entity, id: string, actual: string, allowed: readonly string[]) {
    super(
      `The ${entity} ${quoted(id)} is ${quoted(actual)}; this change requires ${allowed.map((status) => quoted(status)).join(" or ") || "a status in `from`, which is empty"}. ` +
        `Another process may have changed it first. Read it again and retry.`,
    );
    this.entity = entity;
    this.id = id;
    this.actual = actual;
    this.allowed = allowed;
  }
}

/** The claim has been superseded by a later attempt, or the brief is no longer active. Discard the work. */
export class LostClaimError extends BlackboardError {
  static {
    this.prototype.name = "LostClaimError";
  }
  readonly code = "LOST_CLAIM";
  readonly briefId: string;
  /** The attempt of the claim that was used. */
  readonly attempt: number;
  /** The current state of the brief. */
  readonly current: { status: BriefStatus; attempt: number; claimedBy: string | null };
  /** With a `cause`: the lease expired before it could be renewed, and `current` is the last known state. */
  constructor(briefId: string, attempt: number, current: LostClaimError["current"], options: ErrorOptions = {}) {
    const held = current.status === "active" ? "held" : "last held";
    const holder = current.claimedBy === null ? "unclaimed" : `${held} by ${quoted(current.claimedBy)}`;
    const what = `The claim on brief ${quoted(briefId)}, attempt ${attempt},`;
    super(
      "cause" in options
        ? `${what} could not be renewed before its lease expired; another agent may have claimed the brief. Discard the work.`
        : `${what} is no longer current: the brief is ${quoted(current.status)}, attempt ${current.attempt}, ` +
            `${holder}. Discard the work; nothing was written.`,
      options,
    );
    this.briefId = briefId;
    this.attempt = attempt;
    this.current = current;
  }
}

/** Use after `close()`, or of a `tx` after its transaction ended. */
export class ClosedError extends BlackboardError {
  static {
    this.prototype.name = "ClosedError";
  }
  readonly code = "CLOSED";
}

/** Another process kept the database locked longer than this call may wait. Retry, or raise the limit. */
export class BusyError extends BlackboardError {
  static {
    this.prototype.name = "BusyError";
  }
  readonly code = "BUSY";
  /** How long it waited, in milliseconds. */
  readonly waitedMs: number;
  constructor(message: string, waitedMs: number, options?: ErrorOptions) {
    super(message, options);
    this.waitedMs = waitedMs;
  }
}

/** The file is missing, unreadable, not SQLite, corrupt, read-only, or its disk is full; see `code`. */
export class FileError extends BlackboardError {
  static {
    this.prototype.name = "FileError";
  }
  readonly code: "NO_SUCH_FILE" | "CANNOT_OPEN" | "NOT_SQLITE" | "CORRUPT" | "READ_ONLY" | "DISK_FULL";
  readonly file: string;
  constructor(code: FileError["code"], file: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.file = file;
  }
}

/** The schema of the file or database does not match this version. Nothing was changed. */
export class MigrationError extends BlackboardError {
  static {
    this.prototype.name = "MigrationError";
  }
  readonly code:
    | "NOT_A_BLACKBOARD"
    | "SCHEMA_MISMATCH"
    | "SCHEMA_TOO_NEW"
    | "MIGRATION_EDITED"
    | "UNKNOWN_MIGRATION"
    | "MIGRATION_OUT_OF_ORDER"
    | "MIGRATION_PENDING"
    | "MIGRATION_FAILED";
  readonly location: string;
  /** Tag of the migration, such as `0001_events_seq`. */
  declare readonly migration?: string;
  /** The SQL statement of that migration. */
  declare readonly statement?: string;
  /** Each difference from the expected schema, one line each. */
  declare readonly differences?: readonly string[];
  constructor(
    code: MigrationError["code"],
    location: string,
    message: string,
    details: { migration?: string; statement?: string; differences?: readonly string[]; cause?: unknown } = {},
  ) {
    const { cause, ...fields } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.location = location;
    Object.assign(this, fields);
  }
}

/** A stored value, written by another program, is invalid, such as a payload that is not JSON. */
export class UnreadableRowError extends BlackboardError {
  static {
    this.prototype.name = "UnreadableRowError";
  }
  readonly code = "UNREADABLE_ROW";
  readonly entity: Entity;
  readonly id: string;
  readonly column: string;
  constructor(
    entity: Entity,
    id: string,
    column: string,
    found: string,
    options?: ErrorOptions,
    expected = "a JSON object",
  ) {
    super(
      `Cannot read the ${column} of ${entity} ${quoted(id)}: expected ${expected}, found ${found}. ` +
        `Another program wrote it; repair the row with that program.`,
      options,
    );
    this.entity = entity;
    this.id = id;
    this.column = column;
  }
}

/** The database rejected a statement, for example because of a user's trigger; the driver's error is the `cause`. */
export class DatabaseError extends BlackboardError {
  static {
    this.prototype.name = "DatabaseError";
  }
  readonly code = "DATABASE";
}

/**
 * PostgreSQL only: the server is unreachable, or the connection was lost. Whether the last write was committed is unknown:
 * with ids of your own, repeating it is safe.
 */
export class ConnectionError extends BlackboardError {
  static {
    this.prototype.name = "ConnectionError";
  }
  readonly code = "CONNECTION";
}
