/** Prepared statements also exist on the server, as long as their connection. */
import { describe, expect, test } from "vitest";
import { maxKept } from "../../src/engine/kept.ts";
import { freshSchema, hasServer, newPool, openRun } from "./fresh.ts";

describe.skipIf(!hasServer)("the prepared statements of a connection on the server", () => {
  async function openOnOneConnection() {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const count = async () => {
      const { rows } = await pool.query("SELECT count(*) AS n FROM pg_prepared_statements");
      return Number(rows[0].n);
    };
    const open = (runId: string) => openRun(schema, { connection: pool, runId });
    return { open, count };
  }

  test("do not increase over 1,000 role lists of different lengths", async () => {
    const { open, count } = await openOnOneConnection();
    const board = await open("run-1");
    const ask = async (length: number) => {
      const role = Array.from({ length }, (_, n) => `role ${n}`);
      await board.listBriefs({ role });
      await board.claimBrief({ agentId: "a", leaseMs: 1000, role });
    };
    await ask(2);
    const before = await count();
    for (let length = 3; length < 1000; length++) await ask(length);
    expect(await count()).toBe(before);
  });

  test("have a limit shared by all blackboards of the connection; queries beyond it still succeed", async () => {
    const { open, count } = await openOnOneConnection();
    for (const runId of ["run-1", "run-2"]) {
      const board = await open(runId);
      for (const id of ["a", "b"]) await board.createBrief({ briefId: `${runId} ${id}`, tier: 1, role: "a" });
      const { next } = await board.listBriefs({ limit: 1 });
      for (const status of [undefined, "active", ["active", "done"], ["active", "done", "failed"]] as const)
        for (const role of [undefined, "a", ["a", "b"]])
          for (const tier of [undefined, 1])
            for (const workstreamId of [undefined, null, "w"])
              for (const parentBriefId of [undefined, null, "p"])
                for (const after of [undefined, next ?? ""]) {
                  const { items } = await board.listBriefs({ status, role, tier, workstreamId, parentBriefId, after });
                  const found = status === undefined && !workstreamId && !parentBriefId;
                  expect(items).toHaveLength(found ? (after === undefined ? 2 : 1) : 0);
                }
      expect(await board.claimBrief({ agentId: "a", leaseMs: 1000 })).toMatchObject({ attempt: 1 });
      expect(await board.claimBrief({ agentId: "a", leaseMs: 1000, role: ["a", "b"] })).toMatchObject({ attempt: 1 });
      expect(await board.claimBrief({ agentId: "a", leaseMs: 1000 })).toBeUndefined();
    }
    expect(await count()).toBe(maxKept);
  });
});
