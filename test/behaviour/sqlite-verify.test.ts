/** What verify finds in rows that other programs wrote: missing parents, workstreams and briefs, and cycles, in each run. */
import { join } from "node:path";
import { openBlackboard, verifyBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { connectTo } from "./sqlite.ts";

const moment = "2026-01-01T00:00:00.000Z";

/** A file of these runs, whose briefs are given as `id: parent`. */
function fileOf(runs: Readonly<Record<string, Readonly<Record<string, string | null>>>>) {
  const file = join(temporaryFolder(), "blackboard.db");
  for (const runId of Object.keys(runs)) {
    using board = openBlackboard({ runId, file, synchronous: "normal" });
    board.createRun("a goal");
  }
  const client = connectTo(file);
  const insert = client.prepare(
    `INSERT INTO briefs (run_id, brief_id, parent_brief_id, tier, role, created_at, updated_at)
     VALUES (?, ?, ?, 0, 'coder', '${moment}', '${moment}')`,
  );
  for (const [runId, briefs] of Object.entries(runs))
    for (const [briefId, parent] of Object.entries(briefs)) insert.run(runId, briefId, parent);
  return { file, client };
}

const problemsOf = (file: string) => verifyBlackboard({ file }).problems;

test("a tree without a flaw has no problems, however its briefs are ordered", () => {
  const { file } = fileOf({ r: { z: null, a: "m", m: "z", b: "a", c: "a" }, other: {} });
  expect(problemsOf(file)).toEqual([]);
});

test("briefs without their parent are counted in each run, and those below them are no cycle", () => {
  const { file } = fileOf({
    one: { a: "below", below: "lost", lost: "gone", other: "gone", root: null },
    // A parent in a different run is missing too.
    two: { mine: "root" },
  });
  expect(problemsOf(file)).toEqual([
    { kind: "orphan", message: 'run "one": briefs without the parent they name: 2, such as "lost"' },
    { kind: "orphan", message: 'run "two": briefs without the parent they name: 1, such as "mine"' },
  ]);
});

test("briefs in a cycle are counted together with those below it, and one may be its own parent", () => {
  const { file } = fileOf({
    one: { b: "c", c: "d", d: "b", below: "c", a: "below", root: null, child: "root" },
    two: { self: "self", free: null },
  });
  expect(problemsOf(file)).toEqual([
    { kind: "cycle", message: 'run "one": briefs whose parent links form a cycle: 5, such as "a"' },
    { kind: "cycle", message: 'run "two": briefs whose parent links form a cycle: 1, such as "self"' },
  ]);
});

test("briefs without their workstream and events without their brief are counted in each run", () => {
  const { file, client } = fileOf({ one: { a: null, b: null, c: null }, two: { x: null, d: null } });
  client.exec(`
    INSERT INTO workstreams (run_id, workstream_id, name, tier, status, created_at, updated_at)
      VALUES ('one', 'w', 'api', 0, 'pending', '${moment}', '${moment}');
    UPDATE briefs SET workstream_id = 'w' WHERE brief_id IN ('a', 'x');
    UPDATE briefs SET workstream_id = 'gone' WHERE brief_id IN ('b', 'c')`);
  const event = client.prepare(
    `INSERT INTO events (event_id, run_id, brief_id, kind, created_at) VALUES (?, ?, ?, 'spawned', '${moment}')`,
  );
  event.run("e1", "one", "a");
  event.run("e2", "one", "d");
  event.run("e3", "two", "gone");
  event.run("e4", "two", "nowhere");
  event.run("e5", "two", null);
  expect(problemsOf(file)).toEqual([
    { kind: "orphan", message: 'run "one": briefs without the workstream they name: 2, such as "b"' },
    { kind: "orphan", message: 'run "two": briefs without the workstream they name: 1, such as "x"' },
    { kind: "orphan", message: 'run "one": events without the brief they name: 1, such as "e2"' },
    { kind: "orphan", message: 'run "two": events without the brief they name: 2, such as "e3"' },
  ]);
});
