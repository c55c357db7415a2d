/** A blackboard that was open before a different build migrated its file remains usable. */
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { migrateTo, newFile, rows, thrownBy } from "./files.ts";
import { followedBy, known, rebuildOfAll } from "./made-up.ts";

const additive = [
  "ALTER TABLE briefs ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
  "CREATE TABLE noted (what TEXT); CREATE TRIGGER note AFTER INSERT ON events BEGIN INSERT INTO noted VALUES (new.kind); END;",
];

test("an open blackboard continues to read and write when a newer build rebuilds every table and adds to them", () => {
  const file = newFile();
  using board = openBlackboard({ runId: "r", file });
  using reader = openBlackboard({ runId: "r", file, readonly: true });
  const work = (id: string) => {
    board.createWorkstream({ workstreamId: id, name: id, tier: 1 });
    board.createBrief({ briefId: id, workstreamId: id, tier: 1, role: "coder" });
    board.transaction((tx) => {
      tx.updateBriefResult(id, { by: id });
      tx.logEvent("completed", { briefId: id });
    });
    board.incrementBriefRetry(id);
    board.updateRunStatus("active");
  };
  // Every statement is prepared by now.
  board.createRun("live through it");
  work("before");
  expect(reader.getRunSummary()).toMatchObject({ lastSeq: 1, briefs: { done: 1 } });

  const newer = followedBy(known, rebuildOfAll(known), ...additive);
  migrateTo(file, newer);
  work("after");
  for (const one of [board, reader]) {
    expect(one.getRunSummary()).toMatchObject({ status: "active", lastSeq: 2, briefs: { done: 2 } });
    expect(one.listEvents().items.map(({ seq, briefId }) => [seq, briefId])).toEqual([
      [1, "before"],
      [2, "after"],
    ]);
    expect(one.getBrief("after")).toEqual({ ...one.getBrief("after"), result: { by: "after" }, retryCount: 1 });
    expect(one.listWorkstreams().items).toHaveLength(2);
  }
  expect(rows(file, "SELECT * FROM noted")).toEqual([{ what: "completed" }]);
  expect(rows(file, "SELECT weight FROM briefs")).toEqual([{ weight: 1 }, { weight: 1 }]);
  expect(thrownBy(() => openBlackboard({ runId: "r", file }))).toMatchObject({ code: "SCHEMA_TOO_NEW" });
});

test("a migration waits for an open blackboard's transaction and changes nothing on timeout", () => {
  const file = newFile();
  using board = openBlackboard({ runId: "r", file });
  board.createRun("wait for me");
  const newer = followedBy(known, ...additive);
  board.transaction((tx) => {
    tx.logEvent("spawned");
    expect(thrownBy(() => migrateTo(file, newer, 0))).toMatchObject({ code: "BUSY" });
    tx.logEvent("completed");
  });
  migrateTo(file, newer);
  board.logEvent("retried");
  expect(board.listEvents().items.map(({ kind }) => kind)).toEqual(["spawned", "completed", "retried"]);
  expect(rows(file, "SELECT * FROM noted")).toEqual([{ what: "retried" }]);
});
