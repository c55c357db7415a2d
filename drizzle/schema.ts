/**
 * The SQLite tables. Use `import * as schema from "run-blackboard/schema"` in your own queries.
 *
 * The first migration is the schema of the Python reference, so in files the four ids are nullable TEXT keys, which
 * drizzle-kit would declare NOT NULL. `migrations/README.md` describes how the two are kept consistent.
 */
import { isNotNull, sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
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

const createdAt = text("created_at").$type<Timestamp>().notNull();
const updatedAt = text("updated_at").$type<Timestamp>().notNull();

/** One row per run: its goal and status. */
export const runs = sqliteTable("runs", {
  runId: text("run_id").primaryKey(),
  goal: text("goal").notNull(),
  status: text("status", { enum: runStatuses }).notNull().default("pending"),
  createdAt,
  updatedAt,
});

/** The parts that a run's goal is divided into. */
export const workstreams = sqliteTable(
  "workstreams",
  {
    workstreamId: text("workstream_id").primaryKey(),
    runId: text("run_id")
      .notNull()
      .references(() => runs.runId),
    name: text("name").notNull(),
    tier: integer("tier").notNull(),
    status: text("status", { enum: workstreamStatuses }).notNull().default("pending"),
    ownerAgentId: text("owner_agent_id"),
    createdAt,
    updatedAt,
  },
  (t) => [index("workstreams_by_age").on(t.runId, t.createdAt, t.workstreamId)],
);

/** What a claim can take. The condition of an index, so queries must repeat it literally. */
const isReady = sql`status = 'pending' and waits_for = 0 and parked = 0`;

/**
 * Tasks for agents, a tree by `parentBriefId`. Parent and workstream are checked when a brief is created. They are not
 * foreign keys, because files of the reference may contain orphans.
 */
export const briefs = sqliteTable(
  "briefs",
  {
    briefId: text("brief_id").primaryKey(),
    runId: text("run_id")
      .notNull()
      .references(() => runs.runId),
    parentBriefId: text("parent_brief_id"),
    workstreamId: text("workstream_id"),
    tier: integer("tier").notNull(),
    role: text("role").notNull(),
    status: text("status", { enum: briefStatuses }).notNull().default("pending"),
    payload: text("payload", { mode: "json" }).$type<JsonObject>(),
    result: text("result", { mode: "json" }).$type<JsonObject>(),
    retryCount: integer("retry_count").notNull().default(0),
    /** Number of times the brief was claimed; the fencing token of the latest claim. */
    attempt: integer("attempt").notNull().default(0),
    /** The agent of the current or latest claim. */
    claimedBy: text("claimed_by"),
    /** When the current claim expires; NULL without a claim. */
    leaseExpiresAt: text("lease_expires_at").$type<Timestamp>(),
    /** When the latest claim was made; NULL while pending. */
    claimedAt: text("claimed_at").$type<Timestamp>(),
    /** The highest is claimed first, then the oldest. */
    priority: integer("priority").notNull().default(0),
    /** The brief can't be claimed before this time; a claim clears it. */
    notBefore: text("not_before").$type<Timestamp>(),
    /** Number of its dependencies that are not done, maintained by triggers. */
    waitsFor: integer("waits_for").notNull().default(0),
    /**
     * Why the brief is not in the queue of claims: 0 if it is, 1 before `notBefore`, 2 in a blocked workstream. Claims set and
     * clear it, so that they don't read these briefs again and again.
     */
    parked: integer("parked").notNull().default(0),
    /** What an agent saved for itself or for the next agent. */
    progress: text("progress", { mode: "json" }).$type<JsonObject>(),
    createdAt,
    updatedAt,
  },
  (t) => [
    // The last three are filters that are answered from the index: an index for each cost every new brief a page.
    index("briefs_by_age").on(t.runId, t.createdAt, t.briefId, t.role, t.tier, t.workstreamId),
    index("briefs_by_status").on(t.runId, t.status, t.createdAt, t.briefId),
    index("briefs_by_parent").on(t.runId, t.parentBriefId, t.createdAt, t.briefId),
    index("briefs_ready").on(t.runId, sql`priority desc`, t.createdAt, t.briefId).where(isReady),
    index("briefs_ready_by_role").on(t.runId, t.role, sql`priority desc`, t.createdAt, t.briefId).where(isReady),
    index("briefs_leased").on(t.runId, t.leaseExpiresAt, t.briefId).where(isNotNull(t.leaseExpiresAt)),
    index("briefs_delayed").on(t.runId, t.notBefore, t.briefId).where(sql`parked = 1`),
    index("briefs_blocked").on(t.runId, t.workstreamId).where(sql`parked = 2`),
  ],
);

/**
 * Which brief waits until which other brief (the blocker) is done. Rows are added when a brief is created, and deleted with
 * it. Triggers keep `briefs.waits_for` equal to the number of blockers that are not done.
 */
export const dependencies = sqliteTable(
  "dependencies",
  {
    runId: text("run_id").notNull(),
    briefId: text("brief_id").notNull(),
    blockerId: text("blocker_id").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.runId, t.blockerId, t.briefId] }),
    index("dependencies_of_brief").on(t.runId, t.briefId, t.blockerId),
  ],
);

/** The event log, ordered by `seq`, not by `createdAt`, which two writers can share. */
export const events = sqliteTable(
  "events",
  {
    seq: integer("seq").primaryKey({ autoIncrement: true }),
    eventId: text("event_id").notNull().unique(),
    runId: text("run_id")
      .notNull()
      .references(() => runs.runId),
    briefId: text("brief_id"),
    kind: text("kind", { enum: eventKinds }).notNull(),
    detail: text("detail", { mode: "json" }).$type<JsonObject>(),
    createdAt,
  },
  // Every index ends with `seq`, the rowid. None starts with `runId`: without statistics SQLite would use such an index for
  // every query of a run's events, and then sort them by `seq`.
  (t) => [
    index("events_by_kind").on(t.kind, t.runId),
    index("events_by_brief").on(t.briefId).where(isNotNull(t.briefId)),
  ],
);

/**
 * Row counts by status or kind, maintained by triggers, so that a summary reads a dozen rows for a run of any size. Derived
 * data: `verify` compares it with a count and `verify --repair` recomputes it. A count may be 0.
 */
export const tallies = sqliteTable(
  "tallies",
  {
    runId: text("run_id").notNull(),
    subject: text("subject", { enum: tallySubjects }).notNull(),
    label: text("label").notNull(),
    n: integer("n").notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.subject, t.label] })],
);
