/**
 * npm run chaos [-- --seconds N] [-- --seed TEXT] [-- --only SCENARIO] [-- --keep]
 *
 * The conditions that real users have, all at once, for some minutes: workers, watchers, the command-line tool, the Python
 * module and `sqlite3` with an older SQLite, links, looks from processes that have the file open, files that are removed or
 * replaced, leftovers of crashed runs, prune, import, copy, backup and restore, with SIGKILL and SIGSTOP. Each process writes
 * down what was acknowledged; at the end every acknowledged write is counted in the run's file. Prints what it found, by
 * problem, with the command that repeats it, and ends with exit code 1 then. The seed decides what each process does and
 * which one is killed when; how their steps interleave is the system's choice. SCENARIO: looks, links, gone, leftovers,
 * prune, together. `--keep` leaves the folder with files and journals. A short form runs as a test (`test/chaos/`).
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
if (only !== undefined && !isProblem(only)) throw new Error(`No scenario is called ${only}: ${names.join(", ")}`);
if (!(Number(seconds) > 0)) throw new Error(`--seconds must be a number above 0, got ${seconds}`);

console.log(`seed ${seed}, ${seconds} s, ${only ?? "all scenarios"}`);
if (!hasPython) console.log("python3 is missing: nothing is tried with the Python module");
if (!hasSqlite) console.log("sqlite3 is missing: nothing is tried with it");

const findings = await runChaos({ seed, seconds: Number(seconds), only, keep, tell: (line) => console.log(line) });
for (const problem of Object.keys(problems).filter(isProblem)) {
  const found = findings.filter((finding) => finding.problem === problem);
  if (found.length === 0) continue;
  console.log(`\n${problems[problem]}`);
  for (const finding of found) console.log(`  ${textOf(finding)}`);
  console.log(`  again: npm run chaos -- --only ${problem} --seed ${seed} --seconds ${seconds}`);
}
console.log(`\n${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;

function isProblem(name: string): name is Problem {
  return name in problems;
}
