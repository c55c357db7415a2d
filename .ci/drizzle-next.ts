/**
 * Runs the suites of both engines on the release candidate of Drizzle 1.0 that `peerDependencies` allows, in a copy of the project,
 * and compiles the published types with it. The project itself is installed with, and compiled against, version 0.45.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { project } from "../test/package/installed.ts";
import { withoutSkipped } from "./skipped-tests.ts";

/** What depends on how Drizzle builds, prepares and runs queries: about a minute and a half on two idle cores. */
const suites = [
  "test/behaviour/sqlite.test.ts",
  "test/behaviour/sqlite-statements.test.ts",
  "test/behaviour/sqlite-view.test.ts",
  "test/postgres/behaviour.test.ts",
  "test/postgres/round-trips.test.ts",
  "test/postgres/statements.test.ts",
  "test/postgres/transactions.test.ts",
  "test/processes/driver.test.ts",
  "test/processes/drizzle.test.ts",
  "test/transfer/moving.test.ts",
];

const { peerDependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
const [, version] = /\^(1\.0\.0-rc\.\d+)/.exec(peerDependencies["drizzle-orm"]) ?? [];
if (!version) throw new Error(`drizzle-orm ${peerDependencies["drizzle-orm"]}: no release candidate to test`);

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-drizzle-"));
const run = (command: string, words: readonly string[], cwd = folder) =>
  execFileSync(command, words, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, VITEST_JSON: "" },
  });

/** The project's installed packages, by links, with the release candidate in place of its Drizzle. */
function installInto(modules: string): void {
  mkdirSync(modules);
  for (const name of readdirSync(join(project, "node_modules"))) {
    if (name !== "drizzle-orm") symlinkSync(join(project, "node_modules", name), join(modules, name));
  }
  const words = ["pack", "--silent", "--prefer-offline", "--pack-destination", folder, `drizzle-orm@${version}`];
  const tarball = execFileSync("npm", words, { cwd: folder, encoding: "utf8" }).trim();
  mkdirSync(join(modules, "drizzle-orm"));
  run("tar", ["-xzf", join(folder, tarball), "-C", join(modules, "drizzle-orm"), "--strip-components", "1"]);
}

try {
  const copy = join(folder, "project");
  const left = ["node_modules", ".git", "runs", "dist"];
  cpSync(project, copy, { recursive: true, filter: (path) => path === project || !left.includes(basename(path)) });
  installInto(join(copy, "node_modules"));

  const user = join(folder, "user");
  const installed = join(user, "node_modules/run-blackboard");
  mkdirSync(installed, { recursive: true });
  for (const name of ["dist", "package.json"]) cpSync(join(project, name), join(installed, name), { recursive: true });
  for (const name of readdirSync(join(copy, "node_modules"))) {
    symlinkSync(join(copy, "node_modules", name), join(user, "node_modules", name));
  }
  cpSync(join(project, "test/package/programs/public-types.ts"), join(user, "public-types.mts"));
  const compiler = join(project, "node_modules/.bin/tsc");
  const strict = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2023"];
  run(compiler, [...strict, "--types", "node", "public-types.mts"], user);
  console.log(`The published types compile with drizzle-orm ${version}.`);

  run(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "--reporter", "dot", "--testNamePattern", withoutSkipped, ...suites],
    copy,
  );
} finally {
  rmSync(folder, { recursive: true });
}
