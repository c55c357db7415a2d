/**
 * Creates a run, logs events and counts them through a second connection: all must be found, because an unfinished run is not
 * pruned. Then finishes the run, waits until it is pruned or a short time has passed, and repeats. Records lost events.
 */
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { openBlackboard } from "run-blackboard";
import { Journal } from "../journal.ts";
import { codeOf, ends, randomOf, taskOf } from "./task.ts";

interface RecreateTask {
  readonly root: string;
  readonly runId: string;
  readonly file: string;
  readonly journal: string;
}

const task = taskOf<RecreateTask>();
const { name, root, runId, file } = task;
const random = randomOf(task);
const journal = new Journal(task.journal);

for (let round = 0; !ends.aborted; round++) {
  try {
    await once(round);
  } catch (error) {
    journal.error("recreate", error);
  }
  // Continues as soon as the file is deleted, or while it is being deleted.
  const began = Date.now();
  const patienceMs = random.chance(0.2) ? random.between(0, 10) : 300;
  while (existsSync(file) && Date.now() - began < patienceMs) {
    if (random.chance(0.001)) await setTimeout(1);
  }
  await setTimeout(0);
}

async function once(round: number): Promise<void> {
  const ids = Array.from({ length: random.between(1, 15) }, (_, n) => `${name}/${round}/${n}`);
  using board = openNew();
  if (!board) return;
  const before = board.getRunSummary().lastSeq;
  for (const eventId of ids) board.logEvent("retried", { eventId });
  await setTimeout(random.between(0, 6));
  const lost = lossOf(ids, before);
  journal.write({ did: "note", what: lost === undefined ? "kept" : "lost", detail: lost ?? "" });
  if (lost === undefined) board.updateRunStatus("done");
}

/** Returns which events a second connection can't read; the writing connection would still see its own -wal. */
function lossOf(ids: readonly string[], after: number): string | undefined {
  try {
    using other = openBlackboard({ runId, root, readonly: true });
    const found = new Set(other.listEvents({ after, limit: 1000 }).items.map(({ eventId }) => eventId));
    const missing = ids.filter((id) => !found.has(id)).length;
    return missing === 0 ? undefined : `${missing} of ${ids.length}`;
  } catch (error) {
    return `all ${ids.length}: reading them fails with ${codeOf(error)}`;
  }
}

/** Creates the run. Returns `undefined` if the file was pruned in between, before any write was acknowledged. */
function openNew() {
  const board = openBlackboard({ runId, root, synchronous: "normal" });
  try {
    board.createRun("made again");
    board.updateRunStatus("active");
    return board;
  } catch (error) {
    journal.write({ did: "note", what: "again", detail: codeOf(error) });
    board.close();
    return undefined;
  }
}
