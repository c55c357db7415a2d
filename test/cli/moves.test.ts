/** Which agent works on what, and moving many briefs at once. */
import { once } from "node:events";
import { join } from "node:path";
import { type Blackboard, openBlackboard } from "run-blackboard";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { printed, run, started } from "./command.ts";

/** Agent "old" holds "b2", whose lease has expired; "new" holds "b1" and "t1". "last" waits for "b1". */
function makeRun(): { file: string; board: Blackboard<"sync"> } {
  const file = join(temporaryFolder(), "blackboard.db");
  let age = 7_200_000;
  const clock = () => new Date(Date.now() - (age > 0 ? age-- : 0));
  const board = openBlackboard({ runId: "r", file, synchronous: "normal", clock });
  onTestFinished(() => board.close());
  board.createRun("a goal");
  board.createWorkstream({ workstreamId: "w", name: "A part", tier: 1 });
  for (const n of [1, 2, 3, 4]) board.spawnBrief({ briefId: `b${n}`, tier: 1, role: "coder" });
  for (const n of [1, 2, 3]) board.spawnBrief({ briefId: `t${n}`, tier: 1, role: "tester, senior", workstreamId: "w" });
  board.spawnBrief({ briefId: "last", tier: 1, role: "coder", after: ["b1"], parentBriefId: "b2", priority: 3 });
  age = 60_000;
  for (const role of ["coder", "tester, senior"]) board.claimBrief({ agentId: "new", leaseMs: 3_600_000, role });
  age = 7_100_000;
  board.claimBrief({ agentId: "old", leaseMs: 60_000, role: "coder" });
  age = 0;
  return { file, board };
}

test("agents shows who holds what, since when and for how long", () => {
  const { file, board } = makeRun();
  const lines = printed("agents", file).trimEnd().split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[1]).toMatch(/^new +b1 +coder +1 min ago +58 min left +1$/);
  expect(lines[2]).toMatch(/^new +t1 +tester, senior +1 min ago +58 min left +1$/);
  expect(lines[3]).toMatch(/^old +b2 +coder +1 h ago +expired 1 h ago +1$/);
  expect(lines[4]).toBe("2 agents hold 3 briefs, 1 claim expired");
  const agents = printed("agents", file, "--json").trimEnd().split("\n");
  expect(agents.map((line) => JSON.parse(line))).toMatchObject([
    { agentId: "new", briefs: [{ briefId: "b1", isExpired: false }, { briefId: "t1" }] },
    { agentId: "old", briefs: [{ briefId: "b2", claimedAt: board.getBrief("b2")?.claimedAt, isExpired: true }] },
  ]);
});

test("briefs are filtered by agent, by stuck claims, by waiting and by change, and sorted", () => {
  const { file, board } = makeRun();
  const ids = (...words: string[]) => {
    const text = printed("briefs", file, ...words, "--json").trimEnd();
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line).briefId);
  };
  expect(ids("--agent", "new")).toEqual(["b1", "t1"]);
  expect(ids("--agent", "new", "--role", "coder")).toEqual(["b1"]);
  expect(ids("--stuck")).toEqual(["b2"]);
  expect(ids("--waiting")).toEqual(["last"]);
  expect(ids("--since", "1h")).toEqual(["b1", "t1"]);
  // A role that contains a comma is one role; otherwise a comma separates roles.
  expect(ids("--role", "tester, senior")).toEqual(["t1", "t2", "t3"]);
  board.failBrief("b3");
  expect(ids("--sort", "changed").slice(0, 3)).toEqual(["b3", "t1", "b1"]);
  expect(ids("--sort", "priority", "--limit", "2")).toEqual(["last", "b1"]);
  expect(ids("--sort", "agent").slice(0, 3)).toEqual(["b1", "t1", "b2"]);
});

test("retry --failed moves the failed briefs that the other options select; --dry-run only prints them", () => {
  const { file, board } = makeRun();
  for (const id of ["b3", "b4", "t2"]) board.failBrief(id);
  const statuses = () => board.listBriefs({ status: "failed" }).items.map(({ briefId }) => briefId);
  expect(printed("retry", file, "--failed", "--role", "coder", "--dry-run")).toBe(
    "b3  failed, would be changed\nb4  failed, would be changed\n2 briefs would be changed\n",
  );
  expect(statuses()).toEqual(["b3", "b4", "t2"]);
  expect(printed("retry", file, "--failed", "--role", "coder", "--reason", "fixed")).toBe(
    "b3  pending\nb4  pending\n2 briefs changed\n",
  );
  expect(statuses()).toEqual(["t2"]);
  expect(board.getBrief("b3")).toMatchObject({ status: "pending", retryCount: 1 });
  expect(board.listEvents({ briefId: "b4" }).items.at(-1)).toMatchObject({
    kind: "retried",
    detail: { by: "operator", reason: "fixed" },
  });
  expect(printed("retry", file, "--failed", "--workstream", "w", "--json")).toContain('"briefId":"t2"');
  expect(printed("retry", file, "--failed")).toBe("0 briefs changed\n");
  // A dry run refuses what the real one would.
  board.completeBrief("t2", {});
  for (const words of [[], ["--dry-run"]]) {
    expect(run(["retry", file, "t2", ...words])).toMatchObject({
      code: 1,
      stderr: 'The brief "t2" is "done"; this change requires "pending" or "active" or "failed".\n',
    });
  }
});

test("operators that retry the failed briefs at the same time count one retry for each brief", async () => {
  const { file, board } = makeRun();
  const ids = Array.from({ length: 300 }, (_, n) => `f${n}`);
  board.spawnBriefs(ids.map((briefId) => ({ briefId, tier: 1, role: "coder" })));
  board.transaction((tx) => {
    for (const id of ids) tx.failBrief(id);
  });
  const both = [1, 2].map(() => started("retry", file, "--failed"));
  for (const child of both) child.stdout.resume();
  expect(await Promise.all(both.map((child) => once(child, "exit")))).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(ids.map((id) => board.getBrief(id)?.retryCount)).toEqual(ids.map(() => 1));
});

test("release --stuck and fail --agent leave the briefs of other agents alone", () => {
  const { file, board } = makeRun();
  expect(printed("release", file, "--stuck", "--delay", "10m")).toBe("b2  pending\n1 brief changed\n");
  expect(board.getBrief("b2")).toMatchObject({ status: "pending", claimedBy: null, retryCount: 0 });
  expect(board.listBriefs({ status: "active" }).items.map(({ briefId }) => briefId)).toEqual(["b1", "t1"]);
  expect(printed("fail", file, "--agent", "new", "--role", "coder")).toBe("b1  failed\n1 brief changed\n");
  expect(board.getBrief("t1")?.status).toBe("active");
});

test("a batch needs ids or a filter, not both", () => {
  const { file, board } = makeRun();
  for (const words of [
    ["retry", file],
    ["retry", file, "--role", "coder"],
    ["release", file, "b2", "--stuck"],
  ]) {
    expect(run(words)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("id: ") });
  }
  expect(run(["retry", file, "--failed", "--stuck"]).code).toBe(2);
  expect(board.listBriefs({ status: "active" }).items).toHaveLength(3);
});

test("cancel fails a brief and what is unfinished below it, parents first", () => {
  const { file, board } = makeRun();
  board.spawnBrief({ briefId: "b2/done", parentBriefId: "b2", tier: 1, role: "coder" });
  board.completeBrief("b2/done", {});
  board.spawnBrief({ briefId: "b2/done/1", parentBriefId: "b2/done", tier: 1, role: "coder" });
  expect(printed("cancel", file, "b2", "--dry-run")).toContain("3 briefs would be changed\n");
  expect(board.getBrief("b2")?.status).toBe("active");
  expect(printed("cancel", file, "b2", "--reason", "out of scope")).toBe(
    "b2  failed\nlast  failed\nb2/done/1  failed\n3 briefs changed\n",
  );
  expect(board.listEvents({ briefId: "last" }).items.at(-1)?.detail).toEqual({
    by: "operator",
    canceled: "b2",
    reason: "out of scope",
  });
  expect(board.getBriefTree("b2").totals).toEqual({ pending: 0, active: 0, done: 1, failed: 3 });
  expect(board.getBrief("b1")?.status).toBe("active");
});

test("set-status sets the status of a run and of a workstream", () => {
  const { file, board } = makeRun();
  expect(printed("set-status", file, "review")).toBe("r  review\n");
  expect(board.getRun()?.status).toBe("review");
  expect(run(["set-status", file, "done", "--from", "active,pending"])).toMatchObject({
    code: 1,
    stderr: 'The run "r" is "review"; this change requires "pending" or "active".\n',
  });
  expect(printed("set-status", file, "blocked", "--workstream", "w")).toBe("A part (w)  blocked\n");
  expect(board.getWorkstream("w")?.status).toBe("blocked");
  expect(run(["set-status", file, "blocked"]).stderr).toContain("a run is pending, active, review, done or failed");
  expect(board.getRun()?.status).toBe("review");
});
