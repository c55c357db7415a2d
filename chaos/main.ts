/**
 * npm run chaos [-- --seconds N] [-- --seed TEXT] [-- --only SCENARIO] [-- --keep]
 *
 * Runs for some minutes under realistic conditions: workers, watchers, the command-line tool, the Python module and `sqlite3`
 * with an older SQLite, links, reads in processes that have the file open, files that are removed or replaced, leftover files of
 * crashed runs, prune, import, copy, backup and restore, with SIGKILL and SIGSTOP. Each process records acknowledged writes in a
 * journal; at the end, all of them must be in the run's file. Prints the findings by problem, with the command to repeat them,
 * and then exits with 1. The seed determines what each process does and when one is killed, but not how processes interleave.
 * SCENARIO: looks, links, gone, leftovers, prune, order, together. `--keep` keeps the folder with files and journals. A short run is
 * part of the tests (`test/chaos/`).
 */
import { parseArgs } from "node:util";
import { type Problem, problems, textOf } from "./findings.ts";
import { runChaos } from "./run.ts";
import { hasPython, hasSqlite } from "./stage.ts";

const { seconds, seed, only, keep } = parseArgs({
  options: {
    seconds: { type: "string", default: "240" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    keep: { type: "boolean", default: false },
  },
}).values;
const names = Object.keys(problems);
if (only !== undefined && !isProblem(only))
  throw new Error(`Unknown scenario ${only}; expected one of ${names.join(", ")}`);
if (!(Number(seconds) > 0)) throw new Error(`--seconds must be a number above 0, got ${seconds}`);

console.log(`seed ${seed}, ${seconds} s, ${only ?? "all scenarios"}`);
if (!hasPython) console.log("python3 not found: scenarios run without the Python module");
if (!hasSqlite) console.log("sqlite3 not found: scenarios run without it");

const findings = await runChaos({ seed, seconds: Number(seconds), only, keep, tell: (line) => console.log(line) });
for (const problem of Object.keys(problems).filter(isProblem)) {
  const found = findings.filter((finding) => finding.problem === problem);
  if (found.length === 0) continue;
  console.log(`\n${problems[problem]}`);
  for (const finding of found) console.log(`  ${textOf(finding)}`);
  console.log(`  repeat with: npm run chaos -- --only ${problem} --seed ${seed} --seconds ${seconds}`);
}
console.log(`\n${findings.length} ${findings.length === 1 ? "finding" : "findings"}`);
process.exitCode = findings.length > 0 ? 1 : 0;

function isProblem(name: string): name is Problem {
  return name in problems;
}
