/**
 * Briefs without what they carry: all columns but the JSON ones, which are what may be large.
 */
import { getTableColumns } from "drizzle-orm";
import type { Brief } from "./briefs.ts";
import type { Lens } from "./operation.ts";

/** A brief without its payload, result and progress. */
export type BriefOutline = Omit<Brief, "payload" | "result" | "progress">;

export function outlineColumns({ t: { briefs } }: Lens) {
  const { payload: _, result: __, progress: ___, parked: ____, ...columns } = getTableColumns(briefs);
  return columns;
}
