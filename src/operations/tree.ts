/**
 * The tree of briefs: nested by `parentBriefId`, the statuses of each brief and all below it counted together.
 *
 * Other programs may have left what cannot be made here. A parent that the run does not have is none, so such an orphan is a
 * root. Briefs in a cycle, and what hangs below them, reach no root and are reported by id. Nothing here recurses, since a
 * tree may be as deep as it likes.
 */
import { asc, eq } from "drizzle-orm";
import { type BriefStatus, briefStatuses } from "../../drizzle/vocabulary.ts";
import { NotFoundError } from "../errors.ts";
import { Check } from "../input/check.ts";
import type { Roles } from "../input/roles.ts";
import { briefColumns, readBrief } from "./briefs.ts";
import { type Context, type Operation, statement } from "./operation.ts";
import type { BriefOf } from "./roles.ts";

export interface BriefNode<R extends Roles = Roles> {
  brief: BriefOf<R>;
  /** Oldest first: by `createdAt`, then by id. */
  children: BriefNode<R>[];
  /** Statuses of this brief and all below it. */
  totals: Record<BriefStatus, number>;
}

export interface BriefTree<R extends Roles = Roles> {
  /** Briefs without a parent in this run, oldest first; or the one asked for. */
  roots: BriefNode<R>[];
  /** All briefs of the run, those in cycles too; or the one asked for and all below it. */
  totals: Record<BriefStatus, number>;
  /** Ids of the briefs whose chain of parents never reaches a root, oldest first; they stand under no root. */
  cycles: string[];
}

type Row = Parameters<typeof readBrief>[0];

/**
 * One statement, so one snapshot on every engine, and the whole run for a part of the tree too. A recursive query finds a small
 * part of 100,000 briefs in a fifth of the time; but with an index that begins with the run SQLite's planner reads the run anew
 * for each brief that it finds, which took ten minutes and more.
 */
const listRows = statement<{ runId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select(briefColumns(lens))
    .from(briefs)
    .where(eq(briefs.runId, $.runId))
    .orderBy(asc(briefs.createdAt), asc(briefs.briefId));
});

export function* getBriefTree({ runId }: Context, briefId?: string): Operation<BriefTree> {
  const check = new Check();
  if (briefId !== undefined) check.id("briefId", briefId);
  check.done();
  const rows = yield* listRows({ runId });
  if (briefId === undefined) {
    const ids = new Set(rows.map((row) => row.briefId));
    const isRoot = ({ parentBriefId }: Row) => parentBriefId === null || !ids.has(parentBriefId);
    const { roots, placed } = nest(rows, rows.filter(isRoot));
    const lost = rows.filter((row) => !placed.has(row));
    return { roots, totals: count(rows), cycles: lost.map((row) => row.briefId) };
  }
  const asked = rows.filter((row) => row.briefId === briefId);
  if (asked.length === 0) throw new NotFoundError("brief", briefId, runId);
  const { roots, placed } = nest(rows, asked);
  return { roots, totals: count(placed), cycles: [] };
}

/** Hangs below the roots what belongs there, each row once, so that a cycle that a root is in ends. */
function nest(rows: readonly Row[], rootRows: readonly Row[]): { roots: BriefNode[]; placed: Set<Row> } {
  const rowsBelow = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.parentBriefId === null) continue;
    const siblings = rowsBelow.get(row.parentBriefId);
    if (siblings) siblings.push(row);
    else rowsBelow.set(row.parentBriefId, [row]);
  }
  const roots = rootRows.map(nodeOf);
  const placed = new Set(rootRows);
  // Grows while it is walked: each brief comes before its children.
  const nodes = [...roots];
  for (const { brief, children } of nodes) {
    for (const row of rowsBelow.get(brief.briefId) ?? []) {
      if (placed.has(row)) continue;
      placed.add(row);
      const child = nodeOf(row);
      children.push(child);
      nodes.push(child);
    }
  }
  for (const { brief, children, totals } of nodes.toReversed()) {
    totals[brief.status]++;
    for (const child of children) for (const status of briefStatuses) totals[status] += child.totals[status];
  }
  return { roots, placed };
}

function nodeOf(row: Row): BriefNode {
  return { brief: readBrief(row), children: [], totals: count([]) };
}

function count(rows: Iterable<Row>): Record<BriefStatus, number> {
  const counts = { pending: 0, active: 0, done: 0, failed: 0 };
  for (const { status } of rows) counts[status]++;
  return counts;
}
