/** Briefs corrupted by another program: no claim takes them, and they do not block other briefs. */
import { getTableColumns } from "drizzle-orm";
import { type BriefStatus, reportRun, summarizeRun } from "run-blackboard";
import { briefs } from "run-blackboard/schema";
import { describe, expect, test } from "vitest";
import { type Engine, openRun } from "./engine.ts";

const request = { agentId: "w-1", leaseMs: 1000 };
const claims: [string, object][] = [
  ["any brief", {}],
  ["a role", { role: "coder" }],
  ["several roles", { role: ["tester", "coder"] }],
  ["a tier", { tier: 1 }],
  ["a workstream", { workstreamId: "ws", role: ["coder"] }],
];

const jsonColumns = Object.values(getTableColumns(briefs)).flatMap(({ name, dataType }) =>
  // "object json" in Drizzle 1.0.
  dataType.endsWith("json") ? [name] : [],
);

/** Corruptions that both engines allow another program to write. */
const spoilings: [string, string][] = [
  ...jsonColumns.map((name): [string, string] => [`the array [1] for ${name}`, `${name} = '[1]'`]),
  ["a payload that is a text", `payload = '"text"'`],
  ["a long payload that is an array", `payload = '["${"x".repeat(100_000)}"]'`],
  ["a result that is a number", "result = '5'"],
  ["an attempt at its maximum", "attempt = 2147483647"],
  ["a negative attempt", "attempt = -7"],
  ["an empty id", "brief_id = ''"],
  ["an id that is too long", `brief_id = '${"x".repeat(257)}'`],
];

export function spoilt(engine: Engine, more: readonly [string, string][] = []): void {
  describe.each([...spoilings, ...more])("a brief with %s", (_, spoil) => {
    async function openWith(...ids: string[]) {
      const opened = await openRun(engine);
      const { board, clock, place } = opened;
      await board.createWorkstream({ workstreamId: "ws", name: "api", tier: 1 });
      for (const briefId of ids) {
        clock.advance(1000);
        await board.createBrief({ briefId, tier: 1, role: "coder", workstreamId: "ws" });
      }
      const spoilOne = async (id: string) => {
        await place.sql(`UPDATE briefs SET tier = 77 WHERE brief_id = '${id}'`);
        await place.sql(`UPDATE briefs SET ${spoil} WHERE brief_id = '${id}'`);
      };
      const spoiltRows = () => place.sql("SELECT * FROM briefs WHERE tier = 77");
      return { ...opened, spoilOne, spoiltRows };
    }

    test.each(claims)("is skipped by a claim of %s while it is pending, and stays unchanged", async (_name, asked) => {
      const { board, place, spoilOne } = await openWith("a", "b", "c");
      await spoilOne("a");
      await place.sql("UPDATE briefs SET tier = 1");
      const before = await place.sql("SELECT * FROM briefs ORDER BY created_at LIMIT 1");
      for (const id of ["b", "c"]) {
        expect(await board.claimBrief({ ...request, ...asked })).toMatchObject({ attempt: 1, brief: { briefId: id } });
      }
      expect(await board.claimBrief({ ...request, ...asked })).toBeUndefined();
      expect(await place.sql("SELECT * FROM briefs ORDER BY created_at LIMIT 1")).toEqual(before);
    });

    test("is skipped in the middle of the queue and at its end", async () => {
      const { board, spoilOne } = await openWith("a", "b", "c", "d");
      for (const id of ["b", "d"]) if (!spoil.startsWith("brief_id") || id === "b") await spoilOne(id);
      const order: (string | undefined)[] = [];
      for (let n = 0; n < 3; n++) order.push((await board.claimBrief({ ...request, tier: 1 }))?.brief.briefId);
      expect(order.slice(0, 2)).toEqual(["a", "c"]);
    });

    test.each([undefined, 0, 1])(
      "is skipped when its claim has expired, and the next one is taken over (maxRetries: %s)",
      async (maxRetries) => {
        const { board, clock, spoilOne, spoiltRows } = await openWith("a", "b", "c");
        for (let n = 0; n < 2; n++) await board.claimBrief({ agentId: "w-0", leaseMs: 10 + n });
        await spoilOne("a");
        const before = await spoiltRows();
        clock.advance(1000);
        const claim = await board.claimBrief({ ...request, maxRetries });
        if (maxRetries === 0) {
          expect(claim?.brief.briefId).toBe("c");
          expect(await board.getBrief("b")).toMatchObject({ status: "failed" });
        } else {
          expect(claim).toMatchObject({ attempt: 2, brief: { briefId: "b", retryCount: 1 } });
          expect((await board.claimBrief(request))?.brief.briefId).toBe("c");
        }
        expect(await board.claimBrief({ ...request, maxRetries })).toBeUndefined();
        expect(await spoiltRows()).toEqual(before);
        const { items } = await board.listEvents();
        expect(items.map(({ briefId }) => briefId)).toEqual(["b"]);
      },
    );

    test("is counted by the run's summary, pending or with an expired claim, and conceals no other brief", async () => {
      const { board, clock, place, spoilOne } = await openWith("a", "b", "c");
      await board.claimBrief({ ...request, leaseMs: 100 });
      await spoilOne("a");
      expect(await summarizeRun(board)).toMatchObject({ unclaimable: 0, briefs: { pending: 2, active: 1 } });
      clock.advance(5000);
      expect(await summarizeRun(board)).toMatchObject({ unclaimable: 1, expiredLeases: 1 });
      await place.sql(
        "UPDATE briefs SET status = 'pending', claimed_by = NULL, lease_expires_at = NULL WHERE tier = 77",
      );
      expect(await summarizeRun(board)).toMatchObject({ unclaimable: 1, expiredLeases: 0, briefs: { pending: 3 } });
      expect(await reportRun(board)).toContain("a goal");
      const finished: BriefStatus = "done";
      await place.sql(`UPDATE briefs SET status = '${finished}' WHERE tier = 77`);
      expect(await summarizeRun(board)).toMatchObject({ unclaimable: 0 });
    });

    test("does not keep other briefs from being listed, watched, finished and awaited", async () => {
      const { board, spoilOne } = await openWith("a", "b");
      await spoilOne("a");
      const claim = await board.claimBrief(request);
      if (!claim) throw new Error("nothing was claimed");
      expect((await board.listBriefs({ tier: 1 })).items).toMatchObject([{ briefId: "b" }]);
      await board.completeBrief(claim, { ok: true });
      for await (const event of board.watchEvents()) {
        expect(event).toMatchObject({ kind: "completed", briefId: "b" });
        break;
      }
    });
  });
}
