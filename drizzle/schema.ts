/**
 * The tables, as SQLite has them. `import * as schema from "run-blackboard/schema"` for queries of your own.
 *
 * The first migration is the schema of the Python reference, so the four ids are nullable TEXT keys in files although
 * drizzle-kit would make them NOT NULL: `migrations/README.md` says how the two are kept in step.
 */
import { isNotNull } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import {
  briefStatuses,
  eventKinds,
  type JsonObject,
  runStatuses,
  type Timestamp,
  workstreamStatuses,
} from "./vocabulary.ts";

export * from "./vocabulary.ts";

const createdAt = text("created_at").$type<Timestamp>().notNull();
const updatedAt = text("updated_at").$type<Timestamp>().notNull();

/** One row a run: its goal and where it stands. */
export const runs = sqliteTable("runs", {
  runId: text("run_id").primaryKey(),
  goal: text("goal").notNull(),
  status: text("status", { enum: runStatuses }).notNull().default("pending"),
  createdAt,
  updatedAt,
});

/** The parts a run's goal is split into. */
export const workstreams = sqliteTable("workstreams", {
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
});

/**
 * Tasks for agents, a tree by `parentBriefId`. Parent and workstream are checked when a brief is created; they are no
 * foreign keys, since files of the reference may hold orphans.
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
    /** How many times it was claimed; the fencing token of the latest claim. */
    attempt: integer("attempt").notNull().default(0),
    /** Who holds it, or the last who did. */
    claimedBy: text("claimed_by"),
    /** Until when it is held, if it is. */
    leaseExpiresAt: text("lease_expires_at").$type<Timestamp>(),
    createdAt,
    updatedAt,
  },
  (t) => [
    index("briefs_by_status").on(t.runId, t.status, t.createdAt, t.briefId),
    index("briefs_leased").on(t.runId, t.leaseExpiresAt, t.briefId).where(isNotNull(t.leaseExpiresAt)),
  ],
);

/** What happened, in the order of `seq`: never of `createdAt`, where two writers tie. */
export const events = sqliteTable("events", {
  seq: integer("seq").primaryKey({ autoIncrement: true }),
  eventId: text("event_id").notNull().unique(),
  runId: text("run_id")
    .notNull()
    .references(() => runs.runId),
  briefId: text("brief_id"),
  kind: text("kind", { enum: eventKinds }).notNull(),
  detail: text("detail", { mode: "json" }).$type<JsonObject>(),
  createdAt,
});
