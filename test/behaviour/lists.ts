/** Operations on lists: each entry is treated as by the operation on a single one, in one commit and a few statements. */
import { type Claim, ConflictError, NotFoundError, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { claimLists } from "./claim-lists.ts";
import { completeLists } from "./complete-lists.ts";
import { caught, caughtUnchanged, type Engine, everything, inTransaction, openRun, outcome } from "./engine.ts";
import { claimedIds, coder, request } from "./list-samples.ts";
import { spawnLists } from "./spawn-lists.ts";

export function lists(engine: Engine): void {
  /** A blackboard that counts its statements. */
  async function openCounting() {
    const place = await engine.place();
    const statements = { n: 0 };
    const logger = { logQuery: () => void statements.n++ };
    const board = await place.open({ runId: "run-1", logger });
    await board.createRun("a goal");
    const counted = async (call: () => unknown) => {
      statements.n = 0;
      await call();
      return statements.n;
    };
    return { board, counted };
  }

  spawnLists(engine);
  claimLists(engine);
  completeLists(engine);

  describe("lists", () => {
    test("take a number of statements that does not grow with their length", async () => {
      const { board, counted } = await openCounting();
      await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 0 });
      await board.createBrief(coder("root"));
      for (const count of [1, 200, 1000]) {
        const list = Array.from({ length: count }, (_, n) =>
          coder(`${count}-${n}`, {
            parentBriefId: "root",
            workstreamId: "ws",
            after: n > 9 ? [`${count}-${n % 10}`] : [],
          }),
        );
        const bound = count <= 200 ? 24 : 44;
        expect(await counted(() => board.spawnBriefs(list))).toBeLessThanOrEqual(bound);
        expect(await counted(() => board.spawnBriefs(list))).toBeLessThanOrEqual(bound);
        let claims: Claim[] = [];
        expect(
          await counted(async () => {
            claims = await board.claimBriefs({ ...request, leaseMs: 1, limit: count });
          }),
        ).toBeLessThanOrEqual(bound);
        expect(await counted(() => board.renewClaims(claims, { leaseMs: 60_000 }))).toBeLessThanOrEqual(bound);
        const completions = claims.map((claim) => ({ ref: claim, result: { ok: true } }));
        expect(await counted(() => board.completeBriefs(completions))).toBeLessThanOrEqual(bound);
        expect(await counted(() => board.completeBriefs(completions))).toBeLessThanOrEqual(bound);
        expect(claims.length).toBeGreaterThan(0);
      }
    });

    test("belong to the transaction that they are called in", async () => {
      const { board, place } = await openRun(engine);
      const before = await everything(place);
      const failing = async () =>
        await inTransaction(board, function* (tx) {
          yield* outcome(tx.spawnBriefs([coder("a"), coder("b", { after: ["a"] })]));
          const claims = yield* outcome(tx.claimBriefs({ ...request, limit: 5 }));
          expect(claimedIds(claims)).toEqual(["a"]);
          const { renewed } = yield* outcome(tx.renewClaims(claims, { leaseMs: 1000 }));
          const completed = yield* outcome(tx.completeBriefs(renewed.map((claim) => ({ ref: claim, result: {} }))));
          expect(completed[0]?.brief?.status).toBe("done");
          expect(claimedIds(yield* outcome(tx.claimBriefs({ ...request, limit: 5 })))).toEqual(["b"]);
          yield* outcome(tx.updateBriefStatus("nobody", "done"));
        });
      await caught(NotFoundError, failing);
      expect(await everything(place)).toEqual(before);
    });

    test("an event id that newId returns twice is a ConflictError, and nothing is written", async () => {
      const { board, place } = await openRun(engine, { newId: () => "same" });
      await caughtUnchanged(place, ConflictError, () => board.spawnBriefs([coder("a"), coder("b")]));
      await board.createBrief(coder("a"));
      await board.createBrief(coder("b"));
      const error = await caughtUnchanged(place, ConflictError, () =>
        board.completeBriefs([
          { ref: "a", result: {} },
          { ref: "b", result: {} },
        ]),
      );
      expect(error).toMatchObject({ entity: "event", id: "same" });
    });

    test("a brief that cannot be read is an UnreadableRowError, and nothing is written", async () => {
      const { board, place } = await openRun(engine);
      await board.spawnBriefs([coder("a"), coder("b")]);
      const claims = await board.claimBriefs({ ...request, limit: 2 });
      await place.sql("UPDATE briefs SET payload = '[1]' WHERE brief_id = 'b'");
      await caughtUnchanged(place, UnreadableRowError, () => board.renewClaims(claims, { leaseMs: 1000 }));
      await caughtUnchanged(place, UnreadableRowError, () =>
        board.completeBriefs(claims.map((claim) => ({ ref: claim, result: {} }))),
      );
    });
  });
}
