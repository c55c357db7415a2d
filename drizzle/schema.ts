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
    createdAt,
    updatedAt,
  },
  (t) => [
    index("briefs_by_age").on(t.runId, t.createdAt, t.briefId),
    index("briefs_by_status").on(t.runId, t.status, t.createdAt, t.briefId),
    index("briefs_by_role").on(t.runId, t.role, t.createdAt, t.briefId),
    index("briefs_by_tier").on(t.runId, t.tier, t.createdAt, t.briefId),
    index("briefs_by_workstream").on(t.runId, t.workstreamId, t.createdAt, t.briefId),
    index("briefs_by_parent").on(t.runId, t.parentBriefId, t.createdAt, t.briefId),
    index("briefs_waiting_by_role").on(t.runId, t.role, t.createdAt, t.briefId).where(sql`status = 'pending'`),
    index("briefs_leased").on(t.runId, t.leaseExpiresAt, t.briefId).where(isNotNull(t.leaseExpiresAt)),
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
