/**
 * Measures the schema's share of createBrief: the same hand-written INSERT on files with progressively fewer indexes and
 * triggers. The last one has the schema of the Python reference, which is the lower limit.
 */
import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import { compare, type Effort, type Spread } from "./measure.ts";
import { type Rows, ratio, short } from "./report.ts";
import { type Level, Sites } from "./sites.ts";
import { calling } from "./subject.ts";
import { insertWithoutParent } from "./subjects/briefs.ts";

interface Price {
  readonly level: Level;
  readonly schema: string;
  /** Average number of pages that a commit writes to the WAL. */
  readonly pages: number;
  readonly microseconds: number | undefined;
  /** Relative to the whole schema. */
  readonly share: Spread | undefined;
}

const dropped = (db: Database.Database, type: "index" | "trigger", names: RegExp) => {
  const made = db
    .prepare<[string], string>("SELECT name FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL")
    .pluck()
    .all(type);
  for (const name of made.filter((name) => names.test(name))) db.exec(`DROP ${type} ${name}`);
};

const schemas: Record<string, (db: Database.Database) => void> = {
  "all of it": () => undefined,
  "without the triggers for tallies": (db) => dropped(db, "trigger", /tally/),
  "without by_parent and by_workstream": (db) => dropped(db, "index", /by_parent|by_workstream/),
  "without what lists need": (db) => dropped(db, "index", /by_parent|by_workstream|by_age|by_tier|by_role$/),
  "without tallies and indexes": (db) => {
    dropped(db, "trigger", /tally/);
    dropped(db, "index", /^briefs_/);
  },
};

export async function schemaPrice(effort: Effort): Promise<Price[]> {
  const prices: Price[] = [];
  for (const level of ["normal", "full"] as const) {
    using sites = new Sites(level);
    const inserts: Record<string, () => unknown> = {};
    const pages: Record<string, number> = {};
    for (const [schema, takeAway] of Object.entries(schemas)) {
      const file = sites.seeded();
      const db = sites.plain(file);
      takeAway(db);
      const insert = insertWithoutParent(db);
      inserts[schema] = insert;
      pages[schema] = pagesOf(db, `${file}-wal`, insert);
    }
    // All times are divided by the whole schema's, so it takes the place of `raw`, and the smallest schema that of `ours`.
    const named = Object.entries(inserts).map(([schema, insert]) => [sideOf(schema), calling(insert)]);
    const { microseconds, ratios, limits } = await compare(Object.fromEntries(named), effort);
    for (const schema of Object.keys(schemas)) {
      const side = sideOf(schema);
      const share = side === "ours" ? ratios.ours : limits[side];
      prices.push({ level, schema, pages: pages[schema] ?? Number.NaN, microseconds: microseconds[side], share });
    }
  }
  return prices;
}

function sideOf(schema: string): string {
  if (schema === "all of it") return "raw";
  return schema === "without tallies and indexes" ? "ours" : schema;
}

/** Returns the WAL pages per commit, measured after enough rows that the file is no longer nearly empty. */
function pagesOf(db: Database.Database, log: string, insert: () => unknown): number {
  const calls = 200;
  for (let n = 0; n < 1000; n++) insert();
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.pragma("wal_autocheckpoint = 0");
  for (let n = 0; n < calls; n++) insert();
  const frame = Number(db.pragma("page_size", { simple: true })) + 24;
  const written = statSync(log).size / frame;
  db.pragma("wal_autocheckpoint = 1000");
  return written / calls;
}

export function schemaRows(prices: readonly Price[]): Rows {
  const rows = prices.map(({ level, schema, pages, microseconds, share }) => [
    schema,
    level,
    pages.toFixed(1),
    short(microseconds),
    ratio(share),
  ]);
  return [["schema", "synchronous", "pages a commit", "µs", "÷ all of it"], ...rows];
}
