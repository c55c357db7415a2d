/**
 * The rows of the tables. Written out, so that the types of the package are the same with every version of Drizzle, whose types of
 * tables differ. The compiler proves at the end that they are those of the tables.
 */
import type * as tables from "./schema.ts";
import type { BriefStatus, EventKind, JsonObject, RunStatus, Timestamp, WorkstreamStatus } from "./vocabulary.ts";

export type Run = {
  runId: string;
  goal: string;
  status: RunStatus;
  createdAt: Timestamp;
  updatedAt: Timestamp;
};

export type Workstream = {
  workstreamId: string;
  runId: string;
  name: string;
  tier: number;
  status: WorkstreamStatus;
  ownerAgentId: string | null;
  createdAt: Timestamp;
  updatedAt: Timestamp;
};

export type BriefRow = {
  briefId: string;
  runId: string;
  parentBriefId: string | null;
  workstreamId: string | null;
  tier: number;
  role: string;
  status: BriefStatus;
  payload: JsonObject | null;
  result: JsonObject | null;
  retryCount: number;
  attempt: number;
  claimedBy: string | null;
  leaseExpiresAt: Timestamp | null;
  claimedAt: Timestamp | null;
  priority: number;
  notBefore: Timestamp | null;
  waitsFor: number;
  parked: number;
  progress: JsonObject | null;
  createdAt: Timestamp;
  updatedAt: Timestamp;
};

export type EventRow = {
  seq: number;
  eventId: string;
  runId: string;
  briefId: string | null;
  kind: EventKind;
  detail: JsonObject | null;
  createdAt: Timestamp;
};

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
true satisfies Same<Run, typeof tables.runs.$inferSelect>;
true satisfies Same<Workstream, typeof tables.workstreams.$inferSelect>;
true satisfies Same<BriefRow, typeof tables.briefs.$inferSelect>;
true satisfies Same<EventRow, typeof tables.events.$inferSelect>;
