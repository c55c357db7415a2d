/**
 * Looking for what is wrong with a file, without changing it; and, when asked to, making anew what is derived.
 */
import type Database from "better-sqlite3";
import { connect, noSuchFile, requireHeader, sizeOf } from "../engines/sqlite-connection.ts";
import { isBusy, translated } from "../engines/sqlite-errors.ts";
import { openLook } from "../engines/sqlite-reader.ts";
import { waiting } from "../engines/waiting.ts";
import { quoted } from "../shown.ts";
import type { Migration } from "./history.ts";
import { type Plan, planOf } from "./plan.ts";
import { brokenReferences, differences, isTable, readObjects, replay } from "./sqlite-schema.ts";
import { rebuildTallies, wrongTallies } from "./tallies.ts";

/** What the file itself shows. */
export interface FileProblem {
  /**
   * integrity: SQLite's own check. schema: not as the migrations make it. reference: a row refers to one that is not there.
   * tallies: the counts that a summary tells are not those of the rows. `repair` makes them anew.
   */
  kind: "integrity" | "schema" | "reference" | "tallies";
  message: string;
}
export interface FileVerification {
  /** The absolute path. */
  location: string;
  state: Plan["state"];
  problems: FileProblem[];
  /** With `repair`: what was found and is mended. */
  repaired?: FileProblem[];
}

/** How long a repair waits for writers, in milliseconds. */
const repairTimeoutMs = 5000;

/** Verifies, rebuilds the tallies where they are wrong and nothing is damaged, and verifies again. */
export function repairFile(location: string, migrations: readonly Migration[]): FileVerification {
  const before = verifyFile(location, migrations);
  const wrong = before.problems.filter(({ kind }) => kind === "tallies");
  if (wrong.length === 0 || before.problems.some(({ kind }) => kind === "integrity"))
    return { ...before, repaired: [] };
  const migrateTimeoutMs = repairTimeoutMs;
  const client = connect({ location, create: false, readonly: false, synchronous: "full", migrateTimeoutMs });
  try {
    waiting(() => rebuildTallies(client), isBusy, repairTimeoutMs, location);
  } catch (error) {
    throw translated(error, location);
  } finally {
    client.close();
  }
  const after = verifyFile(location, migrations);
  const still = new Set(after.problems.map(({ message }) => message));
  return { ...after, repaired: wrong.filter(({ message }) => !still.has(message)) };
}

export function verifyFile(location: string, migrations: readonly Migration[]): FileVerification {
  try {
    const bytes = sizeOf(location);
    if (bytes === undefined) throw noSuchFile(location);
    requireHeader(location, bytes);
    const client = openLook(location);
    try {
      const { state, applied } = planOf(client, migrations, location);
      const made = state === "reference" ? migrations.slice(0, 1) : applied;
      const problems = [...integrity(client), ...schema(client, made), ...references(client), ...tallies(client)];
      return { location, state, problems };
    } finally {
      client.close();
    }
  } catch (error) {
    throw translated(error, location);
  }
}

function integrity(client: Database.Database): FileProblem[] {
  const lines = client.prepare<[], string>("SELECT integrity_check FROM pragma_integrity_check").pluck().all();
  return lines.filter((line) => line !== "ok").map((message) => ({ kind: "integrity", message }));
}

function schema(client: Database.Database, made: readonly Migration[]): FileProblem[] {
  const model = replay(made);
  try {
    const expected = readObjects(model);
    const found = new Map(readObjects(client).map((object) => [`${object.type} ${object.name}`, object.sql]));
    const tables = expected.filter(isTable).map(({ name }) => name);
    const present = tables.filter((name) => found.has(`table ${name}`));
    const changed = expected
      .filter((object) => object.sql !== null && !isTable(object))
      .filter(({ type, name, sql }) => found.has(`${type} ${name}`) && found.get(`${type} ${name}`) !== sql);
    const messages = [
      ...expected
        .filter(({ type, name }) => !found.has(`${type} ${name}`))
        .filter(({ sql }) => sql !== null)
        .map(({ type, name }) => `${type} ${name} is missing`),
      ...changed.map(({ type, name }) => `${type} ${name} is not the one that the migrations make`),
      ...differences(client, model, present),
    ];
    return messages.map((message) => ({ kind: "schema", message }));
  } finally {
    model.close();
  }
}

function references(client: Database.Database): FileProblem[] {
  return [...brokenReferences(client)].map(([key, count]) => ({
    kind: "reference",
    message: `${count} row${count === 1 ? "" : "s"} of ${key} without the row referred to`,
  }));
}

function tallies(client: Database.Database): FileProblem[] {
  return wrongTallies(client).map(({ runId, subject, label, told, found }) => ({
    kind: "tallies",
    message: `run ${quoted(runId)} is told to have ${told} ${subject} ${quoted(label)}, and has ${found}`,
  }));
}
