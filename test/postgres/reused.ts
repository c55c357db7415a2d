/** Schemas that are emptied and reused by the tests of a file: migrating a new one takes longer than nearly any of them. */
import { getTableName, is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import * as tables from "run-blackboard/postgres/schema";
import { afterAll, onTestFinished } from "vitest";
import { makeSchema, type Schema } from "./fresh.ts";

const unused: Awaited<ReturnType<typeof makeSchema>>[] = [];
afterAll(async () => {
  for (const { drop } of unused) await drop();
});

const names = Object.values(tables).flatMap((table) => (is(table, PgTable) ? [getTableName(table)] : []));
/** All other tables reference runs, and no other table. */
/** Statistics of tables that were just emptied would be those of every test after it. */
const withoutStatistics = names.map((name) => `ALTER TABLE ${name} SET (autovacuum_enabled = false);`).join("");
const deletions = [...names.filter((name) => name !== "runs"), "runs"].map((name) => `DELETE FROM ${name};`).join("");

/** A schema of this test without rows, or without tables. */
export async function emptySchema(): Promise<Schema> {
  const made = unused.pop() ?? (await makeSchema());
  onTestFinished(async () => {
    await made.schema.sql(withoutStatistics + deletions);
    unused.push(made);
  });
  return made.schema;
}
