/**
 * Looking for what is wrong with a file, without changing it; and mending what can be made anew.
 */
import type Database from "better-sqlite3";
import { noSuchFile, requireHeader, sizeOf } from "../engines/sqlite-connection.ts";
import { translated } from "../engines/sqlite-errors.ts";
import { openReader } from "../engines/sqlite-reader.ts";
import type { Migration } from "./history.ts";
import { type Plan, planOf } from "./plan.ts";
import { brokenReferences, differences, isTable, readObjects, replay } from "./sqlite-schema.ts";

export interface Problem {
  /**
   * integrity: SQLite's own check. schema: not as the migrations make it. reference: a row refers to one that is not there.
   * tallies: the counts behind the summary are not what is there; `repairBlackboard` makes them anew.
   */
  kind: "integrity" | "schema" | "reference" | "tallies";
  message: string;
}
export interface Verification {
  /** The absolute path. */
  location: string;
  state: Plan["state"];
  problems: Problem[];
}

export function verifyFile(location: string, migrations: readonly Migration[]): Verification {
  try {
    const bytes = sizeOf(location);
    if (bytes === undefined) throw noSuchFile(location);
    requireHeader(location, bytes);
    const client = openReader(location);
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

function integrity(client: Database.Database): Problem[] {
  const lines = client.prepare<[], string>("SELECT integrity_check FROM pragma_integrity_check").pluck().all();
  return lines.filter((line) => line !== "ok").map((message) => ({ kind: "integrity", message }));
}

function schema(client: Database.Database, made: readonly Migration[]): Problem[] {
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

function references(client: Database.Database): Problem[] {
  return [...brokenReferences(client)].map(([key, count]) => ({
    kind: "reference",
    message: `${count} row${count === 1 ? "" : "s"} of ${key} without the row referred to`,
  }));
}

/** What `tallies` says and what is there, where the two differ: the triggers do not see a REPLACE of another program's. */
const differing = `
  WITH counted (run_id, subject, label, n) AS (
    SELECT run_id, 'workstreams', status, count(*) FROM workstreams GROUP BY run_id, status
    UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
    UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind
  ), both (run_id, subject, label, said, found) AS (
    SELECT run_id, subject, label, n, 0 FROM tallies UNION ALL SELECT run_id, subject, label, 0, n FROM counted
  )
  SELECT run_id AS runId, subject, label, sum(said) AS said, sum(found) AS found
  FROM both GROUP BY run_id, subject, label HAVING sum(said) <> sum(found)`;

interface Difference {
  runId: string;
  subject: string;
  label: string;
  said: number;
  found: number;
}

function tallies(client: Database.Database): Problem[] {
  if (!readObjects(client).some((object) => isTable(object) && object.name === "tallies")) return [];
  return client
    .prepare<[], Difference>(differing)
    .all()
    .map(({ runId, subject, label, said, found }) => ({
      kind: "tallies",
      message: `${said} ${subject} ${label} of run ${runId} counted, and ${found} there`,
    }));
}
