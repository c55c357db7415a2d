/**
 * In Jest and in vitest's `vmThreads`, errors of Node and of drivers are not instances of the classes that a test file
 * sees.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));
const project = dirname(dirname(here));

test("every error with a code keeps its class and code in a separate realm", () => {
  const vitest = join(project, "node_modules/vitest/vitest.mjs");
  const { VITEST_JSON: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vitest, "run", "--config", join(here, "vitest.config.ts"), "--no-color"],
    { cwd: project, encoding: "utf8", env },
  );
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  expect(stdout).toMatch(/Tests +\d+ passed/);
  expect(stderr).not.toContain("MaxListenersExceededWarning");
});
