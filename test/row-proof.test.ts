/** The compiler's proof, at the end of drizzle/schema.postgres.ts, that both engines read and write the same rows. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getTableColumns } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { briefs, events, runs, tallies, workstreams } from "../drizzle/schema.ts";
import { project } from "./package/installed.ts";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tables = { runs, workstreams, briefs, events };
const columns = Object.entries(tables).flatMap(([table, columns]) =>
  Object.keys(getTableColumns(columns)).map((column) => ({ table, column })),
);

/** The schema of an engine with one table's columns edited: `edit` takes the lines of one definition. */
function edited(
  file: string,
  table: string,
  column: string,
  edit: (lines: string[], indent: string) => string[],
): string {
  const lines = readFileSync(join(project, "drizzle", file), "utf8").split("\n");
  const from = lines.findIndex((line) => new RegExp(`^(?:export|  )? ?const ${table} = `).test(line));
  const start = lines.findIndex((line, n) => n > from && new RegExp(`^ +${column}[:,]`).test(line));
  const indent = /^ */.exec(lines[start] ?? "")?.[0] ?? "";
  let end = start + 1;
  while (lines[end]?.startsWith(`${indent} `)) end++;
  return [...lines.slice(0, start), ...edit(lines.slice(start, end), indent), ...lines.slice(end)].join("\n");
}

type Changed = { name: string; file: string; text: string };
const changes: Changed[] = [
  ...columns.map(({ table, column }) => ({
    name: `${table}.${column} deleted`,
    file: "schema.postgres.ts",
    text: edited("schema.postgres.ts", table, column, () => []),
  })),
  ...columns.map(({ table, column }) => ({
    name: `${table}.${column} of another type`,
    file: "schema.postgres.ts",
    text: edited("schema.postgres.ts", table, column, (_, indent) => [
      `${indent}${column}: customType<{ data: Date }>({ dataType: () => "date" })("${column}"),`,
    ]),
  })),
  ...Object.entries(tables).map(([table, of]) => ({
    name: `a column that only SQLite's ${table} has`,
    file: "schema.ts",
    text: edited("schema.ts", table, Object.keys(getTableColumns(of))[0] ?? "", (lines, indent) => [
      ...lines,
      `${indent}title: text("title"),`,
    ]),
  })),
  ...Object.keys(getTableColumns(tallies)).map((column) => ({
    name: `tallies.${column} deleted`,
    file: "schema.postgres.ts",
    text: edited("schema.postgres.ts", "tallies", column, () => []),
  })),
  {
    name: "a table that only SQLite has",
    file: "schema.ts",
    text: `${readFileSync(join(project, "drizzle/schema.ts"), "utf8")}
export const notes = sqliteTable("notes", { text: text("text") });\n`,
  },
];

let output = "";
beforeAll(() => {
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(project, "tsconfig.json"),
      compilerOptions: { rootDir: ".", paths: {} },
      include: ["*/*.ts"],
    }),
  );
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  cpSync(join(project, "drizzle"), join(folder, "same"), { recursive: true });
  for (const [n, { file, text }] of changes.entries()) {
    const own = join(folder, String(n));
    if (file === "schema.ts") cpSync(join(project, "drizzle"), own, { recursive: true });
    else mkdirSync(own);
    // What wasn't changed is compiled once for all.
    writeFileSync(join(own, file), file === "schema.ts" ? text : text.replaceAll('"./', '"../same/'));
  }
  const tsc = join(project, "node_modules/.bin/tsc");
  output = spawnSync(tsc, ["--pretty", "false"], { cwd: folder, encoding: "utf8" }).stdout;
}, 60_000);

/** Errors of a folder's proof; an index on a column that was deleted is an error of its own. */
function refusals(name: string): string[] {
  const proof = /\bdiffers: |on type 'Here'|index type 'Here'|'SameRows'/;
  return output.split("\n").filter((line) => line.startsWith(`${name}/`) && proof.test(line));
}

test("the schemas as they are compile", () => {
  expect(output.split("\n").filter((line) => line.startsWith("same/"))).toEqual([]);
});

test.each(Object.keys(tables))("the rows that the package's types name are those of %s", (table) => {
  const n = changes.findIndex(({ name }) => name === `a column that only SQLite's ${table} has`);
  expect(output.split("\n").filter((line) => line.startsWith(`${n}/rows.ts(`))).not.toEqual([]);
});

test.each(changes.map(({ name }, n) => ({ name, n })))("the proof refuses $name", ({ n }) => {
  expect(refusals(String(n))).not.toEqual([]);
});
