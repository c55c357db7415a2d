/**
 * Briefs without what they carry: all columns but the JSON ones, which are what may be large.
 */
import { getTableColumns } from "drizzle-orm";
import type { Brief } from "./briefs.ts";
import type { Lens } from "./operation.ts";

/** A brief without its payload and its result. */
export type BriefOutline = Omit<Brief, "payload" | "result">;

export function outlineColumns({ t: { briefs } }: Lens) {
  const { payload: _, result: __, ...columns } = getTableColumns(briefs);
  return columns;
}
