/**
 * `run-blackboard/errors`: the error classes, the vocabulary, and the types that both engines share. Imports no driver, so that a
 * program that uses one engine need not install the other's.
 */
export {
  type BriefStatus,
  briefStatuses,
  type EventKind,
  eventKinds,
  type Json,
  type JsonObject,
  type RunStatus,
  runStatuses,
  type Timestamp,
  type WorkstreamStatus,
  workstreamStatuses,
} from "../drizzle/vocabulary.ts";
export type { Blackboard, BlackboardOperations } from "./blackboard.ts";
export type { Body, Mode, Result, SynchronousCallback } from "./engine/engine.ts";
export * from "./errors.ts";
export type { HeldClaim, HoldOptions, Save } from "./hold-claim.ts";
export type { NoArrayDateOrFunction, PlainObject, StoredObject } from "./input/json.ts";
export type {
  BlackboardLocation,
  CommonOptions,
  MigrateBlackboardOptions,
  MigrateOptions,
  OpenOptions,
  VerifyBlackboardOptions,
  VerifyOptions,
  ViewOptions,
} from "./input/options.ts";
export type { AnyRoles, RoleSchemas, Roles } from "./input/roles.ts";
export type { RunDestination, RunLocation } from "./input/run-locations.ts";
export type { Backlog, OldestReady } from "./operations/backlog.ts";
export type { Dependency, DependencyFilter, FailedBlocker, WaitingBrief } from "./operations/blockers.ts";
export type { BriefFilter } from "./operations/brief-lists.ts";
export type { Brief, NewBriefBase } from "./operations/briefs.ts";
export type { ClaimsRequest } from "./operations/claim-briefs.ts";
export type { ClaimRequest } from "./operations/claims.ts";
export type { Completed, Completion } from "./operations/complete-briefs.ts";
export type { Flaw } from "./operations/consistency.ts";
export type { Durations } from "./operations/durations.ts";
export type { BlackboardEvent, EventFilter, NewEvent, StorableEvent } from "./operations/events.ts";
export type { Failure, FailureGroup, GroupedFailures } from "./operations/failures.ts";
export type { Claim, ClaimRef, DelayOptions, LeaseOptions, RenewOptions } from "./operations/held-claims.ts";
export type { BriefRef } from "./operations/lifecycle.ts";
export type { BriefOutline } from "./operations/outlines.ts";
export type { ListedSummary, RunOverview } from "./operations/overview.ts";
export type { Page, PageRequest } from "./operations/pages.ts";
export type { Renewed } from "./operations/renew-claims.ts";
export type {
  BriefOf,
  ClaimOf,
  ClaimResult,
  NewBrief,
  ResultInput,
  RoleName,
  StorableBrief,
} from "./operations/roles.ts";
export type { Run } from "./operations/runs.ts";
export type { From } from "./operations/status.ts";
export type { RunSummary } from "./operations/summary.ts";
export type { Throughput } from "./operations/throughput.ts";
export type { BriefNode, BriefTree, OutlineNode, TreeOutline } from "./operations/tree.ts";
export type { WaitFilter } from "./operations/wait-filters.ts";
export type { NewWorkstream, Workstream, WorkstreamFilter } from "./operations/workstreams.ts";
export type { OperationTrace } from "./trace.ts";
export type { ImportedRun } from "./transfer/import.ts";
export type { Chunks } from "./transfer/lines.ts";
export type { RunPlace } from "./transfer/place.ts";
export type { PrunedRun, PruneRule } from "./transfer/prune-rule.ts";
export type { WaitOptions } from "./wait.ts";
export type { WatchOptions } from "./watch.ts";
