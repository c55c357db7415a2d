/** Ids as people see and type them: short, unique and accepted wherever an id is. */
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Blackboard, openBlackboard } from "run-blackboard";
import { expect, onTestFinished, test } from "vitest";
import { connectTo } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { linesAt, printed, run } from "./command.ts";

/** UUIDv7s of one moment: most differ only in their last characters, two in none of the last eight, two in the first of these. */
const uuids = [
  "01a22414-a087-7086-8675-68f9563e2573",
  "01a22414-a087-7086-8675-68f9563e2574",
  "01a22414-a087-7086-8675-68f8563e2573",
  "01a22414-a087-7086-8675-68f7463e2573",
] as const;
const path = (name: string) => `survey/src/operations/${name}.ts/review/1`;

function makeRun(): { file: string; board: Blackboard<"sync"> } {
  const file = join(temporaryFolder(), "blackboard.db");
  let time = Date.now() - 60_000;
  const clock = () => new Date(time++);
  const board = openBlackboard({ runId: "r", file, synchronous: "normal", clock });
  onTestFinished(() => board.close());
  board.createRun("a goal");
  board.createWorkstream({ workstreamId: uuids[3], name: "API", tier: 1 });
  const base = { tier: 1, role: "coder" };
  for (const briefId of uuids) board.spawnBrief({ ...base, briefId, workstreamId: uuids[3] });
  for (const name of ["claims", "takeovers"]) board.spawnBrief({ ...base, briefId: path(name) });
  board.spawnBrief({ ...base, briefId: "review/1", parentBriefId: uuids[0] });
  return { file, board };
}

const firstColumn = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ {2,}/)[0] ?? "");

test("briefs shows each long id by an end that no other id has, and whole with --wide", () => {
  const { file } = makeRun();
  const shown = firstColumn(printed("briefs", file));
  expect(shown).toEqual([
    "…9563e2573",
    "…563e2574",
    "…8563e2573",
    "…463e2573",
    "…ms.ts/review/1",
    "…rs.ts/review/1",
    "review/1",
  ]);
  const wide = [...uuids, path("claims"), path("takeovers"), "review/1"];
  expect(firstColumn(printed("briefs", file, "--wide"))).toEqual(wide);
  const briefs = printed("briefs", file, "--json").trimEnd().split("\n");
  expect(briefs.map((line) => JSON.parse(line).briefId)).toEqual(wide);
});

test("every command accepts the end or the beginning of an id, with or without an ellipsis", () => {
  const { file, board } = makeRun();
  const idOf = (...words: string[]) => JSON.parse(printed(...words, "--json").split("\n")[0] ?? "").briefId;
  expect(idOf("brief", file, "563e2574")).toBe(uuids[1]);
  expect(idOf("brief", file, "…8563e2573")).toBe(uuids[2]);
  expect(idOf("brief", file, "survey/src/operations/t")).toBe(path("takeovers"));
  expect(idOf("brief", file, "survey/src/operations/t...")).toBe(path("takeovers"));
  // An id wins over the end of another one.
  expect(idOf("brief", file, "review/1")).toBe("review/1");
  expect(JSON.parse(printed("tree", file, "--brief", "…9563e2573", "--json")).roots[0].brief.briefId).toBe(uuids[0]);
  expect(idOf("events", file, "--brief", "563e2574")).toBe(uuids[1]);
  expect(idOf("briefs", file, "--parent", "9563e2573")).toBe("review/1");
  expect(idOf("briefs", file, "--workstream", "463e2573")).toBe(uuids[0]);
  expect(printed("fail", file, "563e2574")).toBe("…563e2574  failed\n");
  expect(printed("retry", file, "563e2574", "--wide")).toBe(`${uuids[1]}  pending\n`);
  board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  expect(idOf("release", file, "…9563e2573")).toBe(uuids[0]);
  expect(printed("cancel", file, "ms.ts/review/1")).toBe("…ms.ts/review/1  failed\n1 brief changed\n");
  expect(printed("set-status", file, "blocked", "--workstream", "463e2573")).toContain("blocked");
});

test("an ambiguous id is an error that lists the candidates; nothing is changed", () => {
  const { file, board } = makeRun();
  const { code, stdout, stderr } = run(["fail", file, "63e2573"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  for (const id of [uuids[0], uuids[2], uuids[3]]) expect(stderr).toContain(`"${id}"`);
  expect(stderr).not.toContain(uuids[1]);
  expect(run(["brief", file, "…review/1"]).stderr).toContain("may be any of these briefs");
  // Too short to mean anything.
  expect(run(["brief", file, "573"])).toMatchObject({ code: 1, stderr: 'Run "r" has no brief "573".\n' });
  expect(board.listBriefs({ status: "failed" }).items).toEqual([]);
});

/** A run with long ids, roles, names, a deep tree, and an id and a role of 10,000 characters. */
function makeLongRun(): string {
  const { file, board } = makeRun();
  board.createWorkstream({ name: "the API that 日本語 users call, with a long name ".repeat(3), tier: 1 });
  let parent: string = uuids[0];
  for (let n = 0; n < 60; n++) {
    const briefId = `a-rather-long-id-of-a-deep-brief/${n}`;
    board.spawnBrief({ briefId, parentBriefId: parent, tier: 1, role: "coder", payload: { n }, after: [uuids[1]] });
    parent = briefId;
  }
  for (const n of [1, 2])
    board.claimBrief({ agentId: `agent-${n}.of-a-host-with.a-long-name.example.com`, leaseMs: 60_000 * n });
  board.failBrief(uuids[1], { error: "the disk of the host is full, so that nothing can be written ".repeat(3) });
  const [id, role] = ["x".repeat(9_990), "r".repeat(10_000)];
  const stored = connectTo(file).prepare(
    `INSERT INTO briefs (brief_id, run_id, tier, role, status, claimed_by, claimed_at, lease_expires_at, created_at, updated_at)
     VALUES (?, 'r', 1, ?, 'active', ?, ?, ?, ?, ?)`,
  );
  const time = "2026-01-01T00:00:00.000Z";
  stored.run(`${id}1234567890`, role, role, time, time, time, time);
  connectTo(file).prepare("UPDATE runs SET goal = ?").run(role);
  return file;
}

const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60]/g;
const widthOf = (line: string) => [...line].length + (line.match(wide)?.length ?? 0);

const lists = [["briefs"], ["tree"], ["summary"], ["events"], ["agents"]];

test.each([
  { columns: 40, commands: lists.slice(0, 3) },
  { columns: 80, commands: [...lists, ["brief", uuids[1]]] },
  { columns: 140, commands: lists },
])("at $columns columns each line of a list, a tree or a summary stays one line", ({ columns, commands }) => {
  const file = makeLongRun();
  for (const [name = "", ...rest] of commands) {
    const lines = linesAt(columns, name, file, ...rest).map(stripVTControlCharacters);
    if (["briefs", "tree", "agents"].includes(name)) expect(lines.join("\n")).toContain("…34567890");
    const longest = Math.max(...lines.map(widthOf));
    expect({ name, columns, fits: longest <= columns }).toEqual({ name, columns, fits: true });
    const count = printed(name, file, ...rest)
      .trimEnd()
      .split("\n").length;
    expect({ name, lines: lines.length }).toEqual({ name, lines: count });
  }
});

test("lists and trees show the agent and the age", () => {
  const { file, board } = makeRun();
  board.claimBrief({ agentId: "coder-7", leaseMs: 60_000 });
  expect(linesAt(80, "tree", file)[1]).toMatch(/^◐ …9563e2573 {2}coder {2}coder-7, \d+ (s|min)/);
  expect(linesAt(80, "briefs", file)[1]).toMatch(/^…9563e2573 +active +coder .*coder-7 +\d+ (s|min)$/);
});
