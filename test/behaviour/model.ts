/** A minimal blackboard of maps in memory, compared with the real one after random sequences of calls. */
import fc from "fast-check";
import {
  type BriefStatus,
  briefStatuses,
  type EventKind,
  eventKinds,
  type RunStatus,
  type RunSummary,
  runStatuses,
  type WorkstreamStatus,
  workstreamStatuses,
} from "run-blackboard";
import { follow, inTransaction, type Operations, outcome, type Steps } from "./engine.ts";

type From<Status> = readonly Status[] | undefined;
export type Call =
  | { call: "createRun"; goal: string }
  | { call: "updateRunStatus"; status: RunStatus; from: From<RunStatus> }
  | { call: "createWorkstream"; id: string; tier: number }
  | { call: "updateWorkstreamStatus"; id: string; status: WorkstreamStatus; from: From<WorkstreamStatus> }
  | { call: "createBrief"; id: string; tier: number; parent: string | null; workstream: string | null }
  | { call: "updateBriefStatus"; id: string; status: BriefStatus; from: From<BriefStatus> }
  | { call: "updateBriefResult"; id: string; sound: boolean }
  | { call: "logEvent"; id: string | undefined; kind: EventKind; brief: string | null }
  /** `fatal`: the first failing call ends the transaction. `thrown`: the callback throws at its end. */
  | { call: "transaction"; calls: Call[]; fatal: boolean; thrown: boolean };

const id = (letter: string, count: number) => fc.integer({ min: 1, max: count }).map((number) => `${letter}${number}`);
const from = <Status>(statuses: readonly Status[]) => fc.option(fc.subarray([...statuses]), { nil: undefined });
const tier = fc.integer({ min: -1, max: 1 });

/** Uses few ids, so that calls collide; some calls are always rejected. */
export const anyCalls: fc.Arbitrary<Call[]> = fc.letrec<{ call: Call; calls: Call[] }>((tie) => ({
  calls: fc.array(tie("call"), { maxLength: 30 }),
  call: fc.oneof(
    { depthSize: "small" },
    fc.record({ call: fc.constant("createRun" as const), goal: fc.constantFrom("one", "one", "two", "") }),
    fc.record({
      call: fc.constant("updateRunStatus" as const),
      status: fc.constantFrom(...runStatuses),
      from: from(runStatuses),
    }),
    fc.record({ call: fc.constant("createWorkstream" as const), id: id("w", 4), tier }),
    fc.record({
      call: fc.constant("updateWorkstreamStatus" as const),
      id: id("w", 4),
      status: fc.constantFrom(...workstreamStatuses),
      from: from(workstreamStatuses),
    }),
    fc.record({
      call: fc.constant("createBrief" as const),
      id: id("b", 6),
      tier,
      parent: fc.option(id("b", 6)),
      workstream: fc.option(id("w", 4)),
    }),
    fc.record({
      call: fc.constant("updateBriefStatus" as const),
      id: id("b", 6),
      status: fc.constantFrom(...briefStatuses),
      from: from(briefStatuses),
    }),
    fc.record({ call: fc.constant("updateBriefResult" as const), id: id("b", 6), sound: fc.boolean() }),
    fc.record({
      call: fc.constant("logEvent" as const),
      id: fc.option(id("e", 4), { nil: undefined }),
      kind: fc.constantFrom(...eventKinds),
      brief: fc.option(id("b", 6)),
    }),
    fc.record({
      call: fc.constant("transaction" as const),
      calls: tie("calls"),
      fatal: fc.boolean(),
      thrown: fc.boolean(),
    }),
  ),
})).calls;

class Thrown extends Error {}

export class Model {
  #run: { goal: string; status: RunStatus } | undefined;
  #workstreams = new Map<string, { tier: number; status: WorkstreamStatus }>();
  #briefs = new Map<string, { key: string; status: BriefStatus }>();
  #events = new Map<string, { key: string; kind: EventKind }>();

  /** The code of the error that this call must throw, or undefined if it succeeds. */
  apply(call: Exclude<Call, { call: "transaction" }>): string | undefined {
    switch (call.call) {
      case "createRun":
        if (call.goal === "") return "INVALID_INPUT";
        if (this.#run && this.#run.goal !== call.goal) return "CONFLICT";
        this.#run ??= { goal: call.goal, status: "pending" };
        return undefined;
      case "updateRunStatus":
        return move(this.#run, call);
      case "createWorkstream": {
        if (call.tier < 0) return "INVALID_INPUT";
        if (!this.#run) return "NOT_FOUND";
        const stored = this.#workstreams.get(call.id);
        if (stored && stored.tier !== call.tier) return "CONFLICT";
        if (!stored) this.#workstreams.set(call.id, { tier: call.tier, status: "pending" });
        return undefined;
      }
      case "updateWorkstreamStatus":
        return move(this.#workstreams.get(call.id), call);
      case "createBrief": {
        if (call.tier < 0) return "INVALID_INPUT";
        const key = JSON.stringify([call.tier, call.parent, call.workstream]);
        const stored = this.#briefs.get(call.id);
        if (stored) return stored.key === key ? undefined : "CONFLICT";
        if (!this.#run || !known(this.#briefs, call.parent) || !known(this.#workstreams, call.workstream)) {
          return "NOT_FOUND";
        }
        this.#briefs.set(call.id, { key, status: "pending" });
        return undefined;
      }
      case "updateBriefStatus":
        return move(this.#briefs.get(call.id), call);
      case "updateBriefResult":
        if (!call.sound) return "INVALID_INPUT";
        return move(this.#briefs.get(call.id), { status: "done", from: undefined });
      case "logEvent": {
        const key = JSON.stringify([call.kind, call.brief]);
        const stored = call.id === undefined ? undefined : this.#events.get(call.id);
        if (stored) return stored.key === key ? undefined : "CONFLICT";
        if (!this.#run || !known(this.#briefs, call.brief)) return "NOT_FOUND";
        this.#events.set(call.id ?? `made ${this.#events.size}`, { key, kind: call.kind });
        return undefined;
      }
    }
  }

  copy(): Model {
    const copy = new Model();
    copy.restore(this);
    return copy;
  }

  restore(saved: Model): void {
    this.#run = structuredClone(saved.#run);
    this.#workstreams = structuredClone(saved.#workstreams);
    this.#briefs = structuredClone(saved.#briefs);
    this.#events = structuredClone(saved.#events);
  }

  get hasRun(): boolean {
    return this.#run !== undefined;
  }

  summary(): Pick<RunSummary, "workstreams" | "briefs" | "events"> & { status: RunStatus | undefined } {
    const statuses = (rows: Map<string, { status: string }>) => [...rows.values()].map(({ status }) => status);
    return {
      status: this.#run?.status,
      workstreams: tally(workstreamStatuses, statuses(this.#workstreams)),
      briefs: tally(briefStatuses, statuses(this.#briefs)),
      events: tally(
        eventKinds,
        [...this.#events.values()].map(({ kind }) => kind),
      ),
    };
  }
}

function known(rows: Map<string, unknown>, id: string | null): boolean {
  return id === null || rows.has(id);
}

function move<Status>(row: { status: Status } | undefined, { status, from }: { status: Status; from: From<Status> }) {
  if (!row) return "NOT_FOUND";
  if (from && !from.includes(row.status)) return "TRANSITION";
  row.status = status;
  return undefined;
}

/** Counts each label. */
export function tally<Label extends string>(vocabulary: readonly Label[], found: readonly string[]) {
  const counts = vocabulary.map((label) => [label, found.filter((word) => word === label).length]);
  return Object.fromEntries(counts) as Record<Label, number>;
}

/** Makes a call on both sides, compares the outcomes and returns the error's code, if any. */
function* perform(board: Operations, model: Model, call: Call): Steps<string | undefined> {
  if (call.call === "transaction") {
    yield* performTransaction(board, model, call);
    return undefined;
  }
  const expected = model.apply(call);
  let code: string | undefined;
  try {
    yield callOn(board, call);
  } catch (error) {
    code = (error as { code: string }).code;
  }
  if (code !== expected) {
    throw new Error(`${JSON.stringify(call)} ended with ${code}, and by the model with ${expected}`);
  }
  return code;
}

function* performTransaction(
  board: Operations,
  model: Model,
  { calls, fatal, thrown }: Extract<Call, { call: "transaction" }>,
): Steps<void> {
  const saved = model.copy();
  try {
    yield* outcome(
      inTransaction(board, function* (tx) {
        for (const call of calls) {
          const code = yield* perform(tx, model, call);
          if (fatal && code !== undefined) throw new Thrown();
        }
        if (thrown) throw new Thrown();
      }),
    );
  } catch (error) {
    if (!(error instanceof Thrown)) throw error;
    model.restore(saved);
  }
}

export function performAll(board: Operations, model: Model, calls: Call[]): void | Promise<void> {
  return follow(
    (function* () {
      for (const call of calls) yield* perform(board, model, call);
    })(),
  );
}

/** Prefixes ids with the run, because the runs of these sequences may share a file. */
export function callOn(board: Operations, call: Exclude<Call, { call: "transaction" }>): unknown {
  const own = <Id extends string | null>(id: Id) => (id === null ? null : `${board.runId}/${id}`) as Id;
  switch (call.call) {
    case "createRun":
      return board.createRun(call.goal);
    case "updateRunStatus":
      return board.updateRunStatus(call.status, { from: call.from });
    case "createWorkstream":
      return board.createWorkstream({ workstreamId: own(call.id), name: "api", tier: call.tier });
    case "updateWorkstreamStatus":
      return board.updateWorkstreamStatus(own(call.id), call.status, { from: call.from });
    case "createBrief":
      return board.createBrief({
        briefId: own(call.id),
        tier: call.tier,
        role: "coder",
        parentBriefId: own(call.parent),
        workstreamId: own(call.workstream),
      });
    case "updateBriefStatus":
      return board.updateBriefStatus(own(call.id), call.status, { from: call.from });
    case "updateBriefResult":
      return board.updateBriefResult(own(call.id), call.sound ? { ok: true } : { not: Number.NaN });
    case "logEvent":
      return board.logEvent(call.kind, {
        eventId: call.id === undefined ? undefined : own(call.id),
        briefId: own(call.brief),
      });
  }
}
