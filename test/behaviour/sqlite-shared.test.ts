/** Two runs in one SQLite file, where an id belongs to one run. */
import { ConflictError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught, caughtUnchanged, everything } from "./engine.ts";
import { sqliteFile } from "./sqlite.ts";

const brief = { tier: 0, role: "coder" };

async function openShared() {
  const place = await sqliteFile.place();
  const mine = await place.open({ runId: "mine" });
  const other = await place.open({ runId: "other" });
  await mine.createRun("a goal");
  await other.createRun("another goal");
  await other.createWorkstream({ workstreamId: "w", name: "api", tier: 0 });
  await other.createBrief({ briefId: "b", ...brief });
  await other.logEvent("spawned", { eventId: "e", briefId: "b" });
  return { place, mine, other };
}

describe("a file that two runs share", () => {
  test("creating with an id of the other run throws ConflictError, even with equal data, and writes nothing", async () => {
    const { place, mine } = await openShared();
    const calls: [string, string, () => unknown][] = [
      ["workstream", "w", () => mine.createWorkstream({ workstreamId: "w", name: "api", tier: 0 })],
      ["brief", "b", () => mine.createBrief({ briefId: "b", ...brief })],
      ["event", "e", () => mine.logEvent("spawned", { eventId: "e" })],
    ];
    for (const [entity, id, call] of calls) {
      const error = await caughtUnchanged(place, ConflictError, call);
      expect(error).toMatchObject({ entity, id, fields: ["runId"] });
    }
  });

  test("reading or updating an id of the other run treats it as missing", async () => {
    const { place, mine } = await openShared();
    expect([await mine.getWorkstream("w"), await mine.getBrief("b")]).toEqual([undefined, undefined]);
    const calls = [
      () => mine.updateWorkstreamStatus("w", "done", { from: "pending" }),
      () => mine.updateBriefStatus("b", "done", { from: "pending" }),
      () => mine.updateBriefResult("b", {}),
      () => mine.incrementBriefRetry("b"),
      () => mine.createBrief({ parentBriefId: "b", ...brief }),
      () => mine.createBrief({ workstreamId: "w", ...brief }),
      () => mine.logEvent("failed", { briefId: "b" }),
    ];
    for (const call of calls) await caughtUnchanged(place, NotFoundError, call);
    expect((await mine.listEvents({ briefId: "b" })).items).toEqual([]);
    expect((await mine.listBriefs({ workstreamId: "w" })).items).toEqual([]);
  });

  test("each run counts, lists and numbers only its own rows", async () => {
    const { mine, other } = await openShared();
    await mine.createBrief({ briefId: "m", ...brief });
    const { seq } = await mine.logEvent("failed");
    await other.logEvent("completed");
    expect(await mine.getRunSummary()).toMatchObject({
      lastSeq: seq,
      goal: "a goal",
      briefs: { pending: 1 },
      workstreams: { pending: 0 },
      events: { failed: 1, spawned: 0, completed: 0 },
    });
    expect((await other.listEvents()).items.map(({ kind }) => kind)).toEqual(["spawned", "completed"]);
    expect((await mine.listBriefs()).items.map(({ briefId }) => briefId)).toEqual(["m"]);
  });

  test("updating the status of one run leaves the other unchanged", async () => {
    const { place, mine } = await openShared();
    const { runs: before } = await everything(place);
    await mine.updateRunStatus("failed");
    const { runs: after } = await everything(place);
    expect(after?.map(({ status }) => status)).toEqual(["failed", "pending"]);
    expect(after?.[1]).toEqual(before?.[1]);
  });

  test("a run without createRun throws NotFoundError although the file contains another run", async () => {
    const { place } = await openShared();
    const third = await place.open({ runId: "third" });
    for (const call of [() => third.createBrief({ briefId: "x", ...brief }), () => third.getRunSummary()]) {
      expect(await caught(NotFoundError, call)).toMatchObject({ entity: "run", id: "third" });
    }
  });
});
