/** holdClaim: renews a claim while the work runs and aborts the work when the claim is lost. */
import { getEventListeners } from "node:events";
import { BlackboardError, type Claim, ClosedError, InvalidInputError, LostClaimError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caught, type Engine, openRun, type Place, type StandingClock } from "./engine.ts";

/** Renewed every half second: enough for a server on a busy machine to answer in time. */
const leaseMs = 1500;
/** Renewed every twenty minutes. */
const longLeaseMs = 3_600_000;
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

    test.each<[string, (board: Board, place: Place, clock: StandingClock) => unknown, object]>([
      ["failed by id", (board) => board.failBrief("b"), { code: "LOST_CLAIM", current: { status: "failed" } }],
      ["retried by id", (board) => board.retryBrief("b"), { code: "LOST_CLAIM", current: { status: "pending" } }],
      [
        "set to pending",
        (board) => board.updateBriefStatus("b", "pending"),
        { code: "LOST_CLAIM", current: { claimedBy: null } },
      ],
      [
        "taken over",
        (board, _, clock) => {
          clock.advance(longLeaseMs);
          return board.claimBrief({ agentId: "other", leaseMs: 60_000 });
        },
        { code: "LOST_CLAIM", attempt: 1, current: { status: "active", attempt: 2, claimedBy: "other" } },
      ],
      ["deleted", (_, place) => place.sql("DELETE FROM briefs"), { code: "NOT_FOUND", entity: "brief", id: "b" }],
    ])("aborts the work long before the next renewal when its brief is %s", async (_, lose, expected) => {
      const { board, place, clock, claim } = await openClaimed();
      let given: AbortSignal | undefined;
      const held = board.holdClaim(claim, { leaseMs: longLeaseMs }, async (signal) => {
        given = signal;
        await lose(board, place, clock);
        return await never();
      });
      const error = await caught(BlackboardError, () => held);
      expect(error).toMatchObject(expected);
      expect(given?.reason).toBe(error);
    });

    test("lets work return that finished or released the brief itself, even if a look comes in between", async () => {
      const { board, claim } = await openClaimed();
      await board.createBrief({ briefId: "done", tier: 1, role: "coder" });
      await board.completeBrief("done", {});
      const finishing = board.holdClaim(claim, { leaseMs: longLeaseMs }, async () => {
        const seen = board.waitForBrief("b", { pollMs: 1 });
        // The first look for it has been.
        await board.waitForBrief("done");
        await board.completeBrief(claim, { ok: true });
        // This look saw the held claim, too.
        return (await seen).status;
      });
      expect(await finishing).toBe("done");
    });

    test("of any number of claims on one signal looks at all of them at once and leaves no listener and no warning", async () => {
      const place = await engine.place();
      const looks: string[] = [];
      const logQuery = (query: string) => {
        if (query.startsWith("select")) looks.push(query);
      };
      const board = await place.open({ runId: "run-1", logger: { logQuery } });
      await board.createRun("a goal");
      const warnings: Error[] = [];
      const warned = (warning: Error) => void warnings.push(warning);
      process.on("warning", warned);
      const abort = new AbortController();
      const { signal } = abort;
      const ids = Array.from({ length: 30 }, (_, n) => `b${n}`);
      const claims: Claim[] = [];
      for (const briefId of ids) {
        await board.createBrief({ briefId, tier: 1, role: "coder" });
        claims.push((await board.claimBrief({ agentId: "w", leaseMs: 60_000 })) ?? expect.fail());
      }
      const begun = new Set<string>();
      const held = claims.map((claim) =>
        board.holdClaim(claim, { leaseMs: longLeaseMs, signal }, async () => {
          begun.add(claim.brief.briefId);
          return await never();
        }),
      );
      await expect.poll(() => begun.size, { timeout: 30_000 }).toBe(ids.length);
      looks.length = 0;
      await board.failBrief("b7");
      const [lost] = await Promise.allSettled([held[7]]);
      expect(lost).toMatchObject({ status: "rejected", reason: { code: "LOST_CLAIM", briefId: "b7" } });
      expect(new Set(looks).size).toBe(1);
      const reason = new Error("shutting down");
      abort.abort(reason);
      const ended = await Promise.allSettled(held);
      expect(ended.filter((one) => one.status === "rejected" && one.reason === reason)).toHaveLength(29);
      expect(getEventListeners(signal, "abort")).toEqual([]);
      process.off("warning", warned);
      expect(warnings).toEqual([]);
    });

    test("aborts the work when the blackboard closes", async () => {
      const { board, claim } = await openClaimed();
      const held = board.holdClaim(claim, { leaseMs: longLeaseMs }, async () => {
        void board.close();
        return await never();
      });
      await caught(ClosedError, () => held);
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

    test("save stores progress for the next agent and renews the lease", async () => {
      const { board, clock, claim } = await openClaimed();
      await board.holdClaim(claim, { leaseMs: longLeaseMs }, async (_, save) => {
        clock.advance(1000);
        expect(await save({ step: 1, files: ["a"] })).toBeUndefined();
        expect(await board.getBrief("b")).toMatchObject({
          progress: { step: 1, files: ["a"] },
          leaseExpiresAt: new Date(clock.read().getTime() + longLeaseMs).toISOString(),
        });
        await save({ step: 2 });
      });
      clock.advance(longLeaseMs);
      const next = await board.claimBrief({ agentId: "next", leaseMs: 60_000 });
      expect(next?.brief).toMatchObject({ attempt: 2, progress: { step: 2 } });
    });

    test("stores saves that the work did not wait for one after the other, as they were when they were made, before it resolves", async () => {
      const { board, claim } = await openClaimed();
      let running = 0;
      const stored: unknown[] = [];
      const call = board.renewClaim.bind(board);
      board.renewClaim = (async (held: Claim, options: { leaseMs: number; progress?: object }) => {
        expect(++running).toBe(1);
        const renewed = await call(held, options);
        if (options.progress) stored.push(renewed.brief.progress);
        running--;
        return renewed;
      }) as never;
      const value = await board.holdClaim(claim, { leaseMs }, async (_, save) => {
        const progress = { step: 0 };
        for (; progress.step < 20; progress.step++) void save(progress);
        return progress.step;
      });
      expect(value).toBe(20);
      expect(stored).toEqual(Array.from({ length: 20 }, (_, step) => ({ step })));
      expect((await board.getBrief("b"))?.progress).toEqual({ step: 19 });
    });

    test("save rejects for what JSON cannot hold, and the claim stays held", async () => {
      const { board, claim } = await openClaimed();
      await board.holdClaim(claim, { leaseMs: longLeaseMs }, async (signal, save) => {
        for (const progress of [{ at: new Date() }, null, [], "text"]) {
          const error = await caught(InvalidInputError, () => save(progress as object));
          expect(error.issues[0]?.path).toMatch(/^progress/);
        }
        expect(signal.aborted).toBe(false);
        await save({ fine: true });
      });
      expect((await board.getBrief("b"))?.progress).toEqual({ fine: true });
    });

    test("save rejects when the claim is lost, aborts the work, and stores nothing", async () => {
      const { board, claim } = await openClaimed();
      let given: unknown;
      let reason: unknown;
      const held = board.holdClaim(claim, { leaseMs: longLeaseMs }, async (signal, save) => {
        await save({ step: 1 });
        await board.failBrief("b");
        given = await save({ step: 2 }).catch((error) => error);
        reason = signal.reason;
        return await never();
      });
      const error = await caught(LostClaimError, () => held);
      expect(given).toBe(error);
      expect(reason).toBe(error);
      expect((await board.getBrief("b"))?.progress).toEqual({ step: 1 });
    });

    test("save rejects with ClosedError after the work has ended, and with the reason after it was aborted", async () => {
      const { board, claim } = await openClaimed();
      const save = await board.holdClaim(claim, { leaseMs: longLeaseMs }, async (_, given) => given);
      const error = await caught(ClosedError, () => save({ step: 1 }));
      expect(error.message).toContain('"b"');
      const abort = new AbortController();
      const reason = new Error("shutting down");
      let aborted: typeof save | undefined;
      const held = board.holdClaim(claim, { leaseMs: longLeaseMs, signal: abort.signal }, async (_, given) => {
        aborted = given;
        abort.abort(reason);
        return await never();
      });
      await expect(held).rejects.toBe(reason);
      await expect(aborted?.({ step: 1 })).rejects.toBe(reason);
      expect((await board.getBrief("b"))?.progress).toBeNull();
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
