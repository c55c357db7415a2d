/** The Python reference changes briefs, which logs no event, while they are waited for. */
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { hasPython, openReference } from "./reference.ts";

describe.skipIf(!hasPython)("the Python reference", () => {
  test("finishes briefs that are waited for, and makes a held claim lost", async () => {
    const folder = temporaryFolder();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs") });
    board.createRun("wait");
    board.createBrief({ briefId: "plan", tier: 1, role: "planner" });
    for (const briefId of ["a", "b"]) board.createBrief({ briefId, parentBriefId: "plan", tier: 2, role: "coder" });
    const python = await openReference(folder, "shared");
    const one = board.waitForBrief("a");
    const both = board.waitForBriefs({ parentBriefId: "plan" });
    await python.call("update_brief_result", { brief_id: "a", result: { by: "python" } });
    expect(await one).toMatchObject({ status: "done", result: { by: "python" } });
    await python.call("update_brief_status", { brief_id: "b", status: "failed" });
    expect(await both).toEqual({ pending: 0, active: 0, done: 1, failed: 1 });
    const claim = board.claimBrief({ agentId: "w", leaseMs: 60_000 });
    if (!claim) throw new Error("there was nothing to claim");
    const held = board.holdClaim(claim, { leaseMs: 3_600_000 }, async () => {
      await python.call("update_brief_status", { brief_id: "plan", status: "failed" });
      return await new Promise(() => undefined);
    });
    await expect(held).rejects.toMatchObject({ code: "LOST_CLAIM", current: { status: "failed" } });
    await python.close();
  });
});
