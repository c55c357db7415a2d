/**
 * The README and docs/ are true: every program compiles, runs as written and prints what the page says; every command runs.
 * Recipes are processes that test/recipes runs, the lifecycle's table is run by test/behaviour/lifecycle-page.ts.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { commandFile } from "./cli/command.ts";
import { type Block, blocksOf, guides, readPage } from "./documentation.ts";
import { project } from "./package/installed.ts";
import { freshDatabase, hasServer } from "./postgres/fresh.ts";
import { makeReadmeRuns, makeRun } from "./readme-run.ts";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-readme-"));
symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
afterAll(() => rmSync(folder, { recursive: true }));

const blocks = guides.filter((page) => page !== "docs/recipes.md").flatMap(blocksOf);
const inLanguage = (language: string) => blocks.filter((block) => block.language === language);
const programs = inLanguage("ts");

/** Runs a TypeScript program, or the bundled command, in a folder for each page. */
function runNode(cwd: string, words: readonly string[], variables: NodeJS.ProcessEnv = {}) {
  const environment = { TSX_TSCONFIG_PATH: join(project, "tsconfig.json"), NO_COLOR: "1" };
  const loader = words[0]?.endsWith(".mts") ? ["--import", import.meta.resolve("tsx")] : [];
  return spawnSync(process.execPath, [...loader, ...words], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...environment, ...variables },
  });
}

function folderOf({ page, line }: Block): string {
  const path = join(folder, `${page.replace("/", "-")}-${line}`);
  mkdirSync(path, { recursive: true });
  return path;
}

describe("the programs of README.md and docs/", () => {
  const needServer = programs.filter(({ text }) => text.includes("DATABASE_URL"));

  it.each(programs.filter((program) => !needServer.includes(program)))("$page:$line prints what it says", (program) => {
    expectPrinted(program, {});
  });

  it.skipIf(!hasServer).each(needServer)("$page:$line prints what it says, with a server", async (program) => {
    const { url } = await freshDatabase();
    expectPrinted(program, { DATABASE_URL: url });
  });

  function expectPrinted(program: Block, variables: NodeJS.ProcessEnv): void {
    const cwd = folderOf(program);
    writeFileSync(join(cwd, "program.mts"), program.text);
    const { stdout, stderr } = runNode(cwd, ["program.mts"], variables);
    expect(stderr).toBe("");
    expect(stdout).toBe(program.prints ?? "");
  }

  it("say what they print, and compile", () => {
    expect(programs.filter(({ prints }) => prints === undefined)).toEqual([]);
    for (const program of programs) writeFileSync(join(folderOf(program), "program.mts"), program.text);
    const { compilerOptions } = JSON.parse(readFileSync(join(project, "tsconfig.json"), "utf8"));
    const paths = Object.fromEntries(
      Object.entries<string[]>(compilerOptions.paths).map(([name, [path = ""]]) => [name, [join(project, path)]]),
    );
    const options = { ...compilerOptions, noUnusedLocals: false, noUnusedParameters: false, rootDir: "/", paths };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: { ...options, typeRoots: [join(project, "node_modules/@types")] },
        include: ["*/program.mts"],
      }),
    );
    const { stdout } = spawnSync(join(project, "node_modules/.bin/tsc"), [], { cwd: folder, encoding: "utf8" });
    expect(stdout).toBe("");
  });
});

it("README.md has at most 200 lines", () => {
  expect(readPage("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(200);
});

it("the pages have blocks of these kinds only", () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(["ts", "text", "sh", "mermaid"]));
  const outputs = programs.length;
  expect(inLanguage("text").filter(({ text }) => !text.startsWith("$ "))).toHaveLength(outputs);
});

describe("the commands of README.md and docs/", () => {
  const [install, ...sessions] = inLanguage("sh");

  it("install what the package asks for, and the driver for files", () => {
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
    const needed = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    expect(install?.text.trim().split(" ").slice(0, 2)).toEqual(["npm", "install"]);
    expect(install?.text.trim().split(" ").slice(2).sort()).toEqual(
      ["run-blackboard", "better-sqlite3", ...needed].sort(),
    );
  });

  it("are those of CI, in a checkout", () => {
    const ci = readFileSync(join(project, ".ci/run"), "utf8");
    const shown = [...readPage("README.md").matchAll(/`(npm c[^`]*)`/g)].map(([, text]) => text);
    expect(shown).toEqual(["npm ci && npm start", "npm cit"]);
    for (const run of ["npm start", "npm cit"]) expect(ci).toContain(run);
  });

  const needServer = sessions.filter(({ text }) => text.includes("postgresql://"));

  it.each(sessions.filter((session) => !needServer.includes(session)))("$page:$line run", (session) => {
    expectToRun(session, "");
  });

  it.skipIf(!hasServer).each(needServer)("$page:$line run, with a server", async (session) => {
    const { url } = await freshDatabase();
    expectToRun(session, url);
  });

  function expectToRun(session: Block, url: string): void {
    const cwd = folderOf(session);
    makeRun(join(cwd, "runs"), "abc123");
    mkdirSync(join(cwd, "backups"));
    if (!session.text.includes(" backup ")) expectSuccess(cwd, ["backup", "abc123", "backups/abc123.db"]);
    for (const line of session.text.trim().split("\n")) {
      const [npx, name, ...words] = line.split(" ");
      expect([npx, name]).toEqual(["npx", "run-blackboard"]);
      const local = words.map((word) => word.replace("/backups/", "backups/").replace(/^postgresql:.*/, url));
      expectSuccess(cwd, local);
    }
  }

  function expectSuccess(cwd: string, words: readonly string[]): void {
    const { status, stderr } = runNode(cwd, [commandFile(), ...words]);
    // 3: migrations are pending, as in an empty database.
    expect([0, 3], `${words.join(" ")}: ${stderr}`).toContain(status);
  }
});

/** After a change of what the command prints, `npx vitest run test/readme.test.ts -u` copies it into the page. */
it("docs/command-line.md shows a session with the command as it is", async () => {
  const page = readPage("docs/command-line.md");
  const session = blocks.find(({ text }) => text.startsWith("$ npx run-blackboard runs"))?.text ?? "";
  const cwd = join(folder, "session");
  makeReadmeRuns(join(cwd, "runs"));
  const shown = session.split(/^\$ npx run-blackboard (.*)\n/m).slice(1);
  expect(shown.length).toBeGreaterThan(8);
  let printed = "";
  for (let index = 0; index < shown.length; index += 2) {
    const [words = "", output = ""] = shown.slice(index);
    const { stdout, stderr } = runNode(cwd, [commandFile(), ...words.split(" ")]);
    const text = (stdout + stderr).trimEnd();
    const asShown = timeless(text) === timeless(output) ? output : text.replaceAll(/\S*\/runs\//g, "/srv/agents/runs/");
    printed += `$ npx run-blackboard ${words}\n${asShown.trim()}\n\n`;
  }
  const filled = page.replace(session, () => `${printed.trimEnd()}\n`);
  await expect(filled).toMatchFileSnapshot(join(project, "docs/command-line.md"));
});

/** Without what depends on when and where it was made, and on how wide that makes a column. */
function timeless(output: string): string {
  return output
    .replaceAll(/\S*\/runs\//g, "runs/")
    .replaceAll(/\b\d+ (d|h|min|s)\b/g, "AGE")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/ +/g, " ")
    .trim();
}
