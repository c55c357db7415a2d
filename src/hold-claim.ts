/**
 * Renewing a claim during work that takes longer than its lease, and ending the work when the claim is lost.
 */
import { setTimeout as pause } from "node:timers/promises";
import { allowManyListeners } from "./engine/engine.ts";
import { ClosedError, LostClaimError } from "./errors.ts";
import { codeOf, isPassing } from "./foreign.ts";
import { Check, type Names } from "./input/check.ts";
import { encodeObject, type PlainObject, type StoredObject } from "./input/json.ts";
import type { Looks, Watcher } from "./looks.ts";
import { type ClaimRef, checkClaim } from "./operations/held-claims.ts";
import { quoted } from "./shown.ts";

export interface HoldOptions {
  /** 1 to 2^31 - 1 milliseconds. Longer than any pause of the process, but short enough for a prompt takeover after a crash. */
  leaseMs: number;
  /** Ends holding when it aborts; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}
const holdNames: Names<HoldOptions> = { leaseMs: true, signal: true };

export type HeldClaim = ClaimRef & { agentId: string };

/** Stores progress and renews the lease. */
export type Save = (progress: StoredObject) => Promise<void>;

/** Extends the lease to `leaseMs` from now; `progress` replaces what is stored. */
type Renew = (options: { leaseMs: number; progress?: PlainObject }) => unknown;

/**
 * How long work may go on after its brief was finished under this very claim, in milliseconds: it may have finished the brief
 * itself and be about to return.
 */
const graceMs = 50;

/**
 * Renews immediately, so that no work starts for a lost claim, then every third of the lease, which leaves two more attempts
 * before another agent may claim the brief. Looks at the brief in between, since a third of a lease may be minutes.
 */
export async function holdClaim<T>(
  renew: Renew,
  looks: Looks,
  claim: HeldClaim,
  options: HoldOptions,
  work: (signal: AbortSignal, save: Save) => Promise<T>,
): Promise<T> {
  const check = new Check();
  const held = { ...checkClaim(check, "claim", claim), agentId: agentOf(check, claim) };
  const { leaseMs: asked, signal } = check.object("options", options, holdNames);
  const leaseMs = check.integer("leaseMs", asked, 1);
  if (signal !== undefined) check.signal("signal", signal);
  check.callable("work", work);
  check.done();
  if (signal?.aborted) throw signal.reason;

  const lost = new AbortController();
  const abort = () => lost.abort(signal?.reason);
  if (signal) allowManyListeners(signal);
  allowManyListeners(lost.signal);
  signal?.addEventListener("abort", abort);
  const lease = new Lease(renew, held, leaseMs, (error) => lost.abort(error));
  const watcher: Watcher = {
    pollMs: looks.pollMs,
    question: () => ({ kind: "claim", ...held }),
    answer: (answer) => {
      if ("error" in answer) lease.lose(answer.error);
    },
    fail: (error) => {
      // Any other error may pass before the lease expires, and renewing meets it too.
      if (["CLOSED", "NO_SUCH_FILE"].includes(codeOf(error) ?? "")) lease.loseNow(error);
    },
  };
  const saves = new Set<Promise<void>>();
  const save: Save = async (progress) => {
    const copied = copyOf(progress);
    const saving = unlessAborted(lost.signal, lease.renew(copied));
    saves.add(saving);
    try {
      await saving;
    } catch (error) {
      lease.loseNow(error);
      throw error;
    } finally {
      saves.delete(saving);
    }
  };
  try {
    await unlessAborted(lost.signal, lease.renew());
    looks.add(watcher, { isKnown: true });
    // In a separate microtask, so that a synchronous throw of `work` is a rejection too.
    const value = await unlessAborted(
      lost.signal,
      Promise.resolve(lost.signal).then((given) => work(given, save)),
    );
    // Saves that the work did not wait for.
    await unlessAborted(lost.signal, Promise.allSettled(saves));
    return value;
  } finally {
    looks.remove(watcher);
    lease.end();
    signal?.removeEventListener("abort", abort);
  }
}

/** Used only in the error of an expired lease, so a claim without an agent can be held. */
function agentOf(check: Check, claim: HeldClaim): string | null {
  const { agentId } =
    check.refusals === 0 ? check.record("claim", claim, { brief: true, attempt: true, agentId: true }) : {};
  return typeof agentId === "string" ? agentId : null;
}

/** A copy, since a save may have to wait while its caller goes on changing the object. */
function copyOf(progress: PlainObject): PlainObject {
  const check = new Check();
  const text = encodeObject(check, "progress", progress);
  check.done();
  const copied: PlainObject = JSON.parse(text);
  return copied;
}

/** Settles like `work`, or rejects with the signal's reason as soon as it aborts. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

type Held = { briefId: string; attempt: number; agentId: string | null };

/** Number of retries per third of the lease while it can't be renewed. */
const triesPerThird = 4;

/** Renews one at a time, on schedule and on request, until the lease is ended or lost. */
class Lease {
  readonly #renew: Renew;
  readonly #claim: Held;
  readonly #leaseMs: number;
  readonly #lost: (error: unknown) => void;
  readonly #end = new AbortController();
  /** The renewals requested so far: the next one waits for them, so that the latest progress is stored last. */
  #turn: Promise<unknown> = Promise.resolve();
  #next: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #isHeld = false;
  /** The error of the latest failed renewal. */
  #obstacle: unknown;

  constructor(renew: Renew, claim: Held, leaseMs: number, lost: (error: unknown) => void) {
    this.#renew = renew;
    this.#claim = claim;
    this.#leaseMs = leaseMs;
    this.#lost = lost;
    allowManyListeners(this.#end.signal);
    this.#expectEnd(performance.now() + leaseMs);
  }

  /** Settles after this renewal. Later renewals report a failure to `#lost`. */
  renew(progress?: PlainObject): Promise<void> {
    const renewed = this.#turn.then(() => this.#untilRenewed(progress));
    this.#turn = renewed.catch(() => undefined);
    return renewed;
  }

  /** Ends the work, a little later if the brief was finished or released under this very claim. */
  lose(error: unknown): void {
    const isOwn = error instanceof LostClaimError && error.current.attempt === this.#claim.attempt;
    if (!isOwn) return this.loseNow(error);
    if (!this.#end.signal.aborted) this.#grace ??= setTimeout(() => this.#lost(error), graceMs);
  }

  loseNow(error: unknown): void {
    if (!this.#end.signal.aborted) this.#lost(error);
  }

  end(): void {
    const { briefId, attempt } = this.#claim;
    const over = `The claim on brief ${quoted(briefId)}, attempt ${attempt}, is no longer held: its work has ended. Nothing was written.`;
    this.#end.abort(new ClosedError(over));
    clearTimeout(this.#next);
    clearTimeout(this.#deadline);
    clearTimeout(this.#grace);
  }

  /** Tries again until the lease expires as long as the reason may pass. */
  async #untilRenewed(progress: PlainObject | undefined): Promise<void> {
    clearTimeout(this.#next);
    for (;;) {
      if (this.#end.signal.aborted) throw this.#end.signal.reason;
      // Taken before the call, whose response may take long.
      const start = performance.now();
      try {
        await this.#renew({ leaseMs: this.#leaseMs, ...(progress && { progress }) });
        this.#isHeld = true;
        this.#expectEnd(start + this.#leaseMs);
        if (!this.#end.signal.aborted) this.#next = setTimeout(() => this.#renewOnTime(), this.#leaseMs / 3);
        return;
      } catch (error) {
        if (!this.#mayPass(error)) throw error;
        this.#obstacle = error;
      }
      await this.#pause(this.#leaseMs / 3 / triesPerThird);
    }
  }

  #renewOnTime(): void {
    this.renew().catch((error) => this.lose(error));
  }

  /** A file that can't be written or opened is a reason to give up at first, but may be so for a while later on. */
  #mayPass(error: unknown): boolean {
    return isPassing(error) || (this.#isHeld && ["READ_ONLY", "CANNOT_OPEN"].includes(codeOf(error) ?? ""));
  }

  async #pause(milliseconds: number): Promise<void> {
    try {
      await pause(milliseconds, undefined, { signal: this.#end.signal });
    } catch {
      // The lease has ended.
    }
  }

  #expectEnd(end: number): void {
    clearTimeout(this.#deadline);
    if (this.#end.signal.aborted) return;
    this.#deadline = setTimeout(() => {
      const { briefId, attempt, agentId } = this.#claim;
      const lastKnown = { status: "active", attempt, claimedBy: agentId } as const;
      this.#lost(new LostClaimError(briefId, attempt, lastKnown, { cause: this.#obstacle }));
    }, end - performance.now());
  }
}
