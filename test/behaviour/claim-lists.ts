/** Claiming and renewing lists: each entry is treated as by the operation on a single one, in one commit. */
import { type Claim, LostClaimError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Engine, everything, openRun, refused } from "./engine.ts";

import { claimedIds, coder, request } from "./list-samples.ts";

export function claimLists(engine: Engine): void {
  describe("claimBriefs", () => {
    test("returns the briefs that as many single claims return, in the same order", async () => {
      const list = [
        coder("a"),
        coder("b", { priority: 5 }),
        coder("c", { role: "tester" }),
        coder("d", { after: ["a"] }),
        coder("😀"),
        coder("\uffee"),
        coder("e", { priority: -1 }),
      ];
      for (const limit of [1, 2, 4, 1000]) {
        const single = await openRun(engine);
        const many = await openRun(engine);
        for (const { board } of [single, many]) await board.spawnBriefs(list);
        const expected: Claim[] = [];
        while (expected.length < limit) {
          const claim = await single.board.claimBrief(request);
          if (!claim) break;
          expected.push(claim);
        }
        expect(await many.board.claimBriefs({ ...request, limit })).toStrictEqual(expected);
        expect(await everything(many.place)).toMatchObject({ briefs: (await everything(single.place)).briefs });
      }
    });

    test("takes expired claims over first, and fails those that are out of retries, with their events", async () => {
      const opened = [];
      for (const many of [true, false]) {
        let n = 0;
        const { board, clock, place } = await openRun(engine, { newId: () => `id-${n++}` });
        await board.spawnBriefs(["a", "b", "c", "d", "e"].map((id) => coder(id, { retryCount: id === "b" ? 3 : 0 })));
        for (let k = 0; k < 4; k++) await board.claimBrief({ ...request, leaseMs: 1000 + k });
        clock.advance(1100);
        const wanted = { agentId: "w-2", leaseMs: 500, maxRetries: 3 };
        const claims = many ? await board.claimBriefs({ ...wanted, limit: 4 }) : [];
        for (let k = 0; k < 4 && !many; k++) {
          const claim = await board.claimBrief(wanted);
          if (claim) claims.push(claim);
        }
        expect(claimedIds(claims)).toEqual(["a", "c", "d", "e"]);
        opened.push({ claims, rows: await everything(place) });
      }
      const [one, other] = opened;
      expect(one?.claims).toStrictEqual(other?.claims);
      expect(one?.rows.briefs).toEqual(other?.rows.briefs);
      const details = (rows = one?.rows) => rows?.events?.map(({ kind, brief_id, detail }) => [kind, brief_id, detail]);
      expect(details()).toEqual(details(other?.rows));
    });

    test("returns [] without a brief to claim, a run, or while the run holds claims back", async () => {
      const { board, place } = await openRun(engine);
      expect(await board.claimBriefs({ ...request, limit: 5 })).toEqual([]);
      await board.createBrief(coder("a"));
      expect(await board.claimBriefs({ ...request, limit: 5, role: [] })).toEqual([]);
      await board.updateRunStatus("done");
      expect(await board.claimBriefs({ ...request, limit: 5 })).toEqual([]);
      const other = await place.open({ runId: "run-2" });
      expect(await other.claimBriefs({ ...request, limit: 5 })).toEqual([]);
    });

    test("passes over blocked workstreams and briefs before their time, and includes those whose time has come", async () => {
      const { board, clock } = await openRun(engine);
      await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 0 });
      const soon = new Date(clock.read().getTime() + 100);
      const late = new Date(clock.read().getTime() + 101);
      await board.spawnBriefs([
        coder("a", { workstreamId: "ws" }),
        coder("b"),
        coder("c", { notBefore: soon, priority: 1 }),
        coder("d", { notBefore: late }),
        coder("e", { workstreamId: "ws", priority: 2 }),
        coder("f"),
      ]);
      await board.updateWorkstreamStatus("ws", "blocked");
      clock.advance(100);
      expect(claimedIds(await board.claimBriefs({ ...request, limit: 10 }))).toEqual(["c", "b", "f"]);
      await board.updateWorkstreamStatus("ws", "active");
      expect(claimedIds(await board.claimBriefs({ ...request, limit: 10 }))).toEqual(["e", "a"]);
    });

    test("refuses a limit that is not an integer from 1 to 1,000, and every option that claimBrief refuses", async () => {
      const { board, place } = await openRun(engine);
      for (const limit of [0, 1001, 1.5, "5", undefined]) {
        await refused(place, ["limit"], () => board.claimBriefs({ ...request, limit: limit as number }));
      }
      await refused(place, ["agentId", "leaseMs", "x"], () =>
        board.claimBriefs({ agentId: "", leaseMs: 0, limit: 1, x: 1 } as typeof request & { limit: number }),
      );
    });
  });

  describe("renewClaims", () => {
    async function openClaimed(count: number) {
      const opened = await openRun(engine);
      await opened.board.spawnBriefs(Array.from({ length: count }, (_, n) => coder(`b${n}`)));
      return { ...opened, claims: await opened.board.claimBriefs({ ...request, limit: count }) };
    }

    test("extends each lease and returns the claims in the order of the list", async () => {
      const { board, clock, claims } = await openClaimed(3);
      clock.advance(400);
      const list = [...claims].reverse();
      const { renewed, lost } = await board.renewClaims(list, { leaseMs: 5000 });
      const end = new Date(clock.read().getTime() + 5000).toISOString();
      expect(lost).toEqual([]);
      expect(renewed).toStrictEqual(
        await Promise.all(
          list.map(async (claim) => ({
            ...claim,
            leaseExpiresAt: end,
            brief: await board.getBrief(claim.brief.briefId),
          })),
        ),
      );
    });

    test("those that are lost don't keep the others from being renewed", async () => {
      const { board, place, clock, claims } = await openClaimed(4);
      const [a, b, c, d] = claims;
      if (!a || !b || !c || !d) throw new Error("not claimed");
      await board.completeBrief(a, {});
      await board.retryBrief(b);
      await place.sql("DELETE FROM briefs WHERE brief_id = 'b2'");
      clock.advance(10);
      const { renewed, lost } = await board.renewClaims([a, d, c, b, d], { leaseMs: 1000 });
      expect(claimedIds(renewed)).toEqual(["b3", "b3"]);
      expect(lost.map(({ code }) => code)).toEqual(["LOST_CLAIM", "NOT_FOUND", "LOST_CLAIM"]);
      expect(lost[0]).toBeInstanceOf(LostClaimError);
      expect(lost[0]).toMatchObject({ briefId: "b0", attempt: 1, current: { status: "done", claimedBy: "w-1" } });
      expect((await board.getBrief("b3"))?.updatedAt).toBe(clock.text);
    });

    test("names a faulty claim by its index", async () => {
      const { board, place, claims } = await openClaimed(1);
      const wrong = [claims[0], { brief: {}, attempt: -1 }, 5] as Claim[];
      await refused(
        place,
        ["claims[1].attempt", "claims[1].brief.briefId", "claims[2]", "claims[2].attempt", "claims[2].brief.briefId"],
        () => board.renewClaims(wrong, { leaseMs: 1000 }),
      );
      await refused(place, ["claims", "leaseMs"], () => board.renewClaims([], { leaseMs: 0 }));
      await refused(place, ["progress"], () =>
        board.renewClaims(claims, { leaseMs: 1000, progress: {} } as { leaseMs: number }),
      );
    });
  });
}
