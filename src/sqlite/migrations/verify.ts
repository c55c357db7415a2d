/**
 * Verifies a file without changing it. On request, repairs what is derived from the rows and migrations: tallies, indexes and
 * triggers.
 */
import type Database from "better-sqlite3";
import type { Migration } from "../../engine/history.ts";
import { quoted } from "../../shown.ts";
import { connect } from "../connection/connection.ts";
import { requireFile } from "../connection/file.ts";
import { openLook } from "../connection/reader.ts";
import { isBusy, isSqliteError, translated } from "../errors.ts";
import { waiting } from "../waiting.ts";
import type { Difference } from "./expected-schema.ts";
import { type Examination, examine } from "./plan.ts";
import { brokenReferences, isTable } from "./schema.ts";
import type { MigrationStatus } from "./status.ts";
import { rebuildTallies, type WrongTally, wrongTallies } from "./tallies.ts";

/** A problem of the file or its schema. */
export interface FileProblem {
  /**
   * integrity: SQLite's integrity check failed. schema: differs from the one that the migrations create; `repair` recreates indexes,
   * triggers and a missing `tallies` table. reference: rows have dangling references. tallies: stored counts differ from the
   * rows; `repair` recomputes them.
   */
  kind: "integrity" | "schema" | "reference" | "tallies";
  message: string;
}
export interface FileVerification {
  /** The absolute path. */
  location: string;
  state: Exclude<MigrationStatus["state"], "absent">;
  problems: FileProblem[];
  /** With `repair`: the problems that were found and repaired. */
  repaired?: FileProblem[];
}

/** How long a repair waits for writers, in milliseconds. */
const repairTimeoutMs = 5000;

/** Verifies the file, repairs derived objects and counts unless the integrity check fails, and verifies again. */
export function repairFile(location: string, migrations: readonly Migration[]): FileVerification {
  const before = verifyFile(location, migrations);
  const derived = before.problems.filter(({ kind }) => kind === "tallies" || kind === "schema");
  if (derived.length === 0 || before.problems.some(({ kind }) => kind === "integrity"))
    return { ...before, repaired: [] };
  let failures: Failures = new Map();
  const migrateTimeoutMs = repairTimeoutMs;
  const { client, close } = connect({
    location,
    create: false,
    readonly: false,
    synchronous: "full",
    migrateTimeoutMs,
  });
  try {
    const all = client.transaction(() => repair(client, migrations, location));
    failures = waiting(() => all.immediate(), isBusy, repairTimeoutMs, location);
  } catch (error) {
    throw translated(error, location);
  } finally {
    close();
  }
  const after = verifyFile(location, migrations);
  const still = new Set(after.problems.map(({ message }) => message));
  const problems = after.problems.map(({ kind, message }) => {
    const reason = failures.get(message);
    return { kind, message: reason === undefined ? message : `${message}; it cannot be created: ${reason}` };
  });
  return { ...after, problems, repaired: derived.filter(({ message }) => !still.has(message)) };
}

/** Reasons why an object could not be created, by the line of its difference. */
type Failures = ReadonlyMap<string, string>;

/** Runs in the caller's transaction, so that triggers and the counts they maintain are repaired atomically. */
function repair(client: Database.Database, migrations: readonly Migration[], location: string): Failures {
  const failures = new Map<string, string>();
  // Repeated, because a missing table hides its missing indexes and triggers.
  for (let todo = reparable(client, migrations, location, failures); todo.length > 0; ) {
    for (const difference of todo) {
      const reason = make(client, difference);
      if (reason !== undefined) failures.set(difference.line, reason);
    }
    todo = reparable(client, migrations, location, failures);
  }
  if (wrongCounts(client, examine(client, migrations, location)).length > 0) rebuildTallies(client);
  return failures;
}

/** Returns nothing if a table with data was altered: triggers and indexes may refer to columns that it lacks. */
function reparable(
  client: Database.Database,
  migrations: readonly Migration[],
  location: string,
  failures: Failures,
): Difference[] {
  const { differences } = examine(client, migrations, location);
  if (differences.some(({ expected, repair }) => isTable(expected) && repair === undefined)) return [];
  return differences.filter(({ line, repair }) => repair !== undefined && !failures.has(line));
}

/** Creates or replaces the object. Returns the reason if the rows prevent it, such as duplicate keys; nothing is changed then. */
function make(client: Database.Database, { expected, repair }: Difference): string | undefined {
  const replace = client.transaction(() => {
    if (repair === "replace") client.exec(`DROP ${expected.type} "${expected.name}"`);
    client.exec(expected.sql);
  });
  try {
    replace();
    return undefined;
  } catch (error) {
    if (isSqliteError(error) && /^SQLITE_(CONSTRAINT|ERROR)/.test(error.code)) return error.message;
    throw error;
  }
}

export function verifyFile(location: string, migrations: readonly Migration[]): FileVerification {
  try {
    requireFile(location);
    const { client, close } = openLook(location);
    try {
      const found = examine(client, migrations, location);
      const problems = [...integrity(client), ...schema(found), ...references(client), ...tallies(client, found)];
      return { location, state: found.state, problems };
    } finally {
      close();
    }
  } catch (error) {
    throw translated(error, location);
  }
}

function integrity(client: Database.Database): FileProblem[] {
  const lines = client.prepare<[], string>("SELECT integrity_check FROM pragma_integrity_check").pluck().all();
  return lines.filter((line) => line !== "ok").map((message) => ({ kind: "integrity", message }));
}

function schema({ differences }: Examination): FileProblem[] {
  return differences.map(({ line }) => ({ kind: "schema", message: line }));
}

function references(client: Database.Database): FileProblem[] {
  return [...brokenReferences(client)].map(([key, count]) => ({
    kind: "reference",
    message: `${count} dangling reference${count === 1 ? "" : "s"} from ${key}`,
  }));
}

function tallies(client: Database.Database, found: Examination): FileProblem[] {
  return wrongCounts(client, found).map(({ runId, subject, label, stored, counted }) => ({
    kind: "tallies",
    message: `run ${quoted(runId)}: tallies record ${stored} ${subject} ${quoted(label)}, but the table has ${counted}`,
  }));
}

/** Returns nothing if the schema has no `tallies` yet, or if a table differs and may lack the columns to count. */
function wrongCounts(client: Database.Database, { expected, differences }: Examination): WrongTally[] {
  const counts = expected.some((object) => isTable(object) && object.name === "tallies");
  return counts && !differences.some(({ expected }) => isTable(expected)) ? wrongTallies(client) : [];
}
