/**
 * Workers of one run whose briefs come after others, wait for a time or are held in a blocked workstream; they are killed between
 * a blocker's completion and its dependents' claims. No brief may be claimed before its blockers are done, every count must
 * equal its links, and at the end all briefs can be claimed and completed.
 */
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { checkRun } from "../check.ts";
import { leftParked, wrongCounts } from "../counts.ts";
import { endPart } from "../crew.ts";
import { readJournals } from "../journal.ts";
import { disturb } from "../processes.ts";
import type { Scenario, Stage } from "../stage.ts";

const runId = "ordered";
const leaseMs = 300;

export const order: Scenario = {
  problem: "order",
  share: 1,
  run: async (stage) => {
    const file = stage.newRun(stage.made("order/runs"), runId);
    {
      using board = openBlackboard({ runId, file });
      board.createWorkstream({ workstreamId: "held", name: "held", tier: 1 });
    }
    const journals = stage.made("journals-order");
    const parts = Array.from({ length: 4 }, (_, n) =>
      stage.part((generation) => {
        const name = `order${n}-${generation}`;
        return stage.start("order", name, { runId, file, leaseMs, journal: join(journals, `${name}.journal`) });
      }),
    );
    await disturb(parts, stage.random, stage.until);
    await Promise.all(parts.map((part) => endPart(stage, part)));
    const lived = readJournals(journals);
    checkRun(stage, file, lived, { codes: ["TRANSITION"] });
    for (const entry of lived.flatMap(({ entries }) => entries)) {
      if (entry.did !== "note" || entry.what !== "early") continue;
      stage.found("briefs were claimed before their blockers were done", { example: entry.detail ?? "" });
    }
    finish(stage, file);
  },
};

/** Checks the counts, and completes what is left as a worker would, by a clock at which all leases and delays are over. */
function finish(stage: Stage, file: string): void {
  const later = new Date(Date.now() + 60_000);
  using board = openBlackboard({ runId, file, clock: () => later });
  const rows = (sql: string) => board.drizzle.$client.prepare(sql).all();
  const consistent = () => {
    for (const row of rows(wrongCounts)) {
      stage.found("counts of blockers differ from the links", { example: JSON.stringify(row) });
    }
    for (const row of rows(leftParked))
      stage.found("briefs are parked for no reason", { example: JSON.stringify(row) });
  };
  consistent();
  board.updateWorkstreamStatus("held", "active");
  consistent();
  for (;;) {
    const claim = board.claimBrief({ agentId: "last", leaseMs });
    if (!claim) break;
    board.completeBrief(claim, {});
    stage.count("briefs completed at the end");
  }
  const { pending, active, failed } = board.getRunSummary().briefs;
  // A worker that was killed between failing a brief and retrying it leaves it failed.
  if (active > 0 || (pending > 0 && failed === 0)) {
    stage.found("briefs wait forever", { count: pending + active });
  }
}
