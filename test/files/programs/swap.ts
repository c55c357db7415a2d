/** swap PATH TARGET: makes PATH alternately a folder with a finished run and a link to TARGET until its input ends. Prints a line per run. */
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { openBlackboard } from "run-blackboard";
import { heard, say } from "../../processes/programs/talk.ts";

const [path = "", target = ""] = process.argv.slice(2);
let isOver = false;
const listening = (async () => {
  for await (const _ of heard());
  isOver = true;
})();
/** Up to 4 ms: about as long as prune takes for a run. */
async function someTurns(): Promise<void> {
  const end = performance.now() + Math.random() * 4;
  while (performance.now() < end) await turn();
}
const aside = `${path}.aside`;
mkdirSync(aside);
say("swapping");
for (let n = 0; !isOver; n++) {
  const folder = join(aside, `${n}`);
  const board = openBlackboard({ runId: "r", root: aside, file: undefined, synchronous: "normal" });
  board.createRun("a goal");
  board.updateRunStatus("done");
  board.close();
  renameSync(join(aside, "r"), folder);
  for (let swaps = 0; swaps < 20; swaps++) {
    renameSync(folder, path);
    await someTurns();
    try {
      renameSync(path, folder);
    } catch {
      // It was pruned.
      break;
    }
    symlinkSync(target, path);
    await someTurns();
    unlinkSync(path);
  }
  rmSync(folder, { recursive: true, force: true });
  say("swapped");
}
await listening;
