/**
 * Every error that leaves this package: a class for each decision a caller can make, a stable `code`, the data as fields.
 * The message says what was wrong, which value, what is allowed and what to do; a driver's error is kept as `cause`.
 * Names are set in text, since a bundler's minifier renames classes; and through `this`, since a class that speaks of itself
 * is renamed without that, too.
 */
// biome-ignore-all lint/complexity/noThisInStatic: see above.
import type { BriefStatus } from "../drizzle/vocabulary.ts";
import { escaped, listed, oneLine, quoted } from "./shown.ts";

export type Entity = "run" | "workstream" | "brief" | "event";

/** Of a whole message, and of an issue's path and message, in characters. Drivers, paths and users' rows have no limit. */
const maxMessage = 8000;
const maxIssuePath = 3000;
const maxIssueMessage = 500;

/** The root of them all: `error instanceof BlackboardError` tells ours from everybody else's. */
export abstract class BlackboardError extends Error {
  abstract readonly code: string;
  /** The message is on one line, without control characters, and bounded, whatever it was made of. */
  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message, maxMessage), options);
  }
}

export interface Issue {
  /** Where, such as `payload.items[3].name`. */
  readonly path: string;
  /** What is allowed and what was given. */
  readonly message: string;
}

/** Something given is not allowed. All that was found is in `issues`; nothing reached the database. */
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

/** There is no such row in this run. */
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
        ? `There is no run ${quoted(id)} in this blackboard yet. Call createRun(goal) first.`
        : `There is no ${entity} ${quoted(id)} in run ${quoted(runId)}. Create it first, or look at the id.`,
    );
    this.entity = entity;
    this.id = id;
  }
}

/** A create with an id that is taken by something else; an event's, when `newId` repeats itself. */
export class ConflictError extends BlackboardError {
  static {
    this.prototype.name = "ConflictError";
  }
  readonly code = "CONFLICT";
  readonly entity: Entity;
  readonly id: string;
  /** The fields that differ from the stored row; `runId` when the id belongs to another run of the same file. */
  readonly fields: readonly string[];
  constructor(entity: Entity, id: string, fields: readonly string[], message?: string) {
    super(
      message ??
        `The ${entity} ${quoted(id)} exists already with other data: ${listed(fields)}. ` +
          `Creating it again with the same data is allowed; for something else use another id.`,
    );
    this.entity = entity;
    this.id = id;
    this.fields = fields;
  }
}

/** The status is not one that this change starts from. */
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
      `The ${entity} ${quoted(id)} is ${quoted(actual)}, and this change starts from ${allowed.map((status) => quoted(status)).join(" or ") || "no status at all"}. ` +
        `Somebody may have been faster: read it again and decide anew.`,
    );
    this.entity = entity;
    this.id = id;
    this.actual = actual;
    this.allowed = allowed;
  }
}

/** The claim used is not the current one: another attempt, or the brief is no longer active. Drop the work. */
export class LostClaimError extends BlackboardError {
  static {
    this.prototype.name = "LostClaimError";
  }
  readonly code = "LOST_CLAIM";
  readonly briefId: string;
  /** The attempt of the claim that was used. */
  readonly attempt: number;
  /** The brief as it is now. */
  readonly current: { status: BriefStatus; attempt: number; claimedBy: string | null };
  /** With a `cause`: the lease ran out before it could be renewed, and `current` is what was known last. */
  constructor(briefId: string, attempt: number, current: LostClaimError["current"], options: ErrorOptions = {}) {
    const held = current.status === "active" ? "held" : "last held";
    const holder = current.claimedBy === null ? "held by nobody" : `${held} by ${quoted(current.claimedBy)}`;
    const what = `The claim on brief ${quoted(briefId)}, attempt ${attempt},`;
    super(
      "cause" in options
        ? `${what} could not be renewed before its lease was over, so others may have taken the brief. Drop the work.`
        : `${what} is no longer the current one: the brief is ${quoted(current.status)}, attempt ${current.attempt}, ` +
            `${holder}. Drop the work; nothing was written.`,
      options,
    );
    this.briefId = briefId;
    this.attempt = attempt;
    this.current = current;
  }
}

/** A call after `close()`, or through a `tx` whose transaction is over. */
export class ClosedError extends BlackboardError {
  static {
    this.prototype.name = "ClosedError";
  }
  readonly code = "CLOSED";
}

/** Another process held the database longer than this one may wait. Try again later, or raise the limit. */
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

/** The file itself is the problem. */
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

/** The schema of the file and that of this version do not fit. Nothing was changed. */
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
  /** The tag of the migration, such as `0001_events_seq`. */
  declare readonly migration?: string;
  /** Its SQL. */
  declare readonly statement?: string;
  /** What the file has and lacks, one line each. */
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

/** A row that another program wrote and that cannot be read, such as a payload that is not JSON. */
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
      `The ${column} of ${entity} ${quoted(id)} cannot be read: it should hold ${expected}, and it holds ${found}. ` +
        `Another program wrote it; mend the row there.`,
      options,
    );
    this.entity = entity;
    this.id = id;
    this.column = column;
  }
}

/** What the database refused for a reason of its own, such as a user's trigger; the driver's error is the cause. */
export class DatabaseError extends BlackboardError {
  static {
    this.prototype.name = "DatabaseError";
  }
  readonly code = "DATABASE";
}

/**
 * PostgreSQL only: the server cannot be reached, or went away. Whether the last write landed is unknown, so bring your own
 * ids and repeat.
 */
export class ConnectionError extends BlackboardError {
  static {
    this.prototype.name = "ConnectionError";
  }
  readonly code = "CONNECTION";
}
