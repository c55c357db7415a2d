import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { afterAll, expect, test } from "vitest";
import { breachesIn, layers, partOf } from "../.ci/layers.ts";
import { project } from "./package/installed.ts";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-layers-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file in a part: the part itself, or one that the folder doesn't have. */
const fileIn = (part: string, name: string) => (part.endsWith("/") ? `${part}${name}.ts` : part);

function importing(file: string, imported: string): string {
  const path = posix.relative(posix.dirname(file), imported);
  return `export type * from "${path.startsWith(".") ? path : `./${path}`}";`;
}

/** What the check, run as `npm run lint` does, reports of a folder with these files: the file and what it imports. */
function reported(name: string, sources: Record<string, string>): { status: number | null; lines: string[] } {
  const root = join(folder, name);
  for (const part of ["src", "drizzle", "examples"]) mkdirSync(join(root, part), { recursive: true });
  for (const [file, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `${text}\n`);
  }
  const { status, stderr } = spawnSync(join(project, "node_modules/.bin/tsx"), [join(project, ".ci/layers.ts"), root], {
    encoding: "utf8",
  });
  return { status, lines: stderr.split("\n").filter((line) => line !== "") };
}

const parts = layers.map(({ part }) => part);

test("the project's own sources import only what the table allows", () => {
  expect(breachesIn(project)).toEqual([]);
});

test("an import from any part to any other is refused unless the table lists it or the one file", () => {
  const sources: Record<string, string> = {};
  const expected: string[] = [];
  let pairs = 0;
  for (const from of parts) {
    const file = fileIn(from, "tried");
    const others = parts.filter((to) => to !== from);
    pairs += others.length;
    const allowed = layers.find(({ part }) => part === from)?.imports ?? [];
    const files = allowed.filter((entry) => /^(src|drizzle)\/.*\.ts$/.test(entry));
    const targets = [...others.map((to) => fileIn(to, "target")), ...files];
    sources[file] = targets.map((target) => importing(file, target)).join("\n");
    for (const to of others) if (!allowed.includes(to)) expected.push(`${file}: imports ${fileIn(to, "target")}.`);
  }
  const { status, lines } = reported("pairs", sources);
  expect(status).toBe(1);
  expect(lines.map((line) => line.slice(0, line.indexOf(". ") + 1)).sort()).toEqual(expected.sort());
  expect(pairs).toBe(parts.length * (parts.length - 1));
  expect(expected.length).toBeGreaterThan(500);
});

/** What no edit of the table may allow. */
const upward: readonly [string, readonly string[]][] = [
  ["drizzle/", ["src/errors.ts", "src/input/", "src/operations/", "src/sqlite/", "src/postgres/", "src/index.ts"]],
  ["src/errors.ts", ["src/input/", "src/operations/", "src/engine/", "src/foreign.ts"]],
  ["src/input/", ["src/operations/", "src/engine/", "src/sqlite/", "src/postgres/", "src/index.ts"]],
  [
    "src/operations/",
    [
      ...["src/engine/", "src/sqlite/", "src/sqlite/connection/", "src/sqlite/migrations/", "src/sqlite/files/"],
      ...["src/postgres/", "src/transfer/", "src/report/", "src/cli/", "src/watch.ts", "src/hold-claim.ts"],
      ...["src/inspect.ts", "src/blackboard.ts", "src/index.ts", "src/postgres.ts"],
    ],
  ],
  ["src/engine/", ["src/operations/", "src/sqlite/", "src/postgres/", "src/report/", "src/watch.ts", "src/cli/"]],
  ["src/blackboard.ts", ["src/sqlite/", "src/postgres/", "src/transfer/", "src/inspect.ts", "src/index.ts"]],
  ["src/sqlite/", ["src/operations/", "src/postgres/", "src/blackboard.ts", "src/transfer/", "src/index.ts"]],
  ["src/sqlite/migrations/", ["src/operations/", "src/input/", "src/transfer/", "src/blackboard.ts", "src/index.ts"]],
  ["src/postgres/", ["src/sqlite/", "src/sqlite/files/", "src/blackboard.ts", "src/index.ts", "src/postgres.ts"]],
  ["src/transfer/", ["src/sqlite/", "src/sqlite/files/", "src/postgres/", "src/blackboard.ts", "src/index.ts"]],
  ["src/report/", ["src/operations/", "src/blackboard.ts", "src/index.ts", "src/sqlite/"]],
  ["src/cli/", ["src/operations/", "src/sqlite/", "src/postgres/", "src/blackboard.ts", "src/transfer/"]],
  ["examples/recipes/", ["src/index.ts", "drizzle/"]],
  ["examples/survey/", ["src/index.ts", "drizzle/"]],
];

test.each(upward)("the table doesn't let %s import what is above it", (from, others) => {
  const allowed = layers.find(({ part }) => part === from)?.imports;
  expect(others.filter((other) => !parts.includes(other))).toEqual([]);
  expect(others.filter((other) => allowed?.includes(other))).toEqual([]);
});

test("each part lists only parts above it, so they form no circle, and only what exists", () => {
  for (const [index, { part, imports }] of layers.entries()) {
    expect(existsSync(join(project, part)), part).toBe(true);
    for (const entry of imports.filter((name) => /^(src|drizzle|examples)\//.test(name))) {
      expect(existsSync(join(project, entry)), `${part} lists ${entry}`).toBe(true);
      const listed = partOf(entry.endsWith("/") ? `${entry}some.ts` : entry);
      expect(listed && layers.indexOf(listed), `${part} lists ${entry}`).toBeLessThan(index);
    }
  }
});

test("a package that only one engine needs is refused elsewhere, and so is the project by its own name", () => {
  const { lines } = reported("packages", {
    "src/operations/tried.ts": 'import pg from "pg";\nimport Database from "better-sqlite3";\nimport "run-blackboard";',
    "src/sqlite/tried.ts": 'import {\n  Pool,\n} from "pg";\nimport Database from "better-sqlite3";\nimport "node:fs";',
  });
  expect(lines.map((line) => line.slice(0, line.indexOf(". ")))).toEqual([
    "src/operations/tried.ts: imports pg",
    "src/operations/tried.ts: imports better-sqlite3",
    "src/operations/tried.ts: imports run-blackboard",
    "src/sqlite/tried.ts: imports pg",
  ]);
});

test("an import is found in any form: of types, called, required, with a name known only when it runs", () => {
  const { lines } = reported("forms", {
    "src/input/tried.ts": [
      'import type { Run } from "../operations/runs.ts";',
      "export {\n  a,\n  b,\n} from '../operations/runs.ts';",
      'import "../operations/runs.ts";',
      'type Lazy = typeof import("../operations/runs.ts");',
      'const lazy = async () => await import("../operations/runs.ts");',
      'const old = require("../operations/runs.ts");',
      "const any = await import(name);",
      '/**\n * import * as runs from "../operations/runs.ts";\n */',
      '// import "../operations/runs.ts";',
    ].join("\n"),
  });
  const found = lines.map((line) => line.slice(0, line.indexOf(". ")));
  expect(found).toEqual([
    ...Array.from({ length: 6 }, () => "src/input/tried.ts: imports src/operations/runs.ts"),
    "src/input/tried.ts: imports what is known only when it runs",
  ]);
});

test("a file that belongs to no part is refused, and so is a folder", () => {
  const { status, lines } = reported("strangers", { "src/stranger.ts": "", "src/strangers/one.ts": "" });
  expect(status).toBe(1);
  expect(lines).toEqual([
    "src/stranger.ts: belongs to no part; add a row to .ci/layers.ts",
    "src/strangers/one.ts: belongs to no part; add a row to .ci/layers.ts",
  ]);
});

test("a source of the project that imports its caller makes the check fail", () => {
  const root = join(folder, "copy");
  for (const part of ["src", "drizzle", "examples"]) cpSync(join(project, part), join(root, part), { recursive: true });
  expect(reported("copy", {})).toEqual({ status: 0, lines: [] });
  const { status, lines } = reported("copy", { "src/operations/pages.ts": 'export * from "../cli/output.ts";' });
  expect(status).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("src/operations/pages.ts: imports src/cli/output.ts. src/operations/ (");
});
