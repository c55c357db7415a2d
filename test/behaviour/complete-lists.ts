/** Completing lists: each entry is treated as by `completeBrief`, in one commit. */
import { TransitionError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type Engine, openRun, refused } from "./engine.ts";

import { claimedIds, coder, eventsOf, request } from "./list-samples.ts";

export function completeLists(engine: Engine): void {
  describe("completeBriefs", () => {
    async function openClaimed(count: number) {
      const opened = await openRun(engine);
      await opened.board.spawnBriefs(Array.from({ length: count }, (_, n) => coder(`b${n}`)));
      const claims = await opened.board.claimBriefs({ ...request, limit: count });
      opened.clock.advance(10);
      return { ...opened, claims };
    }

    test("stores each result and logs completed with its detail, in the order of the list", async () => {
      const { board, clock, claims } = await openClaimed(3);
      const [a, b, c] = claims;
      if (!a || !b || !c) throw new Error("not claimed");
      const completed = await board.completeBriefs([
        { ref: c, result: { n: 3 }, detail: { ms: 5 } },
        { ref: "b0", result: { text: "é\"'\\" } },
        { ref: { brief: { briefId: "b1" }, attempt: 1 }, result: {} },
      ]);
      expect(completed).toStrictEqual(
        await Promise.all(["b2", "b0", "b1"].map(async (id) => ({ brief: await board.getBrief(id) }))),
      );
      expect(completed[1]?.brief).toMatchObject({
        status: "done",
        result: { text: "é\"'\\" },
        claimedBy: "w-1",
        leaseExpiresAt: null,
        updatedAt: clock.text,
      });
      expect((await eventsOf(board)).slice(3)).toEqual([
        ["completed", "b2", { ms: 5 }],
        ["completed", "b0", {}],
        ["completed", "b1", {}],
      ]);
    });

    test("those that are refused don't keep the others from being completed", async () => {
      const { board, claims } = await openClaimed(4);
      const [a, b, c, d] = claims;
      if (!a || !b || !c || !d) throw new Error("not claimed");
      await board.completeBrief(a, { n: 1 });
      await board.retryBrief(b);
      await board.failBrief(c);
      const completed = await board.completeBriefs([
        { ref: a, result: { n: 1 } },
        { ref: a, result: { n: 2 } },
        { ref: b, result: {} },
        { ref: "b2", result: {} },
        { ref: d, result: { n: 4 } },
        { ref: "nobody", result: {} },
        { ref: "b1", result: {} },
      ]);
      expect(completed.map(({ brief, error }) => brief?.briefId ?? error?.code)).toEqual([
        "b0",
        "LOST_CLAIM",
        "LOST_CLAIM",
        "TRANSITION",
        "b3",
        "NOT_FOUND",
        "b1",
      ]);
      expect(completed[0]).toEqual({ brief: await board.getBrief("b0") });
      expect(completed[3]?.error).toBeInstanceOf(TransitionError);
      expect((await eventsOf(board)).filter(([kind]) => kind === "completed").map(([, id]) => id)).toEqual([
        "b0",
        "b3",
        "b1",
      ]);
    });

    test("several completions of one brief are decided one after another", async () => {
      const { board, claims } = await openClaimed(2);
      const [a, b] = claims;
      if (!a || !b) throw new Error("not claimed");
      const stale = { brief: { briefId: "b0" }, attempt: 7 };
      const completed = await board.completeBriefs([
        { ref: stale, result: { n: 0 } },
        { ref: a, result: { n: 1 } },
        { ref: a, result: { n: 1 } },
        { ref: a, result: { n: 2 } },
        { ref: "b0", result: { n: 1 } },
        ...Array.from({ length: 200 }, () => ({ ref: stale, result: {} })),
      ]);
      expect(completed.slice(0, 5).map(({ brief, error }) => brief?.result ?? error?.code)).toEqual([
        "LOST_CLAIM",
        { n: 1 },
        { n: 1 },
        "LOST_CLAIM",
        "TRANSITION",
      ]);
      expect((await eventsOf(board)).filter(([kind]) => kind === "completed")).toHaveLength(1);
    });

    test("releases what comes after the completed briefs, also when that is completed in the same list", async () => {
      const { board } = await openRun(engine);
      await board.spawnBriefs([
        coder("a"),
        coder("b"),
        coder("last", { after: ["a", "b"] }),
        coder("end", { after: ["last"] }),
      ]);
      const completed = await board.completeBriefs([
        { ref: "last", result: {} },
        { ref: "a", result: {} },
        { ref: "b", result: {} },
      ]);
      expect(completed[0]?.brief).toStrictEqual(await board.getBrief("last"));
      expect(completed[0]?.brief?.waitsFor).toBe(0);
      expect(claimedIds(await board.claimBriefs({ ...request, limit: 5 }))).toEqual(["end"]);
    });

    test("names a faulty completion by its index", async () => {
      const { board, place, claims } = await openClaimed(1);
      const wrong = [
        { ref: claims[0], result: [] },
        { ref: { attempt: 1, brief: { briefId: "" } }, result: {} },
        { ref: 5, result: {}, detail: 1 },
        { ref: "a", result: {}, x: 1 },
        5,
      ] as unknown as Parameters<typeof board.completeBriefs>[0];
      await refused(
        place,
        [
          "completions[0].result",
          "completions[1].ref.brief.briefId",
          "completions[2].ref",
          "completions[2].detail",
          "completions[3].x",
          "completions[4]",
          "completions[4].ref",
          "completions[4].result",
        ],
        () => board.completeBriefs(wrong),
      );
      await refused(place, ["completions"], () => board.completeBriefs([]));
    });

    test("validates results by the roles' schemas before anything is written, but for briefs that don't exist", async () => {
      const place = await engine.place();
      const roles = { coder: { result: z.object({ n: z.number() }) } };
      const board = await place.open({ runId: "run-1", roles });
      await board.createRun("a goal");
      await board.spawnBriefs([coder("a"), coder("b")]);
      await refused(place, ["completions[1].result.n"], () =>
        board.completeBriefs([
          { ref: "a", result: { n: 1 } },
          { ref: "b", result: { n: "x" } },
        ]),
      );
      const completed = await board.completeBriefs([
        { ref: "nobody", result: { n: "x" } },
        { ref: "a", result: { n: 1, more: 2 } },
      ]);
      expect(completed[0]?.error?.code).toBe("NOT_FOUND");
      expect(completed[1]?.brief?.result).toEqual({ n: 1 });
    });
  });
}
