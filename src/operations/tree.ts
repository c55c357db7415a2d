/**
 * The tree of briefs: nested by `parentBriefId`, the statuses of each brief and all below it counted together.
 *
 * Other programs may have left what cannot be made here. A parent that the run does not have is none, so such an orphan is a
 * root. Briefs in a cycle, and what hangs below them, reach no root and are reported by id. Nothing here recurses, since a
 * tree may be as deep as it likes.
 */
import { asc } from "drizzle-orm";
import { type BriefStatus, briefStatuses } from "../../drizzle/vocabulary.ts";
import { NotFoundError, UnreadableRowError } from "../errors.ts";
import { Check } from "../input/check.ts";
import type { Roles } from "../input/roles.ts";
import { groupBySize, readGroup, setSize } from "./brief-sets.ts";
import { type Brief, briefColumns, readBrief } from "./briefs.ts";
import { type Context, inSnapshot, type Operation, statement } from "./operation.ts";
import { type BriefOutline, outlineColumns } from "./outlines.ts";
import type { BriefOf } from "./roles.ts";
import { readBriefs } from "./whole-runs.ts";

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
  /** Ids of the briefs whose chain of parents never reaches a root, oldest first; they are not under any root. */
  cycles: string[];
}

/** A brief of an outlined tree: without its payload and its result. */
export interface OutlineNode {
  brief: BriefOutline;
  children: OutlineNode[];
  totals: Record<BriefStatus, number>;
}

/** A `BriefTree` without what its briefs carry. */
export interface TreeOutline {
  roots: OutlineNode[];
  totals: Record<BriefStatus, number>;
  cycles: string[];
}

/** What the shape of a tree is made of. */
interface Link {
  briefId: string;
  parentBriefId: string | null;
  status: BriefStatus;
}

interface Node<B> {
  brief: B;
  children: Node<B>[];
  totals: Record<BriefStatus, number>;
}

/** One statement for all of them, so one snapshot on every engine. */
const listRows = statement<{ runId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select(briefColumns(lens))
    .from(lens.through(briefs, "briefs_by_age"))
    .where(lens.ofRunThrough(briefs.runId, "briefs_by_age", $.runId))
    .orderBy(asc(briefs.createdAt), asc(briefs.briefId));
});

const listOutlines = statement<{ runId: string }>()((lens, $) => {
  const { briefs } = lens.t;
  return lens.db
    .select(outlineColumns(lens))
    .from(lens.through(briefs, "briefs_by_age"))
    .where(lens.ofRunThrough(briefs.runId, "briefs_by_age", $.runId))
    .orderBy(asc(briefs.createdAt), asc(briefs.briefId));
});

const listLinks = statement<{ runId: string }>()(({ db, t: { briefs }, through, ofRunThrough }, $) =>
  db
    .select({ briefId: briefs.briefId, parentBriefId: briefs.parentBriefId, status: briefs.status })
    .from(through(briefs, "briefs_by_age"))
    .where(ofRunThrough(briefs.runId, "briefs_by_age", $.runId))
    .orderBy(asc(briefs.createdAt), asc(briefs.briefId)),
);

export function* getBriefTree({ runId }: Context, briefId?: string): Operation<BriefTree> {
  checkBriefId(briefId);
  if (briefId === undefined) return wholeTree(yield* listRows({ runId }), readBrief);
  return yield* inSnapshot(() => readPart(runId, briefId));
}

/** The same without payloads and results, which it doesn't read. */
export function* getTreeOutline({ runId }: Context, briefId?: string): Operation<TreeOutline> {
  checkBriefId(briefId);
  const rows = yield* listOutlines({ runId });
  return briefId === undefined ? wholeTree(rows, same) : partOfTree(rows, rootsOf(runId, rows, briefId), same);
}

const same = <T>(value: T) => value;

function checkBriefId(briefId: string | undefined): void {
  const check = new Check();
  if (briefId !== undefined) check.id("briefId", briefId);
  check.done();
}

/**
 * A brief and what is below it. Which briefs these are is found out from the links of the whole run, and only they are read. A
 * recursive query finds a small part of 100,000 briefs in a fifth of the time; but with an index that begins with the run
 * SQLite's planner reads the run again for each brief that it finds, which took ten minutes and more.
 */
function* readPart(runId: string, briefId: string): Operation<BriefTree> {
  const links = yield* listLinks({ runId });
  const asked = rootsOf(runId, links, briefId);
  const part = [...nest(links, asked, same).placed];
  const isLarge = part.length > links.length / 4;
  const briefs = yield* isLarge ? pickBriefs(runId, part) : findBriefs(runId, part);
  // In one snapshot only those are missing whose id is not text, as another program may have written it.
  const briefOf = (link: Link) => {
    const brief = briefs.get(link.briefId);
    if (brief) return brief;
    throw new UnreadableRowError("brief", link.briefId, "briefId", "something else", undefined, "an id");
  };
  return partOfTree(part, asked, briefOf);
}

/** One by one, in groups bounded by bytes. */
function* findBriefs(runId: string, links: readonly Link[]): Operation<Map<string, Brief>> {
  const briefs = new Map<string, Brief>();
  for (let from = 0; from < links.length; from += setSize) {
    const ids = links.slice(from, from + setSize).map(({ briefId }) => briefId);
    for (const group of yield* groupBySize(runId, ids)) {
      for (const brief of yield* readGroup(runId, group)) briefs.set(brief.briefId, brief);
    }
  }
  return briefs;
}

/** Out of all briefs of the run, read in pages bounded by bytes: for a large part in half the time. */
function* pickBriefs(runId: string, links: readonly Link[]): Operation<Map<string, Brief>> {
  const wanted = new Set(links.map(({ briefId }) => briefId));
  const briefs = new Map<string, Brief>();
  for (let after: string | undefined; ; ) {
    const rows = yield* readBriefs(runId, after);
    const last = rows.at(-1);
    if (last === undefined) return briefs;
    after = last.briefId;
    for (const row of rows) if (wanted.has(row.briefId)) briefs.set(row.briefId, readBrief(row));
  }
}

function rootsOf<Row extends Link>(runId: string, rows: readonly Row[], briefId: string): Row[] {
  const asked = rows.filter((row) => row.briefId === briefId);
  if (asked.length === 0) throw new NotFoundError("brief", briefId, runId);
  return asked;
}

function wholeTree<Row extends Link, B>(rows: readonly Row[], briefOf: (row: Row) => B) {
  const ids = new Set(rows.map((row) => row.briefId));
  const isRoot = ({ parentBriefId }: Row) => parentBriefId === null || !ids.has(parentBriefId);
  const { roots, placed } = nest(rows, rows.filter(isRoot), briefOf);
  const lost = rows.filter((row) => !placed.has(row));
  return { roots, totals: count(rows), cycles: lost.map((row) => row.briefId) };
}

function partOfTree<Row extends Link, B>(rows: readonly Row[], asked: readonly Row[], briefOf: (row: Row) => B) {
  const { roots, placed } = nest(rows, asked, briefOf);
  return { roots, totals: count(placed), cycles: [] };
}

/** Hangs below the roots what belongs there, each row once, so that a cycle that a root is in ends. */
function nest<Row extends Link, B>(
  rows: readonly Row[],
  rootRows: readonly Row[],
  briefOf: (row: Row) => B,
): { roots: Node<B>[]; placed: Set<Row> } {
  const rowsBelow = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.parentBriefId === null) continue;
    const siblings = rowsBelow.get(row.parentBriefId);
    if (siblings) siblings.push(row);
    else rowsBelow.set(row.parentBriefId, [row]);
  }
  const nodeOf = (row: Row): Node<B> => ({ brief: briefOf(row), children: [], totals: count([row]) });
  const roots = rootRows.map(nodeOf);
  const placed = new Set(rootRows);
  // Grow while they are walked, in the same order: each brief comes before its children.
  const order = [...placed];
  const nodes = [...roots];
  for (const [place, row] of order.entries()) {
    const below = rowsBelow.get(row.briefId);
    if (below === undefined) continue;
    for (const child of below) {
      if (placed.has(child)) continue;
      placed.add(child);
      const node = nodeOf(child);
      nodes[place]?.children.push(node);
      order.push(child);
      nodes.push(node);
    }
  }
  for (const { children, totals } of nodes.reverse()) {
    for (const child of children) for (const status of briefStatuses) totals[status] += child.totals[status];
  }
  return { roots, placed };
}

function count(rows: Iterable<Link>): Record<BriefStatus, number> {
  const counts = { pending: 0, active: 0, done: 0, failed: 0 };
  for (const { status } of rows) add(counts, status, 1);
  return counts;
}

/** Another program may have written a status that is none of ours, such as "constructor". */
function add(counts: Record<BriefStatus, number>, status: BriefStatus, n: number): void {
  counts[status] = (Object.hasOwn(counts, status) ? counts[status] : 0) + n;
}
