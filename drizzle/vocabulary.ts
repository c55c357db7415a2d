/**
 * The closed vocabularies. Column enums, TypeScript types, input validation and error messages are all derived from these
 * tuples.
 */
export const runStatuses = ["pending", "active", "review", "done", "failed"] as const;
export const workstreamStatuses = ["pending", "active", "blocked", "done", "failed"] as const;
export const briefStatuses = ["pending", "active", "done", "failed"] as const;
export const eventKinds = ["spawned", "completed", "failed", "escalated", "retried"] as const;
/** The tables that a summary counts. */
export const tallySubjects = ["workstreams", "briefs", "events"] as const;

export type RunStatus = (typeof runStatuses)[number];
export type WorkstreamStatus = (typeof workstreamStatuses)[number];
export type BriefStatus = (typeof briefStatuses)[number];
export type EventKind = (typeof eventKinds)[number];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** The type of `payload`, `result` and `detail`. */
export type JsonObject = { [key: string]: Json };
/** ISO 8601 in UTC, written as `2026-11-22T06:40:15.123Z`. Times in rows of the Python reference are returned unchanged. */
export type Timestamp = string;
