/**
 * look-as-nobody: reads a file as an unprivileged user with the function that each line names and prints the outcome as
 * JSON. `follow` keeps reading until the next line.
 */
import { join } from "node:path";
import {
  type BlackboardLocation,
  backupBlackboard,
  exportRun,
  listRuns,
  migrationStatus,
  openBlackboard,
  verifyBlackboard,
  viewBlackboard,
} from "run-blackboard";
import { becomeNobody } from "../../processes/programs/nobody.ts";
import { heard, say } from "../../processes/programs/talk.ts";

const [root = "", scratch = ""] = process.argv.slice(2);
const run = { runId: "r", root };
becomeNobody();

function count(options: { live: boolean } | { readonly: true }): number {
  if ("readonly" in options) {
    using board = openBlackboard({ ...run, ...options });
    return board.getRunSummary().briefs.pending;
  }
  using view = viewBlackboard({ ...run, ...options });
  return view.board.getRunSummary().briefs.pending;
}

async function exported(): Promise<number> {
  let text = "";
  for await (const piece of exportRun(run)) text += piece;
  return text.split("\n").filter((line) => line.startsWith('{"brief"')).length;
}

let copies = 0;
const ways: Readonly<Record<string, () => unknown>> = {
  status: () => migrationStatus(run).state,
  verify: () => verifyBlackboard(run).problems.length,
  view: () => count({ live: false }),
  live: () => count({ live: true }),
  readonly: () => count({ readonly: true }),
  runs: () => listRuns({ root })[0]?.summary?.briefs.pending,
  export: exported,
  backup: () => {
    const location: BlackboardLocation = run;
    backupBlackboard(location, join(scratch, `copy-${copies++}.db`));
    return "copied";
  },
};
say("ready");
let held: Disposable | undefined;
for await (const way of heard()) {
  held?.[Symbol.dispose]();
  held = undefined;
  if (way === "hold") {
    const board = openBlackboard({ ...run, readonly: true });
    held = board;
    say(JSON.stringify(board.getRunSummary().briefs.pending));
    continue;
  }
  try {
    say(JSON.stringify(await ways[way]?.()));
  } catch (error) {
    say(JSON.stringify(String(error)));
  }
}
