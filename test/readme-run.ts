/**
 * The runs of the session in docs/command-line.md: one in which something failed and a worker died, one of the Python module,
 * one that is not a database. And the run that the other commands of the documentation name.
 */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { project } from "./package/installed.ts";

export function makeReadmeRuns(root: string): void {
  let time = Date.parse("2026-11-22T06:40:15.000Z");
  const clock = () => {
    time += 1500;
    return new Date(time);
  };
  using board = openBlackboard({ runId: "webhooks", root, clock });
  board.createRun("Build a webhook ingestion system");
  board.updateRunStatus("active");
  board.spawnBrief({ briefId: "plan", tier: 0, role: "architect" });
  for (const part of ["api", "storage"]) {
    board.createWorkstream({ workstreamId: part, name: part === "api" ? "HTTP API" : "Storage", tier: 1 });
    board.spawnBrief({ briefId: part, parentBriefId: "plan", workstreamId: part, tier: 1, role: "lead" });
    for (const n of [1, 2, 3]) {
      const briefId = `${part}/${n}`;
      board.spawnBrief({
        briefId,
        parentBriefId: part,
        workstreamId: part,
        tier: 2,
        role: n === 3 ? "tester" : "coder",
        after: n === 3 ? [`${part}/1`, `${part}/2`] : [],
      });
    }
  }
  board.completeBrief("plan", { parts: 2 });
  for (const briefId of ["api/1", "api/2", "storage/1"]) board.completeBrief(briefId, { changed: 3 });
  board.failBrief("storage/2", { error: "disk quota exceeded" });
  board.claimBrief({ agentId: "tester-7", leaseMs: 60_000, role: "tester" });

  for (const name of ["legacy", "broken"]) mkdirSync(join(root, name));
  copyFileSync(join(project, "test/fixtures/python/webhook.db"), join(root, "legacy/blackboard.db"));
  writeFileSync(join(root, "broken/blackboard.db"), "This was a database once, before the disk was full. ".repeat(4));
}

export function makeRun(root: string, runId: string): void {
  using board = openBlackboard({ runId, root });
  board.createRun("Build a webhook ingestion system");
  board.spawnBrief({ briefId: "plan", tier: 0, role: "architect" });
}
