/** Prunes a root repeatedly. Records runs that are reported as kept although their file was deleted. */
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { pruneRuns } from "run-blackboard";
import { Journal } from "../journal.ts";
import { ends, randomOf, taskOf } from "./task.ts";

interface PruneTask {
  readonly root: string;
  readonly journal: string;
  /** Whether no other process deletes or creates files under this root. */
  readonly isAlone: boolean;
}

const task = taskOf<PruneTask>();
const random = randomOf(task);
const journal = new Journal(task.journal);

while (!ends.aborted) {
  try {
    for (const { runId, location, outcome, reason } of pruneRuns({ root: task.root, olderThanMs: 0 })) {
      if (outcome === "deleted") journal.write({ did: "note", what: "deleted", detail: runId });
      const isGone = task.isAlone && outcome === "kept" && !existsSync(location);
      if (isGone) journal.write({ did: "note", what: "kept what is gone", detail: `${runId}: ${reason}` });
    }
  } catch (error) {
    journal.error("pruneRuns", error);
  }
  await setTimeout(random.chance(0.7) ? 0 : random.between(1, 8));
}
