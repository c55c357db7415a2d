/** What waits for what, as the commands print it. */
import { join } from "node:path";
import { type Blackboard, openBlackboard } from "run-blackboard";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { printed, run } from "./command.ts";

/** "write" failed; "test" comes after it and "lint", "ship" after "test". Two briefs wait for 2099, one is blocked. */
function makeRun(): { file: string; board: Blackboard<"sync"> } {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  onTestFinished(() => board.close());
  board.createRun("a goal");
  const base = { tier: 1, role: "coder" };
  const notBefore = new Date("2099-01-01T00:00:00.000Z");
  board.createWorkstream({ workstreamId: "w", name: "w", tier: 1 });
  for (const briefId of ["write", "lint"]) board.spawnBrief({ ...base, briefId });
  board.spawnBrief({ ...base, briefId: "test", after: ["lint", "write"], priority: 5 });
  board.spawnBrief({ ...base, briefId: "ship", parentBriefId: "test", after: ["test"] });
  for (const n of [1, 2]) board.spawnBrief({ ...base, briefId: `later/${n}`, notBefore });
  board.spawnBrief({ ...base, briefId: "blocked", workstreamId: "w" });
  board.updateWorkstreamStatus("w", "blocked");
  board.failBrief("write");
  return { file, board };
}

test("summary says how many briefs wait, for what, and which failed briefs to retry", () => {
  const { file, board } = makeRun();
  const text = printed("summary", file);
  expect(text).toContain("\nwaiting      2 briefs wait for other briefs, 2 of them for something failed\n");
  expect(text).toContain("\n             write (failed) holds 1 brief\n");
  expect(text).toMatch(
    /\ndelayed {6}2 briefs wait for the time to come; the first is due in \d+ d, 2099-01-01T00:00:00.000Z\n/,
  );
  expect(text).toContain("\nblocked      1 brief is in a blocked workstream\n");
  expect(text).toContain("\noldest       lint (coder) is ready, created ");
  expect(text).not.toContain("paused");
  expect(JSON.parse(printed("summary", file, "--json"))).toMatchObject({
    allowsClaims: true,
    backlog: { ready: 1, waiting: 2, waitingForFailed: 2, delayed: 2, blocked: 1 },
    oldestReady: { briefId: "lint" },
    failedBlockers: [{ briefId: "write", status: "failed", holds: 1 }],
  });
  board.updateRunStatus("review");
  expect(printed("summary", file)).toContain("\npaused       no brief can be claimed while the run is review\n");
});

test("summary of a run where nothing waits has none of these lines", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  board.createRun("a goal");
  expect(printed("summary", file)).not.toMatch(/^(waiting|delayed|blocked|paused)/m);
});

test("tree marks what waits, with the failed ones first, and what waits only indirectly for them", () => {
  const { file } = makeRun();
  const lines = printed("tree", file).split("\n");
  const lineOf = (name: string) => lines.find((line) => line.includes(`${name}  coder`)) ?? "";
  expect(lineOf("test")).toMatch(/ {2}waits for 2: write \(failed\), lint \(pending\)$/);
  expect(lineOf("ship")).toMatch(/ {2}waits for 1: test \(pending\), indirectly for something failed$/);
  expect(lineOf("later/1")).toMatch(/ {2}not before 2099-01-01T00:00:00.000Z$/);
  expect(lineOf("lint")).toMatch(/○ lint {2}coder {2}\d+ s$/);
});

test("brief prints what a brief comes after, what comes after it, its priority, times and progress", () => {
  const { file, board } = makeRun();
  const text = printed("brief", file, "test");
  expect(text).toContain("\npriority     5\n");
  expect(text).toContain("\nwaits for    2 briefs, directly or through others for something failed\n");
  expect(text).toContain("\nafter        write (failed), lint (pending)\n");
  expect(text).toContain("\ndependents   ship (pending)\n");
  expect(JSON.parse(printed("brief", file, "test", "--json"))).toEqual({
    ...board.getBrief("test"),
    waitsForFailed: true,
    after: [
      { briefId: "lint", status: "pending" },
      { briefId: "write", status: "failed" },
    ],
    dependents: [{ briefId: "ship", status: "pending" }],
    events: board.listEvents({ briefId: "test" }).items,
  });
  expect(printed("brief", file, "later/1")).toContain("\nnot before   2099-01-01T00:00:00.000Z\n");
  const claim = board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  if (!claim) throw new Error("nothing was claimed");
  board.renewClaim(claim, { leaseMs: 60_000, progress: { step: 3 } });
  const claimed = printed("brief", file, "lint");
  expect(claimed).toContain(`\nclaimed      ${claim.brief.claimedAt}, `);
  expect(claimed).toContain('\nprogress\n{\n  "step": 3\n}\n');
  expect(claimed).not.toMatch(/^(priority|waits for|after|not before)/m);
});

test("brief prints at most ten of the briefs that wait for it, and how many more there are", () => {
  const { file, board } = makeRun();
  for (let n = 0; n < 20; n++) board.createBrief({ briefId: `d${n}`, tier: 1, role: "coder", after: ["lint"] });
  board.failBrief("d7");
  expect(printed("brief", file, "lint")).toMatch(/\ndependents {3}d7 \(failed\), d0 \(pending\), .*, and 11 more\n/);
  expect(JSON.parse(printed("brief", file, "lint", "--json")).dependents).toHaveLength(21);
});

test("briefs --ready and --no-ready divide the pending briefs", () => {
  const { file } = makeRun();
  const ids = (...words: string[]) =>
    printed("briefs", file, "--json", ...words)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).briefId);
  expect(ids("--ready").sort()).toEqual(["blocked", "lint"]);
  expect(ids("--no-ready").sort()).toEqual(["later/1", "later/2", "ship", "test"]);
  expect(printed("briefs", file, "--no-ready")).toMatch(/test +pending +coder +1 +- +- +2 +0/);
});

test("retry and release with --delay keep a brief from being claimed until that time", () => {
  const { file, board } = makeRun();
  const before = Date.now();
  printed("retry", file, "write", "--delay", "10m");
  const claim = board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  expect(claim?.brief.briefId).toBe("lint");
  const { notBefore } = JSON.parse(printed("release", file, "lint", "--delay", "90s", "--json"));
  expect(Date.parse(notBefore) - before).toBeGreaterThanOrEqual(90_000);
  expect(Date.parse(board.getBrief("write")?.notBefore ?? "") - before).toBeGreaterThanOrEqual(600_000);
  expect(board.claimBrief({ agentId: "a", leaseMs: 60_000 })).toBeUndefined();
  expect(run(["retry", file, "write", "--delay", "soon"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("--delay: must be a number and a unit (s, m, h, d or w)"),
  });
  expect(run(["fail", file, "write", "--delay", "1m"]).code).toBe(2);
});
