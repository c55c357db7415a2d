/**
 * Briefs without what they carry: all columns but the JSON ones, which are what may be large.
 */
import { getTableColumns } from "drizzle-orm";
import type { BriefRow } from "../../drizzle/rows.ts";
import type { briefs } from "../../drizzle/schema.ts";
import type { JsonObject } from "../../drizzle/vocabulary.ts";
import type { Brief } from "./briefs.ts";
import type { Lens } from "./operation.ts";

type Columns = (typeof briefs)["_"]["columns"];
/** The names of the columns that hold JSON. */
type Carried = {
  [Name in keyof BriefRow]-?: NonNullable<BriefRow[Name]> extends JsonObject ? Name : never;
}[keyof BriefRow];

/** A brief without its payload, result and progress. */
export type BriefOutline = Omit<Brief, Carried>;

/** Every JSON column: one that is missing here doesn't compile. */
const carried: Readonly<Record<Carried, true>> = { payload: true, result: true, progress: true };

/** An object with one value for each JSON column. */
export function forCarried<T>(value: T): Record<Carried, T> {
  const entries = Object.keys(carried).map((name) => [name, value]);
  return Object.fromEntries(entries) as Record<Carried, T>;
}

function withoutCarried<T extends object>(whole: T): Omit<T, Carried> {
  const entries = Object.entries(whole).filter(([name]) => !Object.hasOwn(carried, name));
  return Object.fromEntries(entries) as Omit<T, Carried>;
}

export function outlineOf(brief: Brief): BriefOutline {
  return withoutCarried(brief);
}

export function outlineColumns({ t: { briefs } }: Lens): Omit<Columns, Carried | "parked"> {
  const { parked: _, ...columns } = getTableColumns(briefs);
  return withoutCarried(columns);
}
