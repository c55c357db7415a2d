/** A new kind of event doesn't compile until the command and the report know its colour. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { project } from "./package/installed.ts";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-kinds-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("each map by kind is missing a kind that the vocabulary is extended with", { timeout: 60_000 }, () => {
  for (const part of ["src", "drizzle"]) cpSync(join(project, part), join(folder, part), { recursive: true });
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(project, "tsconfig.json"),
      compilerOptions: { rootDir: "." },
      include: ["src", "drizzle"],
    }),
  );
  const vocabulary = join(folder, "drizzle/vocabulary.ts");
  const text = readFileSync(vocabulary, "utf8");
  const extended = text.replace(/(eventKinds = \[.*)\]/, '$1, "resumed"]');
  expect(extended).not.toBe(text);
  writeFileSync(vocabulary, extended);
  const tsc = join(project, "node_modules/.bin/tsc");
  const { stdout } = spawnSync(tsc, ["--pretty", "false"], { cwd: folder, encoding: "utf8" });
  const places = stdout
    .split("\n")
    .filter((line) => line.includes("'resumed' is missing"))
    .map((line) => line.slice(0, line.indexOf("(")));
  expect([...new Set(places)].sort()).toEqual(["src/cli/terminal.ts", "src/report/style.ts"]);
});
