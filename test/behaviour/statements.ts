/** Statements are prepared once and kept, so their number must not depend on the arguments. */
import { type EventKind, eventKinds } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Engine, StandingClock } from "./engine.ts";

export function statements(engine: Engine): void {
  describe("the statements that a blackboard keeps", () => {
    async function openLogged() {
      const place = await engine.place();
      const texts = new Set<string>();
      const logger = { logQuery: (text: string) => void texts.add(text) };
      const board = await place.open({ runId: "run-1", clock: new StandingClock().read, logger });
      await board.createRun("a goal");
      return { board, texts };
    }

    test("are the same for role lists of any length and order, and return the right briefs", async () => {
      const { board, texts } = await openLogged();
      await board.createBrief({ briefId: "b", tier: 1, role: "role 1" });
      await board.createBrief({ briefId: "quoted", tier: 1, role: `"'],\\ é\u{1f600}` });
      const listOf = (n: number, role: string) => [...Array.from({ length: n }, (_, i) => `other ${n} ${i}`), role];
      const idsOf = async (role: string[]) => (await board.listBriefs({ role })).items.map(({ briefId }) => briefId);
      expect(await idsOf(listOf(2, "role 1"))).toEqual(["b"]);
      expect(await idsOf(["role 1", `"'],\\ é\u{1f600}`])).toEqual(["b", "quoted"]);
      expect(await board.claimBrief({ agentId: "a", leaseMs: 1000, role: listOf(2, "none") })).toBeUndefined();
      const before = texts.size;
      for (let n = 3; n < 1000; n++) {
        expect(await idsOf(listOf(n, n % 2 ? "role 1" : "none"))).toEqual(n % 2 ? ["b"] : []);
        expect(await board.claimBrief({ agentId: "a", leaseMs: 1000, role: listOf(n, "none") })).toBeUndefined();
      }
      expect(texts.size).toBe(before);
      const last = await board.claimBrief({ agentId: "a", leaseMs: 1000, role: listOf(40_000, "role 1") });
      expect(last?.brief.briefId).toBe("b");
    });

    test("are the same for event kinds in any order and with duplicates", async () => {
      const { board, texts } = await openLogged();
      for (const kind of eventKinds) await board.logEvent(kind);
      const ordered: EventKind[] = ["spawned", "failed", "retried"];
      const expected = await board.listEvents({ kinds: ordered });
      const before = texts.size;
      const others: EventKind[][] = [
        ["retried", "failed", "spawned"],
        ["failed", "spawned", "retried", "failed"],
      ];
      for (const kinds of others) expect(await board.listEvents({ kinds })).toEqual(expected);
      expect(texts.size).toBe(before);
    });
  });
}
