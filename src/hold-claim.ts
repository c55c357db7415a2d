/**
 * Renewing a claim during work that takes longer than its lease.
 */
import { LostClaimError } from "./errors.ts";
import { isPassing } from "./foreign.ts";
import { Check, type Names } from "./input/check.ts";
import { type ClaimRef, checkClaim } from "./operations/held-claims.ts";

export interface HoldOptions {
  /** 1 to 2^31 - 1 milliseconds. Longer than any pause of the process, but short enough for a prompt takeover after a crash. */
  leaseMs: number;
  /** Ends holding when it aborts; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}
const holdNames: Names<HoldOptions> = { leaseMs: true, signal: true };

export type HeldClaim = ClaimRef & { agentId: string };

interface Renewing {
  /** Extends the lease to `leaseMs` from now. */
  renew(leaseMs: number): unknown;
  /** Throws if the database file is no longer at its path. */
  requireStorage(): void;
}

/** Interval of checking that the database file still exists, in milliseconds: a third of a lease may be minutes. */
const storageMs = 500;

/**
 * Renews immediately, so that no work starts for a lost claim, then every third of the lease, which leaves two more attempts
 * before another agent may claim the brief.
 */
export async function holdClaim<T>(
  { renew, requireStorage }: Renewing,
  claim: HeldClaim,
  options: HoldOptions,
  work: (signal: AbortSignal) => Promise<T>,
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
  signal?.addEventListener("abort", abort);
  const lease = new Lease(renew, held, leaseMs, (error) => lost.abort(error));
  const storage = setInterval(() => {
    try {
      requireStorage();
    } catch (error) {
      lost.abort(error);
    }
  }, storageMs);
  const lostInstead = new Promise<never>((_, reject) => {
    lost.signal.addEventListener("abort", () => reject(lost.signal.reason));
  });
  try {
    await Promise.race([lease.renew(), lostInstead]);
    // In a separate microtask, so that a synchronous throw of `work` is a rejection too.
    return await Promise.race([Promise.resolve(lost.signal).then(work), lostInstead]);
  } finally {
    lease.end();
    clearInterval(storage);
    signal?.removeEventListener("abort", abort);
  }
}

/** Used only in the error of an expired lease, so a claim without an agent can be held. */
function agentOf(check: Check, claim: HeldClaim): string | null {
  const { agentId } =
    check.refusals === 0 ? check.record("claim", claim, { brief: true, attempt: true, agentId: true }) : {};
  return typeof agentId === "string" ? agentId : null;
}

type Held = { briefId: string; attempt: number; agentId: string | null };

/** Number of retries per third of the lease while the database is busy or unreachable. */
const triesPerThird = 4;

/** Schedules renewals until the lease is ended or lost. */
class Lease {
  readonly #renew: (leaseMs: number) => unknown;
  readonly #claim: Held;
  readonly #leaseMs: number;
  readonly #lost: (error: unknown) => void;
  #next: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #ended = false;
  /** The error of the latest failed renewal. */
  #obstacle: unknown;

  constructor(renew: (leaseMs: number) => unknown, claim: Held, leaseMs: number, lost: (error: unknown) => void) {
    this.#renew = renew;
    this.#claim = claim;
    this.#leaseMs = leaseMs;
    this.#lost = lost;
    this.#expectEnd(performance.now() + leaseMs);
  }

  /** Settles after this renewal. Later renewals report a failure to `#lost`. */
  async renew(): Promise<void> {
    // Taken before the call, whose response may take long.
    const start = performance.now();
    try {
      await this.#renew(this.#leaseMs);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#obstacle = error;
      return await new Promise((resolve, reject) => {
        this.#after(this.#leaseMs / 3 / triesPerThird, () => this.renew().then(resolve, reject));
      });
    }
    this.#expectEnd(start + this.#leaseMs);
    this.#after(this.#leaseMs / 3, () => this.renew().catch(this.#lost));
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#next);
    clearTimeout(this.#deadline);
  }

  #after(milliseconds: number, action: () => void): void {
    if (!this.#ended) this.#next = setTimeout(action, milliseconds);
  }

  #expectEnd(end: number): void {
    clearTimeout(this.#deadline);
    if (this.#ended) return;
    this.#deadline = setTimeout(() => {
      const { briefId, attempt, agentId } = this.#claim;
      const lastKnown = { status: "active", attempt, claimedBy: agentId } as const;
      this.#lost(new LostClaimError(briefId, attempt, lastKnown, { cause: this.#obstacle }));
    }, end - performance.now());
  }
}
