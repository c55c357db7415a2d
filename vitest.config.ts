import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/postgres/global-setup.ts"],
    reporters: process.env.VITEST_JSON ? ["default", ["json", { outputFile: process.env.VITEST_JSON }]] : ["default"],
    // Most of the time a test waits for its processes: on two cores one worker alone, which is the default, would idle.
    maxWorkers: "100%",
    // Real processes, disks and kills: the slowest take minutes on two cores.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
  resolve: {
    alias: [
      { find: /^run-blackboard\/postgres\/schema$/, replacement: source("drizzle/schema.postgres.ts") },
      { find: /^run-blackboard\/postgres$/, replacement: source("src/postgres.ts") },
      { find: /^run-blackboard\/errors$/, replacement: source("src/errors-and-types.ts") },
      { find: /^run-blackboard\/schema$/, replacement: source("drizzle/schema.ts") },
      { find: /^run-blackboard$/, replacement: source("src/index.ts") },
    ],
  },
});
