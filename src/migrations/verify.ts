/**
 * Looking for what is wrong with a file, without changing it.
 */
import type Database from "better-sqlite3";
import { noSuchFile, requireHeader, sizeOf } from "../engines/sqlite-connection.ts";
import { translated } from "../engines/sqlite-errors.ts";
import { openLook } from "../engines/sqlite-reader.ts";
import type { Migration } from "./history.ts";
import { type Plan, planOf } from "./plan.ts";
import { brokenReferences, differences, isTable, readObjects, replay } from "./sqlite-schema.ts";

export interface Problem {
  kind: "integrity" | "schema" | "reference";
  message: string;
}
export function verifyFile(
  location: string,
  migrations: readonly Migration[],
): { state: Plan["state"]; problems: Problem[] } {
  try {
    const bytes = sizeOf(location);
    if (bytes === undefined) throw noSuchFile(location);
    requireHeader(location, bytes);
    const client = openLook(location);
    try {
      const { state, applied } = planOf(client, migrations, location);
      const made = state === "reference" ? migrations.slice(0, 1) : applied;
      const problems = [...integrity(client), ...schema(client, made), ...references(client)];
      return { state, problems };
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
