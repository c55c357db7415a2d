/** The Python reference on files of this package, one after the other. */
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard, type RunSummary, verifyBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { hasPython, openReference } from "./reference.ts";

/** A summary in the reference's form: its names, without zero counts. */
function inPython({ runId, goal, status, createdAt, updatedAt, workstreams, briefs, events }: RunSummary) {
  const present = (counts: Record<string, number>) =>
    Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
  return {
    ...{ run_id: runId, goal, status, created_at: createdAt, updated_at: updatedAt },
    ...{ workstreams: present(workstreams), briefs: present(briefs), events: present(events) },
  };
}

function schemaOf(file: string): unknown[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid").all();
  } finally {
    database.close();
  }
}

const microseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/;

describe.skipIf(!hasPython)("the Python reference", () => {
  test("reads what this package writes", async () => {
    const folder = temporaryFolder();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs") });
    board.createRun("Read it in Python – Übersicht ✓");
    board.updateRunStatus("review");
    board.createWorkstream({ workstreamId: "w-1", name: "one", tier: 1 });
    board.updateWorkstreamStatus("w-1", "blocked");
    for (const briefId of ["b-1", "b-2", "b-3"])
      board.createBrief({ briefId, workstreamId: "w-1", tier: 1, role: "coder" });
    board.updateBriefResult("b-2", { ok: true });
    board.logEvent("spawned", { briefId: "b-1", detail: { by: "here" } });
    board.logEvent("escalated");
    const reference = await openReference(folder, "shared");
    expect(await reference.call("get_run_summary")).toEqual(inPython(board.getRunSummary()));
    await reference.close();
  });

  test("writes to a current file with each of its methods, and this package reads all of it", async () => {
    const folder = temporaryFolder();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs") });
    const before = schemaOf(board.location);
    const reference = await openReference(folder, "shared");
    expect(schemaOf(board.location)).toEqual(before);

    await reference.call("create_run", { goal: "Write it in Python" });
    await reference.call("create_run", { goal: "ignored, since there is one" });
    await reference.call("update_run_status", { status: "active" });
    await reference.call("create_workstream", {
      workstream_id: "w-1",
      name: "Übersicht",
      tier: 2,
      owner_agent_id: "lead",
    });
    const workstreamId = await reference.call("create_workstream", { name: "without an id", tier: 3 });
    await reference.call("update_workstream_status", { workstream_id: "w-1", status: "blocked" });
    const brief = {
      brief_id: "b-1",
      tier: 1,
      role: "architect",
      note: "naïve “quotes”\n\ttab \u{1F9E9}",
      limits: [1, 2.5],
    };
    await reference.call("create_brief", { brief });
    const child = { brief_id: "b-2", tier: 2, role: "coder", parent_brief_id: "b-1", retry_count: 3 };
    await reference.call("create_brief", { brief: child, workstream_id: "w-1" });
    await reference.call("update_brief_status", { brief_id: "b-2", status: "active" });
    await reference.call("increment_brief_retry", { brief_id: "b-2" });
    await reference.call("update_brief_result", { brief_id: "b-1", result: { ok: true, Größe: null } });
    const eventIds = [
      await reference.call("log_event", { kind: "spawned", brief_id: "b-1", detail: { by: "Python" } }),
      await reference.call("log_event", { kind: "completed" }),
    ];
    const summary = await reference.call("get_run_summary");
    await reference.close();

    expect(board.getRun()).toMatchObject({ goal: "Write it in Python", status: "active" });
    expect(board.getRun()?.updatedAt).toMatch(microseconds);
    expect(board.listWorkstreams().items).toMatchObject([
      { workstreamId: "w-1", name: "Übersicht", tier: 2, ownerAgentId: "lead", status: "blocked" },
      { workstreamId, name: "without an id", tier: 3, ownerAgentId: null, status: "pending" },
    ]);
    const { brief_id: _, ...fields } = brief;
    expect(board.getBrief("b-1")).toMatchObject({
      ...{ parentBriefId: null, workstreamId: null, tier: 1, role: "architect", status: "done", retryCount: 0 },
      ...{ payload: fields, result: { ok: true, Größe: null } },
      ...{ createdAt: expect.stringMatching(microseconds), updatedAt: expect.stringMatching(microseconds) },
    });
    expect(board.getBrief("b-2")).toMatchObject({
      ...{
        parentBriefId: "b-1",
        workstreamId: "w-1",
        tier: 2,
        role: "coder",
        status: "active",
        retryCount: 4,
        result: null,
      },
    });
    expect(board.listEvents().items).toMatchObject([
      { eventId: eventIds[0], kind: "spawned", briefId: "b-1", detail: { by: "Python" } },
      { eventId: eventIds[1], kind: "completed", briefId: null, detail: {} },
    ]);
    expect(inPython(board.getRunSummary())).toEqual(summary);
    expect(schemaOf(board.location)).toEqual(before);
  });

  test("releases the dependents of a brief that it completes, and holds them again when it changes its mind", async () => {
    const folder = temporaryFolder();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs") });
    board.createRun("Wait for Python");
    for (const briefId of ["a", "b"]) board.createBrief({ briefId, tier: 1, role: "python" });
    board.createBrief({ briefId: "last", tier: 1, role: "coder", after: ["a", "b"], priority: 9 });
    const request = { agentId: "agent-1", leaseMs: 60_000, role: "coder" };
    const reference = await openReference(folder, "shared");
    await reference.call("update_brief_status", { brief_id: "a", status: "done" });
    expect(board.getBrief("last")?.waitsFor).toBe(1);
    await reference.call("update_brief_result", { brief_id: "b", result: { ok: true } });
    expect(board.getBrief("last")?.waitsFor).toBe(0);
    await reference.call("update_brief_status", { brief_id: "a", status: "failed" });
    expect(board.claimBrief(request)).toBeUndefined();
    await reference.call("update_brief_status", { brief_id: "a", status: "done" });
    await reference.close();
    expect(board.claimBrief(request)?.brief.briefId).toBe("last");
    expect(verifyBlackboard({ runId: "shared", root: join(folder, "runs") }).problems).toEqual([]);
  });

  test("writes NaN and infinities, which this package reads as null", async () => {
    const folder = temporaryFolder();
    const reference = await openReference(folder, "shared");
    await reference.call("create_run", { goal: "not numbers" });
    const brief =
      '{"brief_id": "b-1", "tier": 1, "role": "NaN", "scores": [NaN, 1.5, -Infinity], "text": "NaN, \\"Infinity\\""}';
    await reference.callWithText("create_brief", `{"brief": ${brief}}`);
    await reference.callWithText("update_brief_result", '{"brief_id": "b-1", "result": {"loss": Infinity}}');
    await reference.callWithText("log_event", '{"kind": "failed", "detail": {"loss": NaN}}');
    await reference.close();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs"), create: false });
    expect(board.getBrief("b-1")).toMatchObject({
      payload: { role: "NaN", scores: [null, 1.5, null], text: 'NaN, "Infinity"' },
      result: { loss: null },
    });
    expect(board.listEvents().items).toMatchObject([{ detail: { loss: null } }]);
    expect(board.updateBriefStatus("b-1", "failed").status).toBe("failed");
  });
});
