/** What the tests of operations on lists share. */
import type { Brief, Claim, NewBrief } from "run-blackboard";
import type { Board } from "./engine.ts";

export const request = { agentId: "w-1", leaseMs: 1000 };
export const coder = (briefId: string, more: Partial<NewBrief> = {}): NewBrief => ({
  briefId,
  tier: 1,
  role: "coder",
  ...more,
});
export const idsOf = (briefs: readonly Brief[]) => briefs.map(({ briefId }) => briefId);
export const claimedIds = (claims: readonly Claim[]) => claims.map(({ brief }) => brief.briefId);

export async function eventsOf(board: Board) {
  const { items } = await board.listEvents({ limit: 1000 });
  return items.map(({ kind, briefId, detail }) => [kind, briefId, detail]);
}
