/**
 * All scenarios together under one root: workers, watchers, tools, the Python module and reads on one run; backups, copies and
 * restores of it while it is written; other runs that are pruned and created again.
 */
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { restoreFunction } from "../actors/looks.ts";
import { reportErrors } from "../check.ts";
import { contentsOf } from "../contents.ts";
import { endPart, startCrew } from "../crew.ts";
import { readJournals } from "../journal.ts";
import { disturb } from "../processes.ts";
import { put } from "../put.ts";
import type { Scenario, Stage } from "../stage.ts";

const runId = "shared";

export const together: Scenario = {
  problem: "together",
  share: 3,
  run: async (stage) => {
    const folder = stage.made("together");
    const root = join(folder, "runs");
    const file = stage.newRun(root, runId);
    const link = join(folder, "link.db");
    symlinkSync(file, link);
    const crew = startCrew(stage, {
      runId,
      folder,
      files: [file, link],
      looks: 0.03,
      workers: 3,
      watchers: 2,
      python: 1,
      commands: [
        ["runs"],
        ["summary", runId],
        ["tree", link],
        ["events", runId],
        ["briefs", runId, "--json"],
        ["export", link],
        ["status", runId],
        ["verify", runId],
        ["migrate", runId],
        ["prune", "--older-than", "30d"],
        ["report", runId, "--output", "../report.html"],
      ],
    });
    const others = stage.made("journals-others");
    const part = (program: string, role: string, task: object) =>
      stage.part((generation) => {
        const name = `${role}-${generation}`;
        return stage.start(program, name, { ...task, root, journal: join(others, `${name}.journal`) });
      });
    const beside = [
      part("prune", "pruner", { isAlone: false }),
      part("recreate", "again", { runId: "again", file: join(root, "again", "blackboard.db") }),
    ];
    await Promise.all([
      disturb([...crew.parts, ...beside], stage.random, stage.until),
      copies(stage, folder, file, link),
    ]);
    await Promise.all(beside.map((each) => endPart(stage, each)));
    await crew.finish(file);
    const entries = readJournals(others).flatMap((journal) => journal.entries);
    reportErrors(stage, entries, ["BUSY", "NO_SUCH_FILE", "CANNOT_OPEN"]);
    const lost = entries.filter((entry) => entry.did === "note" && entry.what === "lost");
    if (lost.length > 0) stage.found("runs that were created where one was pruned lost events", { count: lost.length });
  },
};

/** Repeatedly backs up, copies and restores the run while it is written. Some of these processes are killed. */
async function copies(stage: Stage, folder: string, file: string, link: string): Promise<void> {
  const journals = join(stage.folder, `journals-${runId}`);
  for (let n = 0; !stage.isOver; n++) {
    const name = `copy${n}`;
    const way = stage.random.pick(["backupBlackboard", "importRun", "copyRun"] as const);
    const to = way === "backupBlackboard" ? join(folder, `${name}.db`) : join(folder, "runs", name, "blackboard.db");
    const known = acknowledged(journals);
    const from = stage.random.pick([file, link]);
    const task = { way, from, runId, to, toRunId: name, scratch: folder };
    const killAfterMs = stage.random.chance(0.25) ? stage.random.between(5, 120) : undefined;
    const { outcome, message } = await put(stage, name, task, killAfterMs);
    if (outcome === "done") stage.count("copies of a run while it is written");
    else if (outcome !== "killed" && outcome !== "BUSY") {
      stage.found(`a copy of a run while it is written failed with ${outcome}`, { example: `${way}: ${message}` });
    }
    if (!existsSync(to)) continue;
    const there = contentsOf(to);
    const seen = there.briefs.length + there.events.length;
    if (there.integrity !== "ok") stage.found("a copy is damaged", { example: `${way}: ${there.integrity}` });
    else if (seen < known) {
      stage.found("a copy lacks writes acknowledged before it started", {
        example: `${way}: ${seen} of ${known} rows`,
      });
    }
    if (way === "backupBlackboard" && restoreFunction()) await restored(stage, folder, name, to, there.text);
    rmSync(to, { force: true });
  }
}

async function restored(stage: Stage, folder: string, name: string, from: string, text: string): Promise<void> {
  const to = join(folder, "runs", `restored-${name}`, "blackboard.db");
  const task = { way: "restoreBlackboard", from, runId, to, toRunId: runId, scratch: folder } as const;
  const { outcome, message } = await put(stage, `restore-${name}`, task);
  if (outcome !== "done") stage.found(`a restore failed with ${outcome}`, { example: message });
  else if (contentsOf(to).text !== text) stage.found("a restored run differs from the backup");
  rmSync(to, { force: true });
}

/** Returns the number of briefs and events acknowledged so far. */
function acknowledged(journals: string): number {
  return readJournals(journals)
    .flatMap(({ entries }) => entries)
    .filter(({ did }) => did === "brief" || did === "event").length;
}
