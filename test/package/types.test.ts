/** The types of the packed tarball, in projects that have more or less installed. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { pack, project, run, unpack } from "./installed.ts";
import { unexportedTypes } from "./public-types.ts";

let tarball: string;
beforeAll(() => {
  tarball = pack();
});
afterAll(() => rmSync(dirname(tarball), { recursive: true }));

/** A project with the tarball and these packages, in which a file that ends in .ts is of this type of module. */
function projectWith(packages: readonly string[], type: "module" | "commonjs" = "module"): string {
  const folder = unpack(tarball);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type }));
  for (const name of packages) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(project, "node_modules", name), link);
  }
  return folder;
}

/** What the compiler says of a program, one line for each error. Links are not followed: what isn't linked isn't installed. */
function compile(folder: string, file: string, text: string, types: readonly string[]): string[] {
  writeFileSync(join(folder, file), text);
  const compilerOptions = {
    ...{ module: "nodenext", target: "es2023", strict: true, skipLibCheck: true, preserveSymlinks: true, types },
    ...{ lib: ["es2023", "dom", "esnext.disposable"], outDir: "out" },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  const compiler = join(project, "node_modules/.bin/tsc");
  const { stdout } = spawnSync(compiler, ["--pretty", "false"], { cwd: folder, encoding: "utf8" });
  return stdout.split("\n").filter((line) => /^\S/.test(line));
}

const runtime = ["better-sqlite3", "bindings", "drizzle-orm", "file-uri-to-path", "uuidv7", "@standard-schema/spec"];
const typed = [...runtime, "@types/better-sqlite3", "@types/node", "undici-types"];

describe("the types that signatures name", () => {
  const entries = ["src/index", "src/postgres", "src/errors-and-types", "drizzle/schema", "drizzle/schema.postgres"];

  test("are exported", () => {
    const folder = unpack(tarball);
    const paths = entries.map((name) => join(folder, "node_modules/run-blackboard/dist", `${name}.d.ts`));
    expect(unexportedTypes(paths)).toEqual([]);
  });

  test("are found missing, in functions, classes and interfaces, also through other files", () => {
    const folder = temporaryFolder();
    const other =
      'import { type Deep } from "./deep.ts";\nexport interface Shown { deep: Deep; }\nexport interface Hidden { n: 1; }\n';
    const entry = `import { type Hidden } from "./other.ts";
import type Database from "better-sqlite3";
export { type Shown } from "./other.ts";
interface Local { n: 1; }
export declare function open(options: Local): Database.Database;
export declare class Board {
    #hidden;
    private readonly ignored;
    read(hidden: Hidden): string;
}
type Helper = 1;
export type Part = Helper | 2;
`;
    writeFileSync(join(folder, "deep.d.ts"), "export type Deep = 1;\n");
    writeFileSync(join(folder, "other.d.ts"), other);
    writeFileSync(join(folder, "entry.d.ts"), entry);
    expect(unexportedTypes([join(folder, "entry.d.ts")])).toEqual(["Deep (Shown)", "Hidden (Board)", "Local (open)"]);
  });
});

describe("a program without @types/node", () => {
  const text = `
    import { type Brief, openBlackboard } from "run-blackboard";
    import { InvalidInputError } from "run-blackboard/errors";
    import * as schema from "run-blackboard/schema";
    const board = openBlackboard({ runId: "r", file: ":memory:" });
    const brief: Brief = board.createBrief({ tier: 1, role: "coder" });
    export const attempt: number = brief.attempt;
    export const role: string | undefined = board.drizzle.select().from(schema.briefs).all()[0]?.role;
    export const isOurs = (error: unknown) => error instanceof InvalidInputError;
    // @ts-expect-error A role is required: the package's own types are there.
    board.createBrief({ tier: 1 });
  `;
  const usesNode = "\nexport const pid: number = process.pid;\n";

  test("compiles, and doesn't get Node's types from the package", () => {
    const folder = projectWith(runtime);
    expect(compile(folder, "user.ts", text, [])).toEqual([]);
    expect(compile(folder, "user.ts", text + usesNode, [])).toEqual([expect.stringContaining("'process'")]);
  });

  test("doesn't get them either where they are installed for another program", () => {
    const folder = projectWith([...runtime, "@types/node", "undici-types"]);
    expect(compile(folder, "user.ts", text + usesNode, [])).toEqual([expect.stringContaining("'process'")]);
    // Those of the driver, which such a program need not install, would bring them.
    expect(compile(projectWith(typed), "user.ts", text + usesNode, [])).toEqual([]);
  });
});

test("a program with @types/better-sqlite3 has the connection's type", () => {
  const text = `
    import { openBlackboard } from "run-blackboard";
    const board = openBlackboard({ runId: "r", file: ":memory:" });
    export const open: boolean = board.drizzle.$client.open;
    // @ts-expect-error A connection has no such method.
    board.drizzle.$client.query("SELECT 1");
  `;
  expect(compile(projectWith(typed), "user.ts", text, ["node"])).toEqual([]);
});

describe("queries of a CommonJS program", () => {
  const query = `
    board.createRun("count");
    board.createBrief({ tier: 1, role: "coder" });
    const isCoder = eq(schema.briefs.role, "coder");
    const [row] = board.drizzle.select({ n: count() }).from(schema.briefs).where(isCoder).all();
    const n: number | undefined = row?.n;
    console.log(n);
  `;
  const opening = `
    import { openBlackboard } from "run-blackboard";
    import * as schema from "run-blackboard/schema";
    const board = openBlackboard({ runId: "r", file: ":memory:" });
  `;

  test("compile and run with Drizzle's functions from import(), or in an .mts file", () => {
    const folder = projectWith(typed, "commonjs");
    const dynamic = `${opening} void (async () => { const { count, eq } = await import("drizzle-orm"); ${query} })();`;
    expect(compile(folder, "dynamic.ts", dynamic, ["node"])).toEqual([]);
    const module = `import { count, eq } from "drizzle-orm"; ${opening} ${query}`;
    expect(compile(folder, "module.mts", module, ["node"])).toEqual([]);
    for (const file of ["out/dynamic.js", "out/module.mjs"]) {
      expect(run(folder, "run.cjs", `import("./${file}");`), file).toBe("1\n");
    }
  });

  test("run but don't compile with import statements: those have other declarations of the same classes", () => {
    const folder = projectWith(typed, "commonjs");
    const text = `import { count, eq } from "drizzle-orm"; ${opening} ${query}`;
    const refused = compile(folder, "static.ts", text, ["node"]);
    expect(refused.join("\n")).toContain("'SQL<number>' is not assignable");
    expect(run(folder, "run.cjs", 'require("./out/static.js");')).toBe("1\n");
  });
});
