/**
 * Mutation testing by Stryker: `npm run mutation` changes each expression of the operations and of SQLite's migrations in turn and
 * runs the tests that execute it. A change that no test notices is a survivor. `npm run mutation -- src/operations/pages.ts` tries
 * only some files. Reports are written to `reports/mutation/`, and the next run tries only what changed since.
 */
import { constants, setPriority } from "node:os";
import { Stryker } from "@stryker-mutator/core";

interface Part {
  readonly name: string;
  readonly sources: readonly string[];
  /** The tests that are tried; fewer than all, because a survivor costs the time of each that executes it. */
  readonly tests: readonly string[];
}

const parts: readonly Part[] = [
  {
    name: "operations",
    sources: ["src/operations/*.ts"],
    tests: [
      "test/behaviour/sqlite-{memory,only,plans,rows,shared,spoilt,statements,throughput,verify}.test.ts",
      "test/families.test.ts",
      "test/transfer/{moving,refusals}.test.ts",
    ],
  },
  {
    name: "migrations",
    sources: ["src/sqlite/migrations/*.ts", "!src/sqlite/migrations/embedded.sqlite.ts"],
    tests: [
      "test/migrations/{adoption,altered,changed-schema,failing,history,hot-journal,messages,rebuild}.test.ts",
      "test/migrations/{refusal,repair,status,users-objects,verify}.test.ts",
      "test/files/{leftovers,links}.test.ts",
    ],
  },
];

const leastPercent = 85;

const asked = process.argv.slice(2);
setPriority(constants.priority.PRIORITY_LOW);
const scores: string[] = [];
for (const { name, sources, tests } of parts) {
  const folder = sources[0]?.replace("*.ts", "") ?? "";
  const mutate = asked.length === 0 ? [...sources] : asked.filter((file) => file.startsWith(folder));
  if (mutate.length === 0) continue;
  const mutants = await new Stryker({
    mutate,
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "vitest.mutation.config.ts", related: false },
    testFiles: [...tests],
    coverageAnalysis: "perTest",
    // A mutant that is evaluated while a file loads would need every test.
    ignoreStatic: true,
    concurrency: 1,
    timeoutMS: 20_000,
    incremental: true,
    incrementalFile: `reports/mutation/${name}.incremental.json`,
    reporters: ["clear-text", "progress-append-only", "html"],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    htmlReporter: { fileName: `reports/mutation/${name}.html` },
    tempDirName: `reports/stryker-${name}`,
    ignorePatterns: ["dist", "runs", "bench/results"],
    // Stryker would rewrite it with TypeScript's former API, which version 7 lacks; vitest reads no tsconfig.
    tsconfigFile: "none",
    allowConsoleColors: false,
  }).runMutationTest();
  const killed = mutants.filter(({ status }) => status === "Killed" || status === "Timeout").length;
  const valid = mutants.filter(({ status }) => !["Ignored", "CompileError", "RuntimeError"].includes(status)).length;
  const percent = (100 * killed) / valid;
  scores.push(`${name}: ${killed} of ${valid} mutants killed, ${percent.toFixed(1)} %`);
  if (percent < leastPercent) process.exitCode = 1;
}
console.log(scores.join("\n"));
