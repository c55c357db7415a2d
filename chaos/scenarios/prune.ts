/**
 * Runs are pruned and immediately created again: no event of a new run may be lost. A run's folder is replaced with a link while
 * the root is pruned: no file outside the root may be deleted. Another program removes folders as soon as they are empty: every
 * deleted run must be reported as deleted.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { reportErrors } from "../check.ts";
import { endPart } from "../crew.ts";
import { type Entry, readJournals } from "../journal.ts";
import { disturb, type Part } from "../processes.ts";
import { hasPython, type Scenario, type Stage } from "../stage.ts";

export const prune: Scenario = {
  problem: "prune",
  share: 3,
  run: async (stage) => {
    // One after another: each part needs the CPUs for itself to hit its race conditions.
    const parts = [recreated, swapped, tidied];
    const began = Date.now();
    for (const [n, part] of parts.entries()) {
      await part(stage, began + ((stage.until - began) * (n + 1)) / parts.length);
    }
  },
};

type Notes = (what: string) => string[];

/** Runs these parts until `until`, killing some, and returns a function that lists the notes in their journals. */
async function play(
  stage: Stage,
  until: number,
  journals: string,
  start: () => Part[],
  codes: readonly string[],
): Promise<Notes> {
  const parts = start();
  await disturb(parts, stage.random, until, 4000);
  await Promise.all(parts.map((part) => endPart(stage, part)));
  const entries = readJournals(journals).flatMap((journal): readonly Entry[] => journal.entries);
  reportErrors(stage, entries, ["BUSY", ...codes]);
  return (what) =>
    entries.flatMap((entry) => (entry.did === "note" && entry.what === what ? [entry.detail ?? ""] : []));
}

async function recreated(stage: Stage, until: number): Promise<void> {
  const root = stage.made("recreated/runs");
  const journals = stage.made("journals-recreated");
  const part = (program: string, role: string, task: object) =>
    stage.part((generation) => {
      const name = `${role}-${generation}`;
      return stage.start(program, name, { ...task, root, journal: join(journals, `${name}.journal`) });
    });
  const python = () =>
    stage.part((generation) => {
      const name = `python-${generation}`;
      const task = { runId: "three", journal: join(journals, `${name}.journal`) };
      return stage.startPython("recreate", name, dirname(root), task);
    });
  const start = () => [
    part("prune", "pruner", { isAlone: false }),
    ...(hasPython ? [python()] : []),
    ...["one", "two"].map((runId) => part("recreate", runId, { runId, file: join(root, runId, "blackboard.db") })),
  ];
  // These codes occur if a file is pruned while a process is opening it.
  const notes = await play(stage, until, journals, start, ["NO_SUCH_FILE", "CANNOT_OPEN"]);
  const lost = notes("lost");
  const rounds = lost.length + notes("kept").length;
  const [example] = lost;
  if (example !== undefined) {
    stage.found("runs that were created where one was pruned lost events", { count: lost.length, of: rounds, example });
  }
  stage.count("runs created again", rounds);
  stage.count("runs pruned", notes("deleted").length);
}

async function swapped(stage: Stage, until: number): Promise<void> {
  const folder = stage.made("swapped");
  const root = join(folder, "runs");
  // Finished runs that are open are kept. They delay prune before it reaches the last run.
  const opened = Array.from({ length: 4 }, (_, n) => {
    const board = openBlackboard({ root, runId: `kept${n}` });
    board.createRun("kept");
    return board;
  });
  const runId = "z-swapped";
  const outside = stage.made("swapped/outside");
  finished(stage, outside, "target");
  stage.newRun(root, runId);
  const target = join(outside, "target", "blackboard.db");
  const journals = stage.made("journals-swapped");
  const part = (program: string, task: object) =>
    stage.part((generation) => {
      const name = `${program}-${generation}`;
      return stage.start(program, name, { ...task, root, journal: join(journals, `${name}.journal`) });
    });
  const pruner = part("prune", { isAlone: false });
  const swapper = part("meddle", { how: "swap", runId, outside });
  await disturb([pruner], stage.random, until, 4000);
  await Promise.all([pruner, swapper].map((each) => endPart(stage, each)));
  for (const board of opened) board.close();
  if (!existsSync(target)) stage.found("a file outside the root was deleted through a link", { example: "z-swapped" });
}

async function tidied(stage: Stage, until: number): Promise<void> {
  const root = stage.made("tidied/runs");
  const source = finished(stage, stage.made("tidied/source"), "tidied");
  const journals = stage.made("journals-tidied");
  const part = (program: string, task: object) =>
    stage.part((generation) => {
      const name = `${program}-${generation}`;
      return stage.start(program, name, { ...task, root, journal: join(journals, `${name}.journal`) });
    });
  const start = () => [
    part("prune", { isAlone: true }),
    part("meddle", { how: "tidy", runId: "tidied", outside: source }),
  ];
  const notes = await play(stage, until, journals, start, []);
  const wrong = notes("kept what is gone");
  const [example] = wrong;
  const deleted = notes("deleted").length + wrong.length;
  if (example !== undefined) {
    stage.found("runs were reported as kept although they were deleted", { count: wrong.length, of: deleted, example });
  }
  stage.count("runs pruned whose folder others remove", deleted);
}

/** Creates a finished run, which prune may delete. Returns the path of its file. */
function finished(stage: Stage, root: string, runId: string): string {
  const file = stage.newRun(root, runId, 2);
  using board = openBlackboard({ root, runId });
  board.updateRunStatus("done");
  return file;
}
