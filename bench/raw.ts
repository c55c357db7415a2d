/**
 * The hand-written code on better-sqlite3 that ours is compared with: columns aliased to their TypeScript names, one statement
 * prepared once, plain JSON.stringify and JSON.parse, rows changed in place instead of copied.
 *
 * Writes use `.all()`: `.get()` stops before the statement ends and loses an error raised there, such as a full disk.
 */
import type { BlackboardEvent, Brief } from "run-blackboard";

export const runColumns = `run_id AS runId, goal, status, created_at AS createdAt, updated_at AS updatedAt`;

export const workstreamColumns = `workstream_id AS workstreamId, run_id AS runId, name, tier, status,
  owner_agent_id AS ownerAgentId, created_at AS createdAt, updated_at AS updatedAt`;

export const briefColumns = `brief_id AS briefId, run_id AS runId, parent_brief_id AS parentBriefId,
  workstream_id AS workstreamId, tier, role, status, payload, result, retry_count AS retryCount, attempt,
  claimed_by AS claimedBy, lease_expires_at AS leaseExpiresAt, claimed_at AS claimedAt, priority,
  not_before AS notBefore, waits_for AS waitsFor, progress, created_at AS createdAt, updated_at AS updatedAt`;

export const eventColumns = `seq, event_id AS eventId, run_id AS runId, brief_id AS briefId, kind, detail,
  created_at AS createdAt`;

/** A row whose JSON columns are text or, after parsing, values. */
type Unparsed<Row, Column extends keyof Row> = Omit<Row, Column> & { [Name in Column]: unknown };
export type BriefRow = Unparsed<Brief, "payload" | "result" | "progress">;
export type EventRow = Unparsed<BlackboardEvent, "detail">;

export function parseBrief(row: BriefRow): BriefRow {
  if (typeof row.payload === "string") row.payload = JSON.parse(row.payload);
  if (typeof row.result === "string") row.result = JSON.parse(row.result);
  if (typeof row.progress === "string") row.progress = JSON.parse(row.progress);
  return row;
}

export function parseEvent(row: EventRow): EventRow {
  if (typeof row.detail === "string") row.detail = JSON.parse(row.detail);
  return row;
}

export function now(): string {
  return new Date().toISOString();
}
