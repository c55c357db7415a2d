/** Values that only other programs store: SQLite accepts any type in any column. */
import { join } from "node:path";
import {
  exportRun,
  listRuns,
  openBlackboard,
  pruneRuns,
  reportRun,
  summarizeRun,
  UnreadableRowError,
} from "run-blackboard";
import { listPostgresRuns, prunePostgresRuns } from "run-blackboard/postgres";
import { expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { printed, run } from "./command.ts";

const hostile = "\u001b]0;owned\u0007 \u009b31m \u202e\u2028";
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there.
const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u202a-\u202e\u2028\u2029]/;

function makeRun(root: string, runId: string) {
  const file = join(root, runId, "blackboard.db");
  using board = openBlackboard({ runId, root });
  board.createRun(`the goal of ${runId}`);
  board.createWorkstream({ workstreamId: `${runId}/w`, name: "a part", tier: 1 });
  for (const n of [1, 2, 3]) {
    board.spawnBrief({ briefId: `${runId}/b${n}`, workstreamId: `${runId}/w`, tier: 1, role: "coder" });
  }
  board.failBrief(`${runId}/b1`);
  board.updateRunStatus("done");
  return file;
}

test.each([
  ["goal = x'00ff1b'", "goal"],
  ["status = 'constructor'", "status"],
  ["status = x'1b5b'", "status"],
  ["created_at = 'yesterday'", "createdAt"],
  ["updated_at = x'1b'", "updatedAt"],
])(
  "a run with %s is listed with its error next to the others; summary, report and export of it fail",
  async (spoilt, column) => {
    const root = temporaryFolder();
    const file = makeRun(root, "bad");
    makeRun(root, "good");
    connectTo(file).exec(`INSERT INTO runs SELECT 'sound', goal, status, created_at, updated_at FROM runs`);
    connectTo(file).exec(`UPDATE runs SET ${spoilt} WHERE run_id = 'bad'`);

    const listed = listRuns({ root });
    expect(listed.map(({ runId, state, error }) => [runId, state, error?.name])).toEqual([
      ["bad", "current", "UnreadableRowError"],
      ["sound", "current", undefined],
      ["good", "current", undefined],
    ]);
    expect(listed[0]).toMatchObject({ run: null, summary: null, error: { entity: "run", id: "bad", column } });
    const table = printed("runs", "--root", root);
    expect(table).toMatch(/^good {2,}done.*the goal of good$/m);
    expect(table).toMatch(/^bad {2,}-.*unreadable/m);
    expect(table).not.toMatch(steering);
    const [json] = JSON.parse(printed("runs", "--root", root, "--json"));
    expect(json).toMatchObject({ runId: "bad", error: { code: "UNREADABLE_ROW", column } });

    const board = open({ runId: "bad", root });
    await caught(UnreadableRowError, () => summarizeRun(board));
    await caught(UnreadableRowError, () => reportRun(board));
    await caught(UnreadableRowError, () => exportRun({ runId: "bad", root }).next());
    board.close();
    const { code, stderr } = run(["summary", file, "--run", "bad", "--json"]);
    expect([code, JSON.parse(stderr).error.code]).toEqual([1, "UNREADABLE_ROW"]);
    const pruned = pruneRuns({ root, olderThanMs: 0, clock: () => new Date("9999-01-01") });
    expect(pruned.map(({ runId, outcome }) => [runId, outcome])).toEqual([
      ["bad", "kept"],
      ["good", "deleted"],
    ]);
    expect(pruned[0]?.reason).toContain(`Cannot read the ${column} of run "bad"`);
  },
);

test.skipIf(!hasServer)(
  "a run on a server with an unknown status is listed with its error and never pruned",
  async () => {
    const schema = await freshSchema();
    for (const runId of ["bad", "good"]) {
      const board = await openOnServer(schema, { runId });
      await board.createRun("a goal");
      await board.updateRunStatus("done");
      await board.close();
    }
    await schema.sql("UPDATE runs SET status = 'finished' WHERE run_id = 'bad'");
    const listed = await listPostgresRuns({ connection: schema.url });
    expect(listed).toMatchObject([
      { runId: "bad", run: null, summary: null, error: { code: "UNREADABLE_ROW", column: "status" } },
      { runId: "good", run: { status: "done" }, error: null },
    ]);
    expect(printed("runs", "--postgres", schema.url)).toMatch(/^good {2,}done/m);
    const rule = { olderThanMs: 0, clock: () => new Date("9999-01-01") };
    expect(await prunePostgresRuns({ connection: schema.url, ...rule })).toMatchObject([
      { runId: "bad", status: null, outcome: "kept", reason: expect.stringContaining('status of run "bad"') },
      { runId: "good", outcome: "deleted" },
    ]);
  },
);

/** The values as SQL. */
const values = [`'${hostile}'`, `CAST('${hostile}' AS BLOB)`, "'constructor'", "x'00'", "'<img src=x>'"];
const columns = {
  briefs: [
    ...[
      "brief_id",
      "parent_brief_id",
      "workstream_id",
      "tier",
      "role",
      "status",
      "retry_count",
      "attempt",
      "claimed_by",
    ],
    ...["lease_expires_at", "created_at", "updated_at"],
  ],
  events: ["event_id", "brief_id", "kind", "created_at"],
  workstreams: ["workstream_id", "name", "status", "tier", "owner_agent_id", "created_at", "updated_at"],
};

/** A run that has a row for each column of a table with each of the values in it. */
function spoiltFile(): string {
  const root = temporaryFolder();
  const file = makeRun(root, "r");
  const program = connectTo(file);
  program.pragma("foreign_keys = OFF");
  const copies = [
    ["briefs", "brief_id", "brief_id", "r/b1"],
    ["events", "event_id", "seq, event_id", "1"],
    ["workstreams", "workstream_id", "workstream_id", "r/w"],
  ] as const;
  for (const [table, id, keys, of] of copies) {
    const all = program.prepare<[string], { name: string }>("SELECT name FROM pragma_table_info(?)").all(table);
    const names = all.map(({ name }) => name);
    let n = 0;
    for (const column of columns[table]) {
      for (const value of values) {
        n++;
        const given = names.map((name) =>
          name === column && name !== id ? value : name === id ? `'${n}'` : name === "seq" ? String(1000 + n) : name,
        );
        const key = keys.split(",")[0];
        program.exec(`INSERT INTO ${table} (${names}) SELECT ${given} FROM ${table} WHERE ${key} = '${of}'`);
        // An id is unique, so each needs a different invalid value.
        if (column === id) program.exec(`UPDATE ${table} SET ${id} = ${value} WHERE ${id} = '${n}'`);
      }
    }
  }
  return file;
}

test("terminal control text and bytes in any column reach neither the terminal nor the report", () => {
  const file = spoiltFile();
  for (const words of [["summary"], ["tree"], ["briefs"], ["events"], ["brief", "r/b1"], ["brief", "21"], ["verify"]]) {
    for (const json of [[], ["--json"]]) {
      const [name = "", ...rest] = words;
      const { code, stdout, stderr } = run([name, file, ...rest, ...json]);
      expect({ words, code, stderr }).toEqual({ words, code: name === "verify" ? 1 : 0, stderr: "" });
      expect(stdout, name).not.toMatch(steering);
      expect(stdout, name).not.toMatch(/undefined|NaN|\[object|native code/);
    }
  }
  expect(printed("briefs", file)).toContain("x'1b5d303b6f776e65640720c29b33316d20e280aee280a8'");
  using board = openBlackboard({ runId: "r", file });
  const page = reportRun(board);
  expect(page).not.toMatch(/<img|undefined|NaN|\[object|native code/);
  expect(page).not.toMatch(steering);
});
