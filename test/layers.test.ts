import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { project } from "./package/installed.ts";

/** A tree of its own with the project's rules, since a file that breaks them must not lie in the project. */
const folder = mkdtempSync(join(tmpdir(), "run-blackboard-layers-"));
afterAll(() => rmSync(folder, { recursive: true }));
const rules = JSON.stringify({ extends: [join(project, "biome.json")], vcs: { enabled: false } });
writeFileSync(join(folder, "biome.json"), rules);
cpSync(join(project, "src"), join(folder, "src"), { recursive: true });

const upward: readonly [string, string][] = [
  ["drizzle/wrong.ts", "../src/errors.ts"],
  ["src/errors.ts", "./input/check.ts"],
  ["src/input/wrong.ts", "../operations/runs.ts"],
  ["src/operations/wrong.ts", "../engines/sqlite.ts"],
  ["src/operations/wrong.ts", "../blackboard.ts"],
  ["src/engines/wrong.ts", "../operations/briefs.ts"],
  ["src/engines/wrong.ts", "../migrations/apply.ts"],
  ["src/migrations/wrong.ts", "../operations/runs.ts"],
  ["src/operations/wrong.ts", "../transfer/place.ts"],
  ["src/transfer/wrong.ts", "../blackboard.ts"],
  ["src/transfer/wrong.ts", "../index.ts"],
  ["src/blackboard.ts", "./engines/sqlite.ts"],
  ["src/blackboard.ts", "./migrations/apply.ts"],
  ["src/watch.ts", "./engines/sqlite.ts"],
  ["src/hold-claim.ts", "./engines/sqlite.ts"],
  ["src/inspection/wrong.ts", "../index.ts"],
  ["src/report/wrong.ts", "../engines/sqlite.ts"],
  ["src/cli/wrong.ts", "../operations/runs.ts"],
  ["examples/wrong/main.ts", "../../src/index.ts"],
];

const allowed: readonly [string, string][] = [
  ["src/input/wrong.ts", "../errors.ts"],
  ["src/engines/wrong.ts", "../operations/operation.ts"],
  ["src/migrations/wrong.ts", "../engines/waiting.ts"],
  ["src/report/wrong.ts", "../operations/report.ts"],
  ["src/cli/wrong.ts", "../postgres.ts"],
  ["src/transfer/wrong.ts", "../operations/runs.ts"],
];

/** The lines of each file; all of them are looked at in one go. */
const lines = new Map<string, string[]>();
for (const [file, imported] of [...upward, ...allowed]) {
  lines.set(file, [...(lines.get(file) ?? []), `export * from "${imported}";`]);
}
for (const [file, texts] of lines) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), `${texts.join("\n")}\n`);
}
const { stdout: found } = spawnSync(
  join(project, "node_modules/.bin/biome"),
  ["lint", "--reporter=github", "--max-diagnostics=none", ...lines.keys()],
  { cwd: folder, encoding: "utf8" },
);

function isRefused(file: string, imported: string): boolean {
  const line = 1 + (lines.get(file) ?? []).findIndex((text) => text.includes(`"${imported}"`));
  return found
    .split("::error")
    .some((text) => ["noRestrictedImports", `/${file},`, `line=${line},`].every((part) => text.includes(part)));
}

it.each(upward)("%s may not import %s", (file, imported) => {
  expect(isRefused(file, imported)).toBe(true);
});

it.each(allowed)("%s may import %s", (file, imported) => {
  expect(found).toContain(`/${file},`);
  expect(isRefused(file, imported)).toBe(false);
});
