/** The Python reference and this package on one file concurrently. */
import { join } from "node:path";
import Database from "better-sqlite3";
import { type BlackboardEvent, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { startProgram } from "../processes/spawn.ts";
import { hasPython, openReference } from "./reference.ts";

function expectWhole(file: string): void {
  const database = new Database(file, { readonly: true });
  try {
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  } finally {
    database.close();
  }
}

describe.skipIf(!hasPython)("the Python reference", () => {
  test("writes to one file concurrently with this package: nothing is lost, and neither gets an error", async () => {
    const rounds = 200;
    const folder = temporaryFolder();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs") });
    board.createRun("write together");
    board.createBrief({ briefId: "counter", tier: 1, role: "counter" });
    board.updateBriefResult("counter", { counted: 0 });
    for (let n = 0; n < rounds; n++) board.createBrief({ briefId: `prize/${n}`, tier: 1, role: "prize" });

    const ours = startProgram("write-beside", [board.location, "here", `${rounds}`]);
    await ours.line("ready");
    const python = await openReference(folder, "shared");
    ours.say("begin");
    const [written] = await Promise.all([python.write(rounds), ours.finish()]);
    expect(written).toBe(rounds);

    const events: BlackboardEvent[] = [];
    for (let page = board.listEvents(); ; page = board.listEvents({ after: page.next })) {
      events.push(...page.items);
      if (page.next === null) break;
    }
    const by = (name: string) => events.flatMap(({ briefId }, index) => (briefId?.startsWith(name) ? [index] : []));
    expect(by("python/")).toHaveLength(rounds);
    expect(by("here/")).toHaveLength(rounds);
    expect(events).toHaveLength(2 * rounds);
    expect(by("python/")[0], "they wrote at the same time").toBeLessThan(by("here/").at(-1) ?? 0);
    expect(by("here/")[0]).toBeLessThan(by("python/").at(-1) ?? 0);

    expect(board.getBrief("counter")).toMatchObject({ retryCount: 2 * rounds, result: { counted: rounds } });
    expect(board.listBriefs({ role: "python", status: "done", limit: 1000 }).items).toHaveLength(rounds);
    expect(board.listBriefs({ role: "writer", limit: 1000 }).items).toHaveLength(rounds);
    expect(await python.call("get_run_summary")).toMatchObject({
      briefs: { pending: rounds, active: rounds, done: rounds + 1 },
      events: { spawned: 2 * rounds },
    });
    await python.close();
    expectWhole(board.location);
  });

  test("continues to write through a connection that it opened before its file was migrated, and during the migration", async () => {
    const rounds = 400;
    const folder = temporaryFolder();
    const python = await openReference(folder, "shared");
    await python.call("create_run", { goal: "adopted meanwhile" });
    await python.callWithText("create_brief", '{"brief": {"brief_id": "counter", "tier": 1, "role": "counter"}}');
    await python.call("log_event", { kind: "failed" });
    const file = join(folder, "runs", "shared", "blackboard.db");

    const writing = python.write(rounds);
    await eventsBeyond(file, 1);
    using board = openBlackboard({ runId: "shared", file });
    const adoptedAt = board.getRunSummary().lastSeq;
    expect(adoptedAt).toBeLessThan(rounds);
    expect(await writing).toBe(rounds);

    const summary = board.getRunSummary();
    expect(summary.events).toMatchObject({ spawned: rounds, failed: 1 });
    expect(summary.briefs).toMatchObject({ pending: 1, done: rounds });
    expect(summary.lastSeq).toBe(rounds + 1);
    expect(board.getBrief("counter")?.retryCount).toBe(rounds);
    const seqs = board.listEvents({ limit: 1000 }).items.map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: rounds + 1 }, (_, index) => index + 1));
    expect(await python.call("get_run_summary")).toMatchObject({ events: { spawned: rounds, failed: 1 } });
    await python.close();
    expectWhole(file);
  });
});

/** Polls until the file has more than this number of events. */
async function eventsBeyond(file: string, count: number): Promise<void> {
  const database = new Database(file, { readonly: true });
  try {
    const events = database.prepare<[], number>("SELECT count(*) FROM events").pluck();
    while ((events.get() ?? 0) <= count) await new Promise(setImmediate);
  } finally {
    database.close();
  }
}
