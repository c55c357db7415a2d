/**
 * Every test file runs in a separate realm, as in Jest: the errors of Node and of drivers belong to a different one.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

// biome-ignore lint/style/noDefaultExport: vitest asks for one.
export default defineConfig({
  test: {
    root: source("."),
    include: ["test/realms/*.realm.ts"],
    pool: "vmThreads",
    testTimeout: 60_000,
  },
  resolve: { alias: [{ find: /^run-blackboard$/, replacement: source("src/index.ts") }] },
});
