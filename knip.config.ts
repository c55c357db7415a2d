/** The check for unused files, exports and dependencies, which `npm run lint` runs. */
import type { KnipConfig } from "knip";

const config: KnipConfig = {
  includeEntryExports: true,
  workspaces: {
    ".": {
      // The public entries, and programs that no source imports: `.ci/run`, tests, benchmark and survey start them.
      entry: [
        "{src/index,src/postgres,src/cli/main,drizzle/schema,drizzle/schema.postgres}.ts",
        ".ci/*.{ts,mjs}",
        "bench/fairness-writer.ts",
        "chaos/actors/*.ts",
        "examples/recipes/*.ts",
        "examples/survey/worker.ts",
        "test/**/programs/*.ts",
        "test/types.test-d.ts",
      ],
      project: ["{src,drizzle,migrations,test,bench,chaos,examples,.ci}/**/*.{ts,mjs}", "*.ts"],
      drizzle: { config: ["drizzle.config.ts", "drizzle.postgres.config.ts"] },
      vitest: { config: ["vitest.config.ts", "vitest.mutation.config.ts", "test/realms/vitest.config.ts"] },
      // `.ci/package.ts` and `.ci/mutation.ts` name them as commands and as a plugin.
      ignoreDependencies: ["@arethetypeswrong/cli", "@stryker-mutator/vitest-runner", "publint"],
      // Programs of the system.
      ignoreBinaries: ["apt-get", "mkfifo", "prlimit", "psql", "script", "unshare"],
    },
    "bench/peers": {
      entry: ["peers.mjs"],
      // Pinned for packages that need them.
      ignoreDependencies: ["@langchain/core", "@langchain/langgraph-checkpoint", "better-sqlite3"],
    },
  },
  ignoreIssues: {
    // For users.
    "{src/index,src/postgres,drizzle/schema,drizzle/schema.postgres}.ts": ["exports", "types"],
    // bench/peers.ts imports it by a path that is known only when it runs.
    "bench/peers/peers.mjs": ["exports"],
    // The agreed contract, whole, whichever part of it test/types.test-d.ts compares.
    "test/contract.ts": ["exports", "types"],
  },
};
export default config;
