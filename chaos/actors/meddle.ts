/**
 * Changes folders under a root while it is pruned. `swap`: replaces a run's folder with a link to a folder outside, and back.
 * `tidy`: removes a run's folder as soon as it is empty, and creates the finished run again.
 */
import { copyFileSync, existsSync, lstatSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Journal } from "../journal.ts";
import { ends, randomOf, taskOf } from "./task.ts";

interface MeddleTask {
  readonly how: "swap" | "tidy";
  readonly root: string;
  /** The folder under the root. */
  readonly runId: string;
  /** swap: the folder that the link refers to. tidy: a finished run's file, to copy. */
  readonly outside: string;
  readonly journal: string;
}

const task = taskOf<MeddleTask>();
const random = randomOf(task);
const journal = new Journal(task.journal);
const folder = join(task.root, task.runId);

while (!ends.aborted) {
  try {
    if (task.how === "swap") await swap();
    else await tidy();
  } catch (error) {
    journal.write({ did: "note", what: "meddling failed", detail: String(error) });
    await setTimeout(1);
  }
}

/** `outside` contains the `target` of the link, and `aside`, which is the run's folder while the link replaces it. */
async function swap(): Promise<void> {
  const aside = join(task.outside, "aside");
  renameSync(folder, aside);
  symlinkSync(join(task.outside, "target"), folder);
  await setTimeout(random.between(0, 25));
  if (lstatSync(folder).isSymbolicLink()) rmSync(folder);
  renameSync(aside, folder);
  await setTimeout(random.between(0, 10));
}

async function tidy(): Promise<void> {
  const file = join(folder, "blackboard.db");
  mkdirSync(folder, { recursive: true });
  // Renamed into place when complete: prune ignores the temporary name.
  const part = join(dirname(task.root), `${task.runId}.part`);
  copyFileSync(task.outside, part);
  renameSync(part, file);
  const until = Date.now() + 500;
  while (existsSync(file) && Date.now() < until) await setTimeout(0);
  for (let n = 0; n < 20_000 && existsSync(folder); n++) {
    try {
      rmdirSync(folder);
    } catch {
      // Not empty yet.
    }
  }
}
