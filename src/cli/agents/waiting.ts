/**
 * Waiting for briefs to claim.
 */
import { setTimeout as pause } from "node:timers/promises";
import { BlackboardError, type Claim, type ClaimRequest } from "../../errors-and-types.ts";
import type { Board } from "../writing.ts";

/** How often it asks. An ask that finds nothing takes no lock. */
const pollMs = 250;

/**
 * Returns up to `limit` claims. Without any, asks again until `signal` aborts or the run is done or failed, in which no brief can be
 * claimed; then returns none.
 */
export async function waitToClaim(
  board: Board,
  request: ClaimRequest,
  limit: number,
  signal: AbortSignal,
): Promise<Claim[]> {
  while (!signal.aborted) {
    try {
      const claims = await board.claimBriefs({ ...request, limit });
      if (claims.length > 0) return claims;
      const run = await board.getRun();
      if (run?.status === "done" || run?.status === "failed") return [];
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
    await pauseFor(pollMs, signal);
  }
  return [];
}

/** Whether the same call may succeed later: the database is locked, unreachable or full. */
export function mayPass(error: unknown): boolean {
  return error instanceof BlackboardError && ["BUSY", "CONNECTION", "DISK_FULL"].includes(error.code);
}

/** Waits, but no longer than until the signal aborts. */
export async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => undefined);
}
