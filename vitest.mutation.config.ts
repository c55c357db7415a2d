/**
 * The tests that `npm run mutation` runs for each mutant: SQLite's, without those that need other processes to find a fault, and
 * the shortest files first, because the first failure ends a run.
 */
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import config from "./vitest.config.ts";

class ShortestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).reverse();
  }
}

export default defineConfig({
  ...config,
  test: {
    include: [
      "test/behaviour/sqlite-*.test.ts",
      "test/migrations/*.test.ts",
      "test/files/{leftovers,links}.test.ts",
      "test/transfer/{moving,numbering,refusals,absent-columns,prune}.test.ts",
      "test/input/arguments.test.ts",
      "test/families.test.ts",
    ],
    exclude: [
      // Threads cannot change the folder.
      "test/behaviour/sqlite-options.test.ts",
      "test/migrations/{check,exactly-once,full-disk,killed,living}.test.ts",
    ],
    provide: { postgres: null },
    sequence: { sequencer: ShortestFirst },
    testTimeout: 20_000,
  },
});
