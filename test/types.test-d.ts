/**
 * What the compiler must accept and reject, checked by `tsc`; nothing here is run. The first half compares the package
 * with the agreed contract.
 */
import {
  type Blackboard,
  type BlackboardError,
  type BlackboardEvent,
  type BlackboardOperations,
  type Brief,
  type BriefFilter,
  type BriefRef,
  type BriefStatus,
  type BusyError,
  briefStatuses,
  type Claim,
  type ClaimRequest,
  type ClosedError,
  type ConflictError,
  type ConnectionError,
  type DatabaseError,
  type EventFilter,
  type EventKind,
  type eventKinds,
  type FileError,
  type From,
  type InvalidInputError,
  type Json,
  type JsonObject,
  type LostClaimError,
  type MigrationError,
  type MigrationStatus,
  type Mode,
  type migrateBlackboard,
  type migrationStatus,
  type NewBrief,
  type NewEvent,
  type NewWorkstream,
  type NotFoundError,
  type OpenOptions,
  openBlackboard,
  type Page,
  type PlainObject,
  type Result,
  type Run,
  type RunStatus,
  type RunSummary,
  type runStatuses,
  type Timestamp,
  type TransitionError,
  type UnreadableRowError,
  type WaitFilter,
  type WaitOptions,
  type WatchOptions,
  type Workstream,
  type WorkstreamFilter,
  type WorkstreamStatus,
  type workstreamStatuses,
} from "run-blackboard";
import * as z from "zod";
import type * as contract from "./contract.ts";

/** Flattens an object type, whatever intersections and Omits it consists of. */
type Flat<T> = { [Key in keyof T]: T[Key] };
/** Whether two types are the same, including optional and readonly properties and `any`. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type SameObject<A, B> = Same<Flat<A>, Flat<B>>;
type Fits<A, B> = [A] extends [B] ? true : false;
declare function holds<_Proof extends true>(): void;

// ----------------------------------------------------------------------------------------------- vocabulary and rows

holds<Same<typeof runStatuses, typeof contract.runStatuses>>();
holds<Same<typeof workstreamStatuses, typeof contract.workstreamStatuses>>();
holds<Same<typeof briefStatuses, typeof contract.briefStatuses>>();
holds<Same<typeof eventKinds, typeof contract.eventKinds>>();
holds<Same<RunStatus, contract.RunStatus>>();
holds<Same<WorkstreamStatus, contract.WorkstreamStatus>>();
holds<Same<BriefStatus, contract.BriefStatus>>();
holds<Same<EventKind, contract.EventKind>>();
holds<Same<Timestamp, string>>();
holds<Same<JsonObject, { [key: string]: Json }>>();
holds<Fits<Json, contract.Json>>();
holds<Fits<contract.Json, Json>>();
holds<Same<PlainObject, contract.PlainObject>>();

holds<SameObject<Run, contract.Run>>();
holds<SameObject<Workstream, contract.Workstream>>();
holds<SameObject<Brief, contract.Brief>>();
holds<SameObject<Brief<1, 2, "a">, contract.Brief<1, 2, "a">>>();
holds<Same<Given<Claim>, Given<contract.Claim>>>();
holds<Fits<BriefRef, contract.BriefRef>>();
holds<Fits<contract.BriefRef, BriefRef>>();
holds<SameObject<BlackboardEvent, contract.BlackboardEvent>>();
holds<SameObject<RunSummary, contract.RunSummary>>();

// ------------------------------------------------------------------------------------------------ inputs and options

holds<SameObject<NewWorkstream, contract.NewWorkstream>>();
holds<SameObject<NewBrief, contract.NewBrief>>();
holds<SameObject<NewEvent, contract.NewEvent>>();
holds<SameObject<From<RunStatus>, contract.From<RunStatus>>>();
holds<SameObject<Page<Run, string>, contract.Page<Run, string>>>();
holds<SameObject<BriefFilter, contract.BriefFilter>>();
holds<SameObject<WorkstreamFilter, contract.WorkstreamFilter>>();
holds<SameObject<WatchOptions, NonNullable<Parameters<contract.Blackboard<"sync">["watchEvents"]>[0]>>>();
holds<SameObject<EventFilter, contract.EventFilter>>();
holds<SameObject<WaitFilter, contract.WaitFilter>>();
holds<SameObject<WaitOptions, contract.WaitOptions>>();
holds<SameObject<ClaimRequest, contract.ClaimRequest>>();
holds<SameObject<Omit<OpenOptions, "roles">, Omit<contract.OpenOptions, "roles">>>();
holds<Same<Mode, contract.Mode>>();
holds<Same<Result<"sync", 1>, contract.Result<"sync", 1>>>();
holds<Same<Result<"async", 1>, contract.Result<"async", 1>>>();
holds<SameObject<MigrationStatus, contract.MigrationStatus>>();
holds<Fits<typeof migrationStatus, typeof contract.migrationStatus>>();
holds<Fits<typeof migrateBlackboard, typeof contract.migrateBlackboard>>();

// ------------------------------------------------------------------------------------------------------- the methods

/** The return type of a method. */
type Given<T> =
  T extends Promise<infer Value>
    ? Promise<Given<Value>>
    : T extends AsyncIterable<infer Item>
      ? AsyncIterable<Given<Item>>
      : T extends { items: (infer Item)[]; next: infer Next }
        ? { items: Given<Item>[]; next: Next }
        : T extends (infer Item)[]
          ? Given<Item>[]
          : T extends { brief: infer B; role: unknown }
            ? Flat<Omit<T, "brief"> & { brief: Given<B> }>
            : T extends object
              ? Flat<T>
              : T;
type Method = (...parameters: never[]) => unknown;
type SameMethod<Ours, Agreed> = Ours extends Method
  ? Agreed extends Method
    ? [Fits<Parameters<Ours>, Parameters<Agreed>>, Fits<Parameters<Agreed>, Parameters<Ours>>] extends [true, true]
      ? Same<Given<ReturnType<Ours>>, Given<ReturnType<Agreed>>>
      : false
    : false
  : false;
type Methods =
  | "createRun"
  | "updateRunStatus"
  | "createWorkstream"
  | "updateWorkstreamStatus"
  | "createBrief"
  | "updateBriefStatus"
  | "updateBriefResult"
  | "incrementBriefRetry"
  | "logEvent"
  | "getRunSummary"
  | "getRun"
  | "getWorkstream"
  | "getBrief"
  | "listWorkstreams"
  | "listBriefs"
  | "listEvents"
  | "spawnBrief"
  | "spawnBriefs"
  | "claimBrief"
  | "claimBriefs"
  | "failBrief"
  | "retryBrief"
  | "escalateBrief"
  | "watchEvents"
  | "waitForBrief"
  | "waitForBriefs"
  | "close";
/** The methods that differ from the contract: there must be none. */
type Deviating<M extends Mode> = {
  [Name in Methods]: SameMethod<Blackboard<M>[Name], contract.Blackboard<M>[Name]> extends true ? never : Name;
}[Methods];
holds<Same<Deviating<"sync">, never>>();
holds<Same<Deviating<"async">, never>>();
holds<Same<BlackboardOperations<"sync">["runId"], contract.Blackboard<"sync">["runId"]>>();
holds<Same<Blackboard<"sync">["location"], contract.Blackboard<"sync">["location"]>>();

// The package requires fewer fields of a claim than the contract: those that identify it.
holds<Fits<Blackboard<"sync">["releaseClaim"], contract.Blackboard<"sync">["releaseClaim"]>>();
holds<Fits<Blackboard<"sync">["renewClaims"], contract.Blackboard<"sync">["renewClaims"]>>();
holds<Fits<Blackboard<"sync">["completeBriefs"], contract.Blackboard<"sync">["completeBriefs"]>>();
holds<Fits<Blackboard<"async">["completeBriefs"], contract.Blackboard<"async">["completeBriefs"]>>();
holds<Fits<Blackboard<"sync">["renewClaim"], contract.Blackboard<"sync">["renewClaim"]>>();
holds<Fits<Blackboard<"sync">["holdClaim"], contract.Blackboard<"sync">["holdClaim"]>>();
holds<Fits<Blackboard<"sync">["completeBrief"], contract.Blackboard<"sync">["completeBrief"]>>();

const board = openBlackboard({ runId: "r" });
holds<Fits<typeof board, Disposable>>();
holds<Fits<(typeof board)["drizzle"], ReturnType<typeof contract.openBlackboard>["drizzle"]>>();

// ------------------------------------------------------------------------------------------------------------ errors

/** The package's class has all agreed fields, no others, and the same types. */
type SameError<Ours, Agreed> = Same<Flat<Omit<Ours, keyof Error>>, Flat<Omit<Agreed, keyof Error>>>;
holds<SameError<BlackboardError, contract.BlackboardError>>();
holds<Fits<InvalidInputError, contract.InvalidInputError>>();
// Its issues are readonly, which the contract does not require.
holds<Fits<contract.InvalidInputError, InvalidInputError>>();
holds<SameError<NotFoundError, contract.NotFoundError>>();
holds<SameError<ConflictError, contract.ConflictError>>();
holds<SameError<TransitionError, contract.TransitionError>>();
holds<SameError<LostClaimError, contract.LostClaimError>>();
holds<SameError<ClosedError, contract.ClosedError>>();
holds<SameError<BusyError, contract.BusyError>>();
holds<SameError<FileError, contract.FileError>>();
holds<SameError<MigrationError, contract.MigrationError>>();
holds<SameError<UnreadableRowError, contract.UnreadableRowError>>();
holds<SameError<DatabaseError, contract.DatabaseError>>();
holds<SameError<ConnectionError, contract.ConnectionError>>();

// -------------------------------------------------------------------------------------------------- what is rejected

// @ts-expect-error Unknown status of a run.
board.updateRunStatus("blocked");
// @ts-expect-error Unknown status of a workstream.
board.updateWorkstreamStatus("w", "review");
// @ts-expect-error Unknown status of a brief.
board.updateBriefStatus("b", "review");
// @ts-expect-error `from` accepts the same statuses.
board.updateBriefStatus("b", "done", { from: "blocked" });
// @ts-expect-error So does each item of a list.
board.updateBriefStatus("b", "done", { from: ["pending", "blocked"] });
// @ts-expect-error Unknown option.
board.updateRunStatus("done", { form: "active" });
// @ts-expect-error Unknown kind of event.
board.logEvent("finished");
// @ts-expect-error An event's detail is an object.
board.logEvent("failed", { detail: "disk full" });
// @ts-expect-error A detail may be absent, but not null.
board.logEvent("failed", { detail: null });
// @ts-expect-error A run requires a goal.
board.createRun();
// @ts-expect-error A brief requires a role.
board.createBrief({ tier: 0 });
// @ts-expect-error A brief requires a tier.
board.createBrief({ role: "coder" });
// @ts-expect-error A tier is a number.
board.createBrief({ tier: "1", role: "coder" });
// @ts-expect-error A brief is created without a status.
board.createBrief({ tier: 0, role: "coder", status: "done" });
// @ts-expect-error A payload is an object.
board.createBrief({ tier: 0, role: "coder", payload: "text" });
// @ts-expect-error An id may be absent, but not null.
board.createBrief({ briefId: null, tier: 0, role: "coder" });
// @ts-expect-error A workstream requires a name.
board.createWorkstream({ tier: 0 });
// @ts-expect-error A workstream has an ownerAgentId, not an agentId.
board.createWorkstream({ name: "api", tier: 0, agentId: "a" });
// @ts-expect-error A result is required.
board.updateBriefResult("b");
// @ts-expect-error A result is not null.
board.updateBriefResult("b", null);
// @ts-expect-error Unknown filter.
board.listBriefs({ kind: "spawned" });
// @ts-expect-error A cursor of events is a number.
board.listEvents({ after: "x" });
// @ts-expect-error A cursor of briefs is not a number.
board.listBriefs({ after: 5 });
// @ts-expect-error null is not a cursor: it means that there is no next page.
board.listBriefs({ after: null });
// @ts-expect-error Kinds are a list.
board.listEvents({ kinds: "failed" });
// @ts-expect-error A blackboard requires a runId.
openBlackboard({});
// @ts-expect-error Unknown option.
openBlackboard({ runId: "r", path: "x.db" });
// @ts-expect-error Unknown mode.
openBlackboard({ runId: "r", synchronous: "off" });
// @ts-expect-error A clock returns dates.
openBlackboard({ runId: "r", clock: () => Date.now() });
// @ts-expect-error A blackboard's runId is readonly.
board.runId = "other";
declare const refusal: InvalidInputError;
// @ts-expect-error The fields of an error are readonly.
refusal.issues = [];

// @ts-expect-error On SQLite a callback must not be async.
board.transaction(async () => 1);
// @ts-expect-error Nor return a promise of any type.
board.transaction((tx) => Promise.resolve(tx.getRun()));
// @ts-expect-error Nor return a value that may be a promise.
board.transaction((): number | Promise<number> => 1);

// -------------------------------------------------------------------------------------------------- what is accepted

const run = board.createRun("goal");
holds<Same<typeof run, Run>>();
// @ts-expect-error A run is never "blocked": the comparison is always false.
run.status === "blocked";
const brief = board.getBrief("b");
holds<Same<typeof brief, Brief | undefined>>();
// @ts-expect-error The brief may be undefined.
brief.status;
holds<Same<NonNullable<typeof brief>["result"], JsonObject | null>>();
holds<Same<ReturnType<typeof board.getRunSummary>["briefs"], Record<BriefStatus, number>>>();
const page = board.listEvents({ kinds: ["failed", "retried"], limit: 5 });
holds<Same<(typeof page)["next"], number | null>>();

const counted = board.transaction((tx) => (tx.getRun() ? 1 : 2));
holds<Same<typeof counted, 1 | 2>>();
const nothing = board.transaction((tx) => {
  tx.logEvent("spawned");
});
holds<Same<typeof nothing, void>>();
const given = board.transaction((tx) => tx.createBrief({ tier: 0, role: "coder" }));
holds<Same<typeof given, Brief>>();
board.transaction((tx) => tx.transaction((inner) => inner.getRun()));

interface Task {
  title: string;
  steps: readonly string[];
}
const task: Task = { title: "write", steps: ["think"] };
board.createBrief({ tier: 0, role: "coder", payload: task });
board.updateBriefResult("b", task);
board.updateRunStatus("done", { from: ["active", "review"] as const });
board.listBriefs({ status: briefStatuses, role: ["coder"] as const, parentBriefId: null, after: undefined });

declare const asynchronous: Blackboard<"async">;
async function waits(): Promise<void> {
  const stored = await asynchronous.createRun("goal");
  holds<Same<typeof stored, Run>>();
  const value = await asynchronous.transaction(async (tx) => (await tx.getRun())?.goal);
  holds<Same<typeof value, string | undefined>>();
  const plain = await asynchronous.transaction(() => 5);
  holds<Same<typeof plain, number>>();
  // @ts-expect-error A promise has no status.
  asynchronous.createRun("goal").status;
}

/**
 * For any blackboard in a file, whatever the type of its Drizzle database; and for one of either engine, with await.
 */
function onFile(any: Blackboard<"sync">): Run {
  return any.createRun("goal");
}
async function onEither(any: Blackboard<Mode>): Promise<Run> {
  return await any.createRun("goal");
}
onFile(board);
onEither(board);
onEither(asynchronous);
// @ts-expect-error An async blackboard is not assignable to a sync one.
onFile(asynchronous);
board.transaction((tx) => {
  const operations: BlackboardOperations<"sync"> = tx;
  // @ts-expect-error A transaction has no close method.
  operations.close;
});
waits();

// ------------------------------------------------------------------------------------------------------------- roles

const typed = openBlackboard({
  runId: "r",
  roles: {
    coder: {
      payload: z.object({ task: z.string(), tries: z.number().default(1) }),
      result: z.object({ lines: z.number() }),
    },
    tester: { payload: z.object({ suite: z.string() }) },
    idler: {},
  },
});
typed.createBrief({ tier: 1, role: "coder", payload: { task: "write" } });
typed.createBrief({ tier: 1, role: "idler" });
// @ts-expect-error Unknown role.
typed.createBrief({ tier: 1, role: "codr", payload: { task: "write" } });
// @ts-expect-error A coder's payload requires a task.
typed.createBrief({ tier: 1, role: "coder", payload: { suite: "all" } });
// @ts-expect-error A payload with required fields is required.
typed.createBrief({ tier: 1, role: "tester" });
// @ts-expect-error Unknown role in a filter.
typed.listBriefs({ role: ["coder", "tster"] });
// @ts-expect-error Unknown role in a claim.
typed.claimBrief({ agentId: "a", leaseMs: 1, role: "tster" });

const coder = typed.createBrief({ tier: 1, role: "coder", payload: { task: "write" } });
holds<Same<(typeof coder)["payload"], { task: string; tries: number }>>();
holds<Same<(typeof coder)["result"], { lines: number } | null>>();
holds<Same<(typeof coder)["role"], "coder">>();

const anyone = typed.getBrief("b");
if (anyone?.role === "coder") holds<Same<(typeof anyone)["payload"]["tries"], number>>();
if (anyone?.role === "tester") holds<Same<(typeof anyone)["payload"]["suite"], string>>();
if (anyone?.role === "idler") holds<Same<(typeof anyone)["payload"], JsonObject>>();
// @ts-expect-error Before the role is narrowed, the payload is unknown.
anyone?.payload.tries;

const claim = typed.claimBrief({ agentId: "a", leaseMs: 1000 });
if (claim?.role === "coder") {
  holds<Same<(typeof claim)["brief"]["payload"]["task"], string>>();
  typed.completeBrief(claim, { lines: 3 });
  // @ts-expect-error A coder's result requires lines.
  typed.completeBrief(claim, { words: 3 });
  const renewed = typed.renewClaim(claim, { leaseMs: 5 });
  holds<Same<typeof renewed, typeof claim>>();
}
const coding = typed.claimBrief({ agentId: "a", leaseMs: 1000, role: "coder" });
if (coding) typed.completeBrief(coding, { lines: 3 });
const either = typed.claimBrief({ agentId: "a", leaseMs: 1000, role: ["coder", "tester"] });
holds<Same<NonNullable<typeof either>["role"], "coder" | "tester">>();
typed.completeBrief("b", { whatever: true });
typed.transaction((tx) => {
  const made = tx.spawnBrief({ tier: 1, role: "tester", payload: { suite: "all" } });
  holds<Same<(typeof made)["payload"], { suite: string }>>();
});
onFile(typed);
onEither(typed);
const untyped: Blackboard<"sync"> = typed;
untyped.createBrief({ tier: 1, role: "anything" });
// An empty declaration has no roles.
openBlackboard({ runId: "r", roles: {} }).createBrief({ tier: 1, role: "anything" });
// @ts-expect-error A misspelt key would switch validation off.
openBlackboard({ runId: "r", roles: { coder: { paylod: z.object({}) } } });

const untypedClaim = board.claimBrief({ agentId: "a", leaseMs: 1 });
if (untypedClaim) board.completeBrief(untypedClaim, { any: "object" });

// --------------------------------------------------------------------------------------------- what can't be stored

const day = new Date();
// @ts-expect-error A payload is not a date.
board.createBrief({ tier: 0, role: "coder", payload: day });
// @ts-expect-error Nor an array.
board.spawnBrief({ tier: 0, role: "coder", payload: ["text"] });
// @ts-expect-error Nor a map.
board.spawnBriefs([{ tier: 0, role: "coder", payload: new Map() }]);
// @ts-expect-error Nor a function.
board.createBrief({ tier: 0, role: "coder", payload: () => "text" });
// @ts-expect-error Nor a bigint.
board.createBrief({ tier: 0, role: "coder", payload: 1n });
// @ts-expect-error Nor is a result.
board.updateBriefResult("b", day);
// @ts-expect-error Nor one of a list.
board.completeBriefs([{ ref: "b", result: [1] }]);
// @ts-expect-error Nor a detail of an event.
board.logEvent("failed", { detail: [1] });
// @ts-expect-error Nor a detail of a move.
board.failBrief("b", () => 1);
// @ts-expect-error A role without a schema has the same payloads as one that is not declared.
typed.createBrief({ tier: 1, role: "idler", payload: day });
if (untypedClaim) {
  // @ts-expect-error Nor is progress.
  board.renewClaim(untypedClaim, { leaseMs: 1, progress: [1] });
  // @ts-expect-error Nor a result.
  board.completeBrief(untypedClaim, day);
  board.holdClaim(untypedClaim, { leaseMs: 1 }, async (_signal, save) => {
    // @ts-expect-error Nor is progress.
    await save([1]);
    await save(task);
  });
}

class Plan {
  readonly steps = ["think"];
}
// Whether it has a prototype of its own is known only when it runs.
board.createBrief({ tier: 0, role: "coder", payload: new Plan() });
declare const anything: object;
board.completeBrief("b", anything, anything);
board.logEvent("failed", { detail: { nested: [{ list: [1, null] }] } });

// ----------------------------------------------------------------------------------------- completing several roles

const several = typed.claimBrief({ agentId: "a", leaseMs: 1000, role: ["coder", "tester"] });
if (several) {
  // @ts-expect-error It may be a tester's, even if the result is a coder's.
  typed.completeBrief(several, { lines: 3 });
  if (several.role === "coder") typed.completeBrief(several, { lines: 3 });
  else typed.completeBrief(several, { passed: true });
}
// Roles with the same result need not be told apart.
const result = z.object({ files: z.number() });
const alike = openBlackboard({ runId: "r", roles: { folder: { result }, whole: { result } } });
const ofBoth = alike.claimBrief({ agentId: "a", leaseMs: 1000 });
if (ofBoth) {
  alike.completeBrief(ofBoth, { files: 1 });
  // @ts-expect-error That result is required of both.
  alike.completeBrief(ofBoth, { lines: 1 });
}
