/** holdClaim: renews a claim while the work runs and aborts the work when the claim is lost. */
import { type Claim, InvalidInputError, LostClaimError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, type Engine, openRun } from "./engine.ts";

/** Renewed every half second: enough for a server on a busy machine to answer in time. */
const leaseMs = 1500;
const never = () => new Promise<never>(() => undefined);

export function holding(engine: Engine): void {
  async function openClaimed() {
    const opened = await openRun(engine);
    await opened.board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    const claim = await opened.board.claimBrief({ agentId: "w", leaseMs: 60_000 });
    if (!claim) throw new Error("there was nothing to claim");
    return { ...opened, claim };
  }

  describe("holdClaim", () => {
    test("renews the lease immediately and while the work runs, and resolves with the work's result", async () => {
      const { board, clock, claim } = await openClaimed();
      const leaseEnd = async () => (await board.getBrief("b"))?.leaseExpiresAt;
      const value = await board.holdClaim(claim, { leaseMs }, async (signal) => {
        for (let n = 0; n < 2; n++) {
          const expected = new Date(clock.read().getTime() + leaseMs).toISOString();
          await expect.poll(leaseEnd, { timeout: 30_000 }).toBe(expected);
          clock.advance(10);
        }
        return { aborted: signal.aborted };
      });
      expect(value).toEqual({ aborted: false });
      expect(await board.getBrief("b")).toMatchObject({ status: "active", attempt: 1, result: null });
    });

    test("reads the claim once, so that a claim which is unreadable later has no effect", async () => {
      const { board, claim } = await openClaimed();
      const { proxy, revoke } = Proxy.revocable({ ...claim }, {});
      const held = board.holdClaim(proxy, { leaseMs }, async () => {
        revoke();
        return 5;
      });
      expect(await held).toBe(5);
    });

    test("rejects with the work's own error, including one thrown synchronously", async () => {
      const { board, claim } = await openClaimed();
      const error = new Error("the work's own");
      await expect(board.holdClaim(claim, { leaseMs }, () => Promise.reject(error))).rejects.toBe(error);
      const throwing = () => {
        throw error;
      };
      await expect(board.holdClaim(claim, { leaseMs }, throwing)).rejects.toBe(error);
      expect(await board.getBrief("b")).toMatchObject({ status: "active", attempt: 1 });
    });

    test("does not start the work when the claim is already lost", async () => {
      const { board, claim } = await openClaimed();
      await board.releaseClaim(claim);
      let begun = false;
      const held = async () =>
        board.holdClaim(claim, { leaseMs }, async () => {
          begun = true;
        });
      await caught(LostClaimError, held);
      expect(begun).toBe(false);
    });

    test("aborts the work when the claim is lost and does not wait for it", async () => {
      const { board, claim } = await openClaimed();
      let given: AbortSignal | undefined;
      const held = board.holdClaim(claim, { leaseMs }, async (signal) => {
        given = signal;
        await board.failBrief("b");
        return await never();
      });
      const error = await caught(LostClaimError, () => held);
      expect(error.current).toEqual({ status: "failed", attempt: 1, claimedBy: "w" });
      expect(given?.reason).toBe(error);
    });

    test("aborts the work with the caller's reason when the caller's signal aborts", async () => {
      const { board, claim } = await openClaimed();
      const controller = new AbortController();
      const reason = new Error("shutting down");
      let given: AbortSignal | undefined;
      const held = board.holdClaim(claim, { leaseMs, signal: controller.signal }, async (signal) => {
        given = signal;
        controller.abort(reason);
        return await never();
      });
      await expect(held).rejects.toBe(reason);
      expect(given?.reason).toBe(reason);
      expect((await board.releaseClaim(claim)).status).toBe("pending");
    });

    test("does nothing when the signal has already aborted", async () => {
      const { board, place, claim } = await openClaimed();
      const before = await place.sql("SELECT * FROM briefs");
      const signal = AbortSignal.abort(new Error("too late"));
      const held = board.holdClaim(claim, { leaseMs, signal }, () => expect.fail("no work was to be done"));
      await expect(held).rejects.toBe(signal.reason);
      expect(await place.sql("SELECT * FROM briefs")).toEqual(before);
    });

    test("rejects for invalid arguments", async () => {
      const { board, claim } = await openClaimed();
      const wrong: [unknown[], string[]][] = [
        [[claim, { leaseMs: 0 }, never], ["leaseMs"]],
        [[claim, { leaseMs: 5, signal: "x" }, never], ["signal"]],
        [[claim, { leaseMs: 5, singal: undefined }, never], ["singal"]],
        [[claim, { leaseMs: 5 }], ["work"]],
        [
          [{}, undefined, never],
          ["claim.brief.briefId", "claim.attempt", "leaseMs"],
        ],
      ];
      for (const [parameters, paths] of wrong) {
        const [given, options, work] = parameters as Parameters<typeof board.holdClaim>;
        const error = await caught(InvalidInputError, () => board.holdClaim(given as Claim, options, work));
        expect(error.issues.map(({ path }) => path)).toEqual(paths);
      }
    });
  });
}
