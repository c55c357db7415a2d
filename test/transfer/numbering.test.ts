/** Event numbers stay exact and distinct, whatever an import or another program writes. */
import { Readable } from "node:stream";
import { DatabaseError, InvalidInputError, importRun, openBlackboard, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { type Site, sites, textOf } from "./places.ts";

const maxSafe = Number.MAX_SAFE_INTEGER;

/** The export of a run with one event of that number. */
async function textWith(seq: number): Promise<string> {
  const root = temporaryFolder();
  using board = openBlackboard({ runId: "r", root });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  board.logEvent("spawned", { eventId: "first" });
  return (await textOf({ runId: "r", root })).replace('"seq":1,', `"seq":${seq},`);
}

/** Moves the counter as another program may. */
async function moveCounter(site: Site, name: string, seq: string): Promise<void> {
  const [table, row] = name === "files" ? ["sqlite_sequence", "name = 'events'"] : ["event_counters", "run_id = 'r'"];
  await site.sql("r", `UPDATE ${table} SET seq = ${seq} WHERE ${row}`);
}

describe.each(sites)("event numbers in %s", (name, make) => {
  test.each([2 ** 52 + 1, maxSafe, 2 ** 53, 2 ** 60])("are rejected from %d on by an import", async (seq) => {
    const site = await make();
    const text = await textWith(seq);
    const error = await caught(InvalidInputError, () => importRun(Readable.from([text]), site.run("r")));
    expect(error.issues[0]?.path).toContain("event.seq");
    expect(await site.contents()).toEqual([]);
  });

  test("continue after an import of the highest one, each of them larger and exact", async () => {
    const site = await make();
    await importRun(Readable.from([await textWith(2 ** 52)]), site.run("r"));
    const board = await site.open("r");
    const claim = await board.claimBrief({ agentId: "a", leaseMs: 1000 });
    if (!claim) throw new Error("nothing was claimed");
    expect((await board.logEvent("failed")).seq).toBe(2 ** 52 + 1);
    await board.completeBrief(claim, {});
    expect((await board.logEvent("failed")).seq).toBe(2 ** 52 + 3);
    const { items } = await board.listEvents();
    expect(items.map(({ seq }) => seq - 2 ** 52)).toEqual([0, 1, 2, 3]);
  });

  test("end with a coded error when another program has moved the counter too far, and nothing is written", async () => {
    const site = await make();
    const board = await site.open("r");
    await board.createRun("a goal");
    for (const briefId of ["b", "c"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
    await board.logEvent("spawned");
    await moveCounter(site, name, String(maxSafe - 1));
    expect((await board.logEvent("spawned", { eventId: "last", briefId: "b" })).seq).toBe(maxSafe);
    for (const counter of [maxSafe, "9007199254740993", "4611686018427387904"]) {
      await moveCounter(site, name, String(counter));
      const before = await board.listBriefs();
      const calls: (() => unknown)[] = [
        () => board.logEvent("failed"),
        () => board.logEvent("failed", { briefId: "b" }),
        () => board.completeBrief("b", {}),
        () => board.spawnBrief({ briefId: "d", tier: 1, role: "coder" }),
        () => board.retryBrief("c"),
      ];
      for (const call of calls) expect((await caught(DatabaseError, call)).message).toContain(String(maxSafe));
      expect(await board.listBriefs()).toEqual(before);
      expect((await board.listEvents()).items).toHaveLength(2);
      // A repeat writes nothing.
      expect((await board.logEvent("spawned", { eventId: "last", briefId: "b" })).seq).toBe(maxSafe);
    }
  });

  test("that are not exact are unreadable instead of equal to others", async () => {
    const site = await make();
    const board = await site.open("r");
    await board.createRun("a goal");
    await board.logEvent("spawned");
    await moveCounter(site, name, "9007199254740992");
    await site.sql(
      "r",
      "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('far', 'r', 'failed', '2026-01-02T03:04:05Z')",
    );
    const error = await caught(UnreadableRowError, () => board.listEvents());
    expect(error).toMatchObject({ entity: "event", id: "far", column: "seq" });
    expect((await board.listEvents({ limit: 1 })).items).toHaveLength(1);
  });
});
