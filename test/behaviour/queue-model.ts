/**
 * A blackboard's queue as a plain state machine in memory, written from the rules and not from the package's code: it counts and
 * sorts all briefs at every question, and has no indexes, no parked briefs and no triggers.
 */
import type { BriefStatus, EventKind, RunStatus, WorkstreamStatus } from "run-blackboard";

export interface ModelBrief {
  id: string;
  role: string;
  workstream: string | null;
  priority: number;
  after: readonly string[];
  /** Times of the clock in ms. */
  createdAt: number;
  updatedAt: number;
  notBefore: number | null;
  status: BriefStatus;
  attempt: number;
  retryCount: number;
  claimedBy: string | null;
  claimedAt: number | null;
  lease: number | null;
  progress: object | null;
  result: object | null;
}

export type NewModelBrief = Pick<ModelBrief, "id" | "role" | "workstream" | "priority" | "after" | "notBefore">;
export interface ModelClaim {
  id: string;
  attempt: number;
}
export interface Asked {
  agentId: string;
  leaseMs: number;
  role: string | undefined;
  workstream: string | undefined;
  maxRetries: number | undefined;
}
export type Move = "complete" | "fail" | "escalate" | "retry";
/** What a call returns: the brief, undefined for no claim, or an error's code. */
export type Outcome = ModelBrief | undefined | string;

export const maxAttempt = 2 ** 31 - 1;

const moves = {
  complete: { from: ["pending", "active"], to: "done", logs: "completed" },
  fail: { from: ["pending", "active"], to: "failed", logs: "failed" },
  escalate: { from: ["pending", "active"], to: "failed", logs: "escalated" },
  retry: { from: ["pending", "active", "failed"], to: "pending", logs: "retried" },
} as const;

const unclaimed = { status: "pending", claimedBy: null, claimedAt: null, lease: null, notBefore: null } as const;

export class QueueModel {
  now: number;
  runStatus: RunStatus = "pending";
  readonly workstreams: Record<string, WorkstreamStatus> = { w1: "pending", w2: "pending" };
  readonly briefs = new Map<string, ModelBrief>();
  readonly events: { kind: EventKind; briefId: string; detail: object }[] = [];
  /** The claims that were handed out, newest last. */
  readonly claims: ModelClaim[] = [];

  constructor(now: number) {
    this.now = now;
  }

  waitsFor({ after }: ModelBrief): number {
    return after.filter((id) => this.briefs.get(id)?.status !== "done").length;
  }

  isReady(brief: ModelBrief): boolean {
    return brief.status === "pending" && this.waitsFor(brief) === 0 && (brief.notBefore ?? 0) <= this.now;
  }

  create(given: NewModelBrief, spawns: boolean): Outcome {
    const stored = this.briefs.get(given.id);
    if (stored) {
      const key = ({ role, workstream, priority, after }: NewModelBrief) =>
        JSON.stringify([role, workstream, priority, after.toSorted()]);
      return key(stored) === key(given) ? stored : "CONFLICT";
    }
    if (given.after.some((id) => !this.briefs.has(id))) return "NOT_FOUND";
    const times = { createdAt: this.now, updatedAt: this.now, claimedAt: null, lease: null };
    const rest = { attempt: 0, retryCount: 0, claimedBy: null, progress: null, result: null };
    const brief: ModelBrief = { ...given, status: "pending", ...times, ...rest };
    this.briefs.set(brief.id, brief);
    if (spawns) this.#log("spawned", brief);
    return brief;
  }

  claim(asked: Asked): Outcome {
    const brief = this.#next(asked);
    if (!brief) return undefined;
    const { agentId: claimedBy, leaseMs } = asked;
    this.#change(brief, {
      status: "active",
      claimedBy,
      claimedAt: this.now,
      lease: this.now + leaseMs,
      notBefore: null,
    });
    brief.attempt++;
    this.claims.push({ id: brief.id, attempt: brief.attempt });
    return brief;
  }

  #next({ role, workstream, maxRetries }: Asked): ModelBrief | undefined {
    if (["review", "done", "failed"].includes(this.runStatus)) return undefined;
    const wanted = [...this.briefs.values()]
      .filter((brief) => role === undefined || brief.role === role)
      .filter((brief) => workstream === undefined || brief.workstream === workstream)
      .filter((brief) => this.workstreams[brief.workstream ?? ""] !== "blocked")
      .filter(({ attempt }) => attempt < maxAttempt)
      .sort(byId);
    const expired = wanted
      .filter(({ status, lease, claimedBy }) => status === "active" && claimedBy !== null && lease !== null)
      .filter(({ lease }) => (lease ?? 0) <= this.now)
      .sort((a, b) => (a.lease ?? 0) - (b.lease ?? 0));
    for (const brief of expired) {
      const { claimedBy: previousAgent, attempt } = brief;
      if (maxRetries !== undefined && brief.retryCount >= maxRetries) {
        this.#change(brief, { status: "failed", lease: null });
        this.#log("failed", brief, { reason: "retries exhausted", previousAgent, attempt });
        continue;
      }
      brief.retryCount++;
      this.#log("retried", brief, { reason: "lease expired", previousAgent, attempt });
      return brief;
    }
    const ready = wanted.filter((brief) => this.isReady(brief));
    return ready.sort((a, b) => b.priority - a.priority || a.createdAt - b.createdAt)[0];
  }

  move(move: Move, id: string, result: object, delayMs: number): Outcome {
    const brief = this.briefs.get(id);
    if (!brief) return "NOT_FOUND";
    const from: readonly BriefStatus[] = moves[move].from;
    return from.includes(brief.status) ? this.#perform(move, brief, result, delayMs) : "TRANSITION";
  }

  moveByClaim(move: Move, claim: ModelClaim, result: object, delayMs: number): Outcome {
    const brief = this.briefs.get(claim.id);
    if (!brief) return "NOT_FOUND";
    const isOwn = brief.attempt === claim.attempt && brief.claimedBy !== null;
    const isSame = JSON.stringify(brief.result) === JSON.stringify(result);
    if (move === "complete" && isOwn && brief.status === "done" && isSame) return brief;
    return isOwn && brief.status === "active" ? this.#perform(move, brief, result, delayMs) : "LOST_CLAIM";
  }

  renew(claim: ModelClaim, leaseMs: number, progress: object | null | undefined): Outcome {
    const brief = this.#held(claim);
    if (typeof brief === "string") return brief;
    return this.#change(brief, { lease: this.now + leaseMs, ...(progress !== undefined && { progress }) });
  }

  release(claim: ModelClaim, delayMs: number): Outcome {
    const brief = this.#held(claim);
    if (typeof brief === "string") return brief;
    return this.#change(brief, { ...unclaimed, notBefore: this.#after(delayMs) });
  }

  /** The low-level update, which allows any status to follow any. */
  setStatus(id: string, status: BriefStatus): Outcome {
    const brief = this.briefs.get(id);
    if (!brief) return "NOT_FOUND";
    const end = { pending: unclaimed, active: {}, done: { lease: null }, failed: { lease: null } };
    return this.#change(brief, { status, ...end[status] });
  }

  setResult(id: string, result: object): Outcome {
    const brief = this.briefs.get(id);
    return brief ? this.#change(brief, { status: "done", lease: null, result }) : "NOT_FOUND";
  }

  #held({ id, attempt }: ModelClaim): ModelBrief | string {
    const brief = this.briefs.get(id);
    if (!brief) return "NOT_FOUND";
    const isCurrent = brief.status === "active" && brief.attempt === attempt && brief.claimedBy !== null;
    return isCurrent ? brief : "LOST_CLAIM";
  }

  #perform(move: Move, brief: ModelBrief, result: object, delayMs: number): ModelBrief {
    this.#change(brief, { status: moves[move].to, lease: null });
    if (move === "complete") brief.result = result;
    if (move === "retry") {
      Object.assign(brief, unclaimed, { notBefore: this.#after(delayMs) });
      brief.retryCount++;
    }
    this.#log(moves[move].logs, brief, { by: move });
    return brief;
  }

  #after(delayMs: number): number | null {
    return delayMs === 0 ? null : this.now + delayMs;
  }

  #change(brief: ModelBrief, change: Partial<ModelBrief>): ModelBrief {
    return Object.assign(brief, change, { updatedAt: this.now });
  }

  #log(kind: EventKind, { id }: ModelBrief, detail: object = {}): void {
    this.events.push({ kind, briefId: id, detail });
  }
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}

export function oldestFirst(a: ModelBrief, b: ModelBrief): number {
  return a.createdAt - b.createdAt || byId(a, b);
}
