/**
 * Changes folders under a root while it is pruned. `swap`: a run's folder is a link to a folder outside, then the folder
 * again. `tidy`: removes a run's folder as soon as it is empty, and creates the finished run again.
 */
import { copyFileSync, existsSync, lstatSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Journal } from "../journal.ts";
import { ends, randomOf, taskOf } from "./task.ts";

export interface MeddleTask {
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

/** `outside` holds two folders: the `aside` one, which the root has between two swaps, and the `target` of the link. */
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
  // Appears whole, under a name that prune does not look for until then.
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
