/**
 * Lists of briefs: pages, oldest first, by any filters. A statement for each set of filters that was asked for, kept like all
 * others: to build and prepare one takes longer than to read a short page.
 */
import { type AnyColumn, and, asc, eq, gt, gte, isNotNull, isNull, lte, not, or, type SQL, sql } from "drizzle-orm";
import { type BriefStatus, briefStatuses, type Timestamp } from "../../drizzle/vocabulary.ts";
import { Check, type Names } from "../input/check.ts";
import { checkRoleFilter, type Roles } from "../input/roles.ts";
import { type Brief, briefColumns, readBrief } from "./briefs.ts";
import {
  type Asked,
  askedBy,
  askedFor,
  atMost,
  filtered,
  literal,
  numbered,
  oneOf,
  parameterOf,
} from "./index-choice.ts";
import { type Context, family, type Lens, type Operation, statement } from "./operation.ts";
import { type BriefOutline, forCarried, outlineOf } from "./outlines.ts";
import { checkCursor, checkLimit, encodeCursor, isBehind, type Page, type PageRequest, page } from "./pages.ts";
import type { RoleName } from "./roles.ts";

/** An array means any of these, an empty one none; null those that have no parent or no workstream. */
export interface BriefFilter<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> extends PageRequest<string> {
  status?: BriefStatus | readonly BriefStatus[] | undefined;
  role?: K | readonly K[] | undefined;
  tier?: number | undefined;
  workstreamId?: string | null | undefined;
  parentBriefId?: string | null | undefined;
  /**
   * true: pending, waits for no brief, and its `notBefore` has come. false: the other pending ones. Neither the run's nor a
   * workstream's status is considered.
   */
  ready?: boolean | undefined;
}
const filterNames: Names<BriefFilter> = {
  status: true,
  role: true,
  tier: true,
  workstreamId: true,
  parentBriefId: true,
  ready: true,
  after: true,
  limit: true,
};

/** What only the command asks for: such filters have no index of their own, so each brief that matches the others is read. */
export interface Narrowing {
  /** Briefs whose current or latest claim is this agent's. */
  agentId?: string | undefined;
  /** Active briefs whose claim has expired. */
  stuck?: boolean | undefined;
  /** Pending briefs that wait for other briefs. */
  waiting?: boolean | undefined;
  /** Briefs that have changed at this time or later. */
  since?: Timestamp | undefined;
}

/** What is asked of a parent or a workstream: nothing, that there is none, or that it is this one. */
type Wanted = "any" | "none" | "one";

/** Which filters a list has: its statements differ in nothing else. */
interface Shape {
  statuses: number | undefined;
  roles: Asked;
  tier: boolean;
  workstream: Wanted;
  parent: Wanted;
  ready: boolean | undefined;
  agent: boolean;
  stuck: boolean;
  waiting: boolean;
  since: boolean;
  after: boolean;
  /** Without the JSON columns: NULL is selected instead, and the columns are not read. */
  outline: boolean;
}

type Listing = {
  runId: string;
  role: string | null;
  tier: number | null;
  workstreamId: string | null;
  parentBriefId: string | null;
  agentId: string | null;
  since: string | null;
  now: string | null;
  createdAt: string | null;
  id: string | null;
  limit: number;
  [value: `status${number}`]: string;
};

const unread = forCarried(sql<string | null>`null`);

const listOf = family((shape: Shape) =>
  statement<Listing>()((lens, $) => {
    const { briefs } = lens.t;
    const { createdAt, briefId } = briefs;
    const index = indexOf(shape);
    return lens.db
      .select(shape.outline ? { ...briefColumns(lens), ...unread } : briefColumns(lens))
      .from(lens.through(briefs, index))
      .where(
        and(
          lens.ofRunThrough(briefs.runId, index, $.runId),
          shape.ready === undefined ? undefined : eq(briefs.status, literal("pending")),
          shape.ready === undefined ? undefined : readiness(lens, $.now, shape.ready),
          shape.statuses === undefined ? undefined : oneOf(briefs.status, numbered($, "status", shape.statuses)),
          askedFor(lens, briefs.role, shape.roles, $.role),
          shape.tier ? eq(briefs.tier, $.tier) : undefined,
          wantedOf(briefs.workstreamId, shape.workstream, $.workstreamId),
          wantedOf(briefs.parentBriefId, shape.parent, $.parentBriefId),
          shape.agent ? filtered(eq(briefs.claimedBy, $.agentId)) : undefined,
          shape.stuck ? isStuck(lens, $.now) : undefined,
          shape.waiting
            ? and(eq(briefs.status, literal("pending")), filtered(gt(briefs.waitsFor, literal(0))))
            : undefined,
          shape.since ? filtered(gte(briefs.updatedAt, $.since)) : undefined,
          shape.after ? isBehind(createdAt, briefId, $) : undefined,
        ),
      )
      .orderBy(asc(createdAt), asc(briefId))
      .limit(atMost($.limit));
  }),
);

/** A brief has few children, so its index comes first. Several statuses would have to be sorted. */
function indexOf({ statuses, ready, stuck, waiting, parent }: Shape) {
  if (parent === "one") return "briefs_by_parent";
  if (statuses === 1 || ready !== undefined || stuck || waiting) return "briefs_by_status";
  return parent === "none" ? "briefs_by_parent" : "briefs_by_age";
}

/** Briefs that `expiredLeases` of an overview counts. */
function isStuck({ t: { briefs }, time }: Lens, now: SQL<string | null>): SQL | undefined {
  const isExpired = and(isNotNull(briefs.claimedBy), lte(briefs.leaseExpiresAt, time(now)));
  return and(eq(briefs.status, literal("active")), filtered(isExpired));
}

/** Whether a pending brief could be claimed, as far as its own row decides. */
function readiness(lens: Lens, now: SQL<string | null>, ready: boolean): SQL | undefined {
  const { waitsFor, notBefore } = lens.t.briefs;
  const holds = and(eq(waitsFor, literal(0)), or(isNull(notBefore), lte(notBefore, lens.time(now))));
  return filtered(ready ? holds : not(holds ?? sql`true`));
}

function wantedOf(column: AnyColumn, wanted: Wanted, value: SQL): SQL | undefined {
  if (wanted === "any") return undefined;
  return wanted === "none" ? isNull(column) : eq(column, value);
}

export function* listBriefs(context: Context, filter?: BriefFilter): Operation<Page<Brief, string>> {
  return yield* list(context, filter, {}, false);
}

/** The same list of briefs without their JSON, which it doesn't read. */
export function* listBriefOutlines(context: Context, filter?: BriefFilter): Operation<Page<BriefOutline, string>> {
  return yield* searchBriefOutlines(context, filter, {});
}

export function* searchBriefs(
  context: Context,
  filter: BriefFilter,
  narrowing: Narrowing,
): Operation<Page<Brief, string>> {
  return yield* list(context, filter, narrowing, false);
}

export function* searchBriefOutlines(
  context: Context,
  filter: BriefFilter | undefined,
  narrowing: Narrowing,
): Operation<Page<BriefOutline, string>> {
  const { items, next } = yield* list(context, filter, narrowing, true);
  return { items: items.map(outlineOf), next };
}

function* list(
  context: Context,
  filter: BriefFilter | undefined,
  { agentId, stuck = false, waiting = false, since }: Narrowing,
  outline: boolean,
): Operation<Page<Brief, string>> {
  const check = new Check();
  const asked = check.object("filter", filter, filterNames);
  const { tier, workstreamId, parentBriefId } = asked;
  const statuses = check.members("status", asked.status, briefStatuses);
  const roles = checkRoleFilter(check, context.roles, asked.role);
  if (tier !== undefined) check.integer("tier", tier);
  check.nullableId("workstreamId", workstreamId);
  check.nullableId("parentBriefId", parentBriefId);
  check.nullableId("agentId", agentId);
  const ready = asked.ready === undefined ? undefined : check.boolean("ready", asked.ready);
  const after = checkCursor(check, "briefs", asked.after);
  const limit = checkLimit(check, asked.limit);
  check.done();
  if (statuses?.length === 0 || roles?.length === 0) return { items: [], next: null };
  const listing: Listing = {
    runId: context.runId,
    role: parameterOf(roles),
    tier: tier ?? null,
    workstreamId: workstreamId ?? null,
    parentBriefId: parentBriefId ?? null,
    agentId: agentId ?? null,
    since: since ?? null,
    now: context.now(),
    createdAt: after?.createdAt ?? null,
    id: after?.id ?? null,
    // The one too many says whether more follow.
    limit: limit + 1,
  };
  for (const [n, status] of (statuses ?? []).entries()) listing[`status${n}`] = status;
  const query = listOf({
    statuses: statuses?.length,
    roles: askedBy(roles),
    tier: tier !== undefined,
    workstream: wantedBy(workstreamId),
    parent: wantedBy(parentBriefId),
    ready,
    agent: agentId !== undefined,
    stuck,
    waiting,
    since: since !== undefined,
    after: after !== undefined,
    outline,
  });
  const rows = yield* query(listing);
  return page(rows.map(readBrief), limit, ({ createdAt, briefId }) =>
    encodeCursor("briefs", { createdAt, id: briefId }),
  );
}

function wantedBy(value: string | null | undefined): Wanted {
  if (value === undefined) return "any";
  return value === null ? "none" : "one";
}
