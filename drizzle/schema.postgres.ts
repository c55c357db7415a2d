/**
 * The PostgreSQL tables. Use `import * as schema from "run-blackboard/postgres/schema"` in your own queries, or
 * `tablesIn("a_schema")` for tables that are not in the default schema.
 *
 * One database contains many runs, so every key starts with the run id: two runs may both have a brief `"plan"`. Row types equal
 * those of SQLite, which the compiler checks at the end of this file. Times are the same ISO 8601 text, so that moving a run
 * between engines preserves every digit. Ids are ordered by code point, as in SQLite, independent of the database's locale.
 */
import { isNotNull, sql } from "drizzle-orm";
import { bigint, customType, index, integer, jsonb, PgSchema, primaryKey, text, unique } from "drizzle-orm/pg-core";
import type * as sqlite from "./schema.ts";
import {
  briefStatuses,
  eventKinds,
  type JsonObject,
  runStatuses,
  type Timestamp,
  tallySubjects,
  workstreamStatuses,
} from "./vocabulary.ts";

export * from "./vocabulary.ts";

/** Text that lists are ordered by, compared by code point. */
const orderedText = customType<{ data: string; driverData: string }>({ dataType: () => 'text COLLATE "C"' });

const createdAt = orderedText("created_at").$type<Timestamp>().notNull();
const updatedAt = orderedText("updated_at").$type<Timestamp>().notNull();

/** What a claim can take. The condition of an index, so queries must repeat it literally. */
const isReady = sql`status = 'pending' and waits_for = 0 and parked = 0`;

/** The schema that is used unless another one is chosen. */
export const defaultSchema = "run_blackboard";

/** The tables of a blackboard in the PostgreSQL schema with this name, for queries with Drizzle. */
export type PostgresTables = ReturnType<typeof tablesIn>;

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Returns the tables of a blackboard in the PostgreSQL schema with this name: `tablesIn("agents").briefs`. */
export function tablesIn(name: string) {
  // Not `pgSchema`, which refuses "public": its tables would be found by the search_path.
  const schema = new PgSchema(name);
  /**
   * The run's id as the first column of an index, with a collation that only this index has, so that no query uses it by accident or
   * another one in its place: see src/operations/index-choice.ts. Raw SQL, since the builder has no COLLATE.
   */
  const runIdOf = (indexName: string) => sql.raw(`"run_id" COLLATE ${quoted(name)}.${quoted(indexName)}`);

  /** One row per run: its goal and status. */
  const runs = schema.table("runs", {
    runId: orderedText("run_id").primaryKey(),
    goal: text("goal").notNull(),
    status: text("status", { enum: runStatuses }).notNull().default("pending"),
    createdAt,
    updatedAt,
  });

  /** The parts that a run's goal is divided into. */
  const workstreams = schema.table(
    "workstreams",
    {
      workstreamId: orderedText("workstream_id").notNull(),
      runId: orderedText("run_id")
        .notNull()
        .references(() => runs.runId),
      name: text("name").notNull(),
      tier: integer("tier").notNull(),
      status: text("status", { enum: workstreamStatuses }).notNull().default("pending"),
      ownerAgentId: text("owner_agent_id"),
      createdAt,
      updatedAt,
    },
    (t) => [
      primaryKey({ columns: [t.runId, t.workstreamId] }),
      index("workstreams_by_age").on(runIdOf("workstreams_by_age"), t.createdAt, t.workstreamId),
    ],
  );

  /** Tasks for agents, a tree by `parentBriefId`; parent and workstream are checked when a brief is created. */
  const briefs = schema.table(
    "briefs",
    {
      briefId: orderedText("brief_id").notNull(),
      runId: orderedText("run_id")
        .notNull()
        .references(() => runs.runId),
      parentBriefId: orderedText("parent_brief_id"),
      workstreamId: orderedText("workstream_id"),
      tier: integer("tier").notNull(),
      role: text("role").notNull(),
      status: text("status", { enum: briefStatuses }).notNull().default("pending"),
      payload: jsonb("payload").$type<JsonObject>(),
      result: jsonb("result").$type<JsonObject>(),
      retryCount: integer("retry_count").notNull().default(0),
      /** Number of times the brief was claimed; the fencing token of the latest claim. */
      attempt: integer("attempt").notNull().default(0),
      /** The agent of the current or latest claim. */
      claimedBy: text("claimed_by"),
      /** When the current claim expires; NULL without a claim. */
      leaseExpiresAt: orderedText("lease_expires_at").$type<Timestamp>(),
      /** When the latest claim was made; NULL while pending. */
      claimedAt: orderedText("claimed_at").$type<Timestamp>(),
      /** The highest is claimed first, then the oldest. */
      priority: integer("priority").notNull().default(0),
      /** The brief can't be claimed before this time; a claim clears it. */
      notBefore: orderedText("not_before").$type<Timestamp>(),
      /** Number of its dependencies that are not done, maintained by triggers. */
      waitsFor: integer("waits_for").notNull().default(0),
      /** Why the brief is not in the queue of claims: 0 if it is, 1 before `notBefore`, 2 in a blocked workstream. */
      parked: integer("parked").notNull().default(0),
      /** What an agent saved for itself or for the next agent. */
      progress: jsonb("progress").$type<JsonObject>(),
      createdAt,
      updatedAt,
    },
    (t) => [
      primaryKey({ columns: [t.runId, t.briefId] }),
      index("briefs_by_age").on(runIdOf("briefs_by_age"), t.createdAt, t.briefId, t.role, t.tier, t.workstreamId),
      index("briefs_by_status").on(runIdOf("briefs_by_status"), t.status, t.createdAt, t.briefId),
      index("briefs_by_parent").on(runIdOf("briefs_by_parent"), t.parentBriefId, t.createdAt, t.briefId),
      index("briefs_ready").on(runIdOf("briefs_ready"), t.priority.desc(), t.createdAt, t.briefId).where(isReady),
      index("briefs_ready_by_role")
        .on(runIdOf("briefs_ready_by_role"), t.role, t.priority.desc(), t.createdAt, t.briefId)
        .where(isReady),
      index("briefs_leased")
        .on(runIdOf("briefs_leased"), t.leaseExpiresAt, t.briefId)
        .where(isNotNull(t.leaseExpiresAt)),
      index("briefs_delayed").on(runIdOf("briefs_delayed"), t.notBefore, t.briefId).where(sql`parked = 1`),
      index("briefs_blocked").on(runIdOf("briefs_blocked"), t.workstreamId).where(sql`parked = 2`),
    ],
  );

  /** Which brief waits until which other brief (the blocker) is done; triggers keep `briefs.waits_for` up to date. */
  const dependencies = schema.table(
    "dependencies",
    {
      runId: orderedText("run_id").notNull(),
      briefId: orderedText("brief_id").notNull(),
      blockerId: orderedText("blocker_id").notNull(),
    },
    (t) => [
      primaryKey({ columns: [t.runId, t.blockerId, t.briefId] }),
      index("dependencies_of_brief").on(t.runId, t.briefId, t.blockerId),
    ],
  );

  /**
   * The event log, ordered by `seq`, which a trigger takes from the run's counter row. The values of an identity column are not in
   * commit order: tailing the log by one missed 99 of 400 events.
   */
  const events = schema.table(
    "events",
    {
      seq: bigint("seq", { mode: "number" }).notNull().default(0),
      eventId: orderedText("event_id").notNull(),
      runId: orderedText("run_id")
        .notNull()
        .references(() => runs.runId),
      briefId: orderedText("brief_id"),
      kind: text("kind", { enum: eventKinds }).notNull(),
      detail: jsonb("detail").$type<JsonObject>(),
      createdAt,
    },
    (t) => [
      primaryKey({ columns: [t.runId, t.seq] }),
      unique().on(t.runId, t.eventId),
      index("events_by_kind").on(runIdOf("events_by_kind"), t.kind, t.seq),
      index("events_by_brief").on(runIdOf("events_by_brief"), t.briefId, t.seq).where(isNotNull(t.briefId)),
    ],
  );

  /** The `seq` of each run's newest event. A separate table, so that an append locks no other row. */
  const eventCounters = schema.table("event_counters", {
    runId: orderedText("run_id").primaryKey(),
    seq: bigint("seq", { mode: "number" }).notNull(),
  });

  /**
   * Row counts by status or kind. A view that counts, unlike SQLite's table maintained by triggers: a row that every write updates
   * would serialize the claims of a run. Index-only scans answer it.
   */
  const tallies = schema
    .view("tallies", {
      runId: orderedText("run_id").notNull(),
      subject: text("subject", { enum: tallySubjects }).notNull(),
      label: text("label").notNull(),
      n: bigint("n", { mode: "number" }).notNull(),
    })
    .existing();

  return { runs, workstreams, briefs, dependencies, events, eventCounters, tallies };
}

/** What `drizzle-kit` reads, and what is exported for the default schema. */
const tables = tablesIn(defaultSchema);
export const runs = tables.runs;
export const workstreams = tables.workstreams;
export const briefs = tables.briefs;
export const dependencies = tables.dependencies;
export const events = tables.events;
export const eventCounters = tables.eventCounters;
export const tallies = tables.tallies;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : { differs: [A, B] };
type Flat<T> = { [K in keyof T]: T[K] };
type Table = { $inferSelect: object; $inferInsert: object };
type Rows<T extends Table> = { select: Flat<T["$inferSelect"]>; insert: Flat<T["$inferInsert"]> };
type Tables<Schema> = { [K in keyof Schema as Schema[K] extends Table ? K : never]: Schema[K] & Table };
/** Every table of SQLite but the one that is a view here; a table that is missing in `Here` doesn't compile either. */
type There = Omit<Tables<typeof sqlite>, "tallies">;
type Here = {
  runs: typeof runs;
  workstreams: typeof workstreams;
  briefs: typeof briefs;
  dependencies: typeof dependencies;
  events: typeof events;
};
type SameRows = { [K in keyof There]: Same<Rows<Here[K]>, Rows<There[K]>> };
// One entry for each table: `true satisfies SameRows[keyof There]` would be satisfied by any one table that is the same.
({ runs: true, workstreams: true, briefs: true, dependencies: true, events: true }) satisfies SameRows;
true satisfies Same<Flat<(typeof tallies)["$inferSelect"]>, Flat<(typeof sqlite.tallies)["$inferSelect"]>>;
