/** holdClaim on a file that other connections keep locked. */
import { BusyError, LostClaimError } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";
import { connectTo, open } from "./sqlite.ts";

function openClaimed() {
  const board = open({ runId: "r", file: `${temporaryFolder()}/blackboard.db`, busyTimeoutMs: 1 });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  const claim = board.claimBrief({ agentId: "w", leaseMs: 60_000 });
  if (!claim) throw new Error("there was nothing to claim");
  return { board, claim, other: connectTo(board.location) };
}

test("holdClaim keeps the claim while the file is locked for less than the lease", async () => {
  const { board, claim, other } = openClaimed();
  const renewed = () => board.getBrief("b")?.updatedAt;
  await board.holdClaim(claim, { leaseMs: 3000 }, async () => {
    const before = renewed();
    other.exec("BEGIN IMMEDIATE");
    let refused = 0;
    const call = board.renewClaim.bind(board);
    board.renewClaim = (held, options) => {
      try {
        return call(held, options);
      } catch (error) {
        if (error instanceof BusyError) refused++;
        throw error;
      }
    };
    await expect.poll(() => refused, { timeout: 30_000 }).toBeGreaterThan(1);
    other.exec("ROLLBACK");
    await expect.poll(renewed, { timeout: 30_000 }).not.toBe(before);
  });
  expect(board.completeBrief(claim, {}).status).toBe("done");
});

test("holdClaim aborts with the reason when it could not renew before the lease expired", async () => {
  const { board, claim, other } = openClaimed();
  const held = board.holdClaim(claim, { leaseMs: 300 }, async (signal) => {
    other.exec("BEGIN IMMEDIATE");
    return await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  });
  const error = await caught(LostClaimError, () => held);
  expect(error.cause).toBeInstanceOf(BusyError);
  expect(error.message).toContain("could not be renewed");
  other.exec("ROLLBACK");
  // No agent took it over, so the claim is still current.
  expect(board.completeBrief(claim, {}).status).toBe("done");
});
