/**
 * The closed vocabularies, each written once: the columns' enums, the TypeScript types, the checks on the way in and the
 * messages of refusals all come from these tuples.
 */
export const runStatuses = ["pending", "active", "review", "done", "failed"] as const;
export const workstreamStatuses = ["pending", "active", "blocked", "done", "failed"] as const;
export const briefStatuses = ["pending", "active", "done", "failed"] as const;
export const eventKinds = ["spawned", "completed", "failed", "escalated", "retried"] as const;
/** What a summary counts. */
export const tallySubjects = ["workstreams", "briefs", "events"] as const;

export type RunStatus = (typeof runStatuses)[number];
export type WorkstreamStatus = (typeof workstreamStatuses)[number];
export type BriefStatus = (typeof briefStatuses)[number];
export type EventKind = (typeof eventKinds)[number];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** What `payload`, `result` and `detail` hold. */
export type JsonObject = { [key: string]: Json };
/** ISO 8601, UTC. Written here as `2026-11-22T06:40:15.123Z`; rows of the Python reference read as they stand. */
export type Timestamp = string;
