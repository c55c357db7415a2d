/**
 * The README is true: its programs run as written and print what it says; its shell commands are those that CI runs.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { project } from "./package/installed.ts";
import { freshSchema, hasServer } from "./postgres/fresh.ts";
import { makeReadmeRuns } from "./readme-run.ts";

interface Block {
  language: string;
  text: string;
  /** The `text` block that follows at once, under "prints". */
  prints: string | undefined;
  line: number;
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  for (const match of markdown.matchAll(/^```(\w+)\n(.*?)^```\n(?=(\nprints\n\n```text\n(.*?)^```)?)/gms)) {
    const [, language = "", text = "", , prints] = match;
    blocks.push({ language, text, prints, line: markdown.slice(0, match.index).split("\n").length });
  }
  return blocks;
}

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-readme-"));
symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
afterAll(() => rmSync(folder, { recursive: true }));

const blocks = blocksOf(readFileSync(join(project, "README.md"), "utf8"));
const programs = blocks.filter(({ language }) => language === "ts");

describe("README.md", () => {
  const needServer = programs.filter(({ text }) => text.includes("DATABASE_URL"));

  it.each(programs.filter((program) => !needServer.includes(program)))(
    "the program at line $line prints what it says",
    (program) => {
      expectPrinted(program, {});
    },
  );

  it.skipIf(!hasServer).each(needServer)(
    "the program at line $line prints what it says, with a server",
    async (program) => {
      const { url } = await freshSchema();
      expectPrinted(program, { DATABASE_URL: url });
    },
  );

  function expectPrinted({ text, prints, line }: Block, variables: NodeJS.ProcessEnv): void {
    const file = join(folder, `line-${line}.mts`);
    writeFileSync(file, text);
    const printed = execFileSync(process.execPath, ["--import", import.meta.resolve("tsx"), file], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, TSX_TSCONFIG_PATH: join(project, "tsconfig.json"), NO_COLOR: "1", ...variables },
    });
    expect(printed).toBe(prints ?? "");
  }

  it("has no program without its output, and no other kind of block than these", () => {
    expect(programs.length).toBeGreaterThan(0);
    expect(programs.filter(({ prints }) => prints === undefined)).toEqual([]);
    expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(["ts", "text", "sh"]));
  });

  it("names the commands that CI runs, and installs what the package asks for", () => {
    const ci = readFileSync(join(project, ".ci/run"), "utf8");
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
    const commands = blocks.filter(({ language }) => language === "sh").map(({ text }) => text.trim());
    const [start, test, install] = commands;
    expect(start).toBe("npm ci && npm start");
    expect(ci).toContain("npm start");
    expect(test).toBe("npm cit");
    expect(ci).toContain("npm cit");
    const needed = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    expect(install?.split(" ").slice(2).sort()).toEqual(["run-blackboard", ...needed].sort());
    expect(commands).toHaveLength(4);
  });

  it("shows commands that run", () => {
    const [, , , looking = ""] = blocks.filter(({ language }) => language === "sh").map(({ text }) => text.trim());
    const source = `import { openBlackboard } from "run-blackboard"; openBlackboard({ runId: "abc123" }).close();`;
    writeFileSync(join(folder, "open.mts"), source);
    const environment = { ...process.env, TSX_TSCONFIG_PATH: join(project, "tsconfig.json") };
    const run = (...words: string[]) =>
      execFileSync(process.execPath, ["--import", import.meta.resolve("tsx"), ...words], {
        cwd: folder,
        env: environment,
        encoding: "utf8",
      });
    run("open.mts");
    for (const line of looking.split("\n")) {
      const [npx, name, ...words] = line.split(" ");
      expect([npx, name]).toEqual(["npx", "run-blackboard"]);
      expect(run(join(project, "src/cli/main.ts"), ...words)).toContain("abc123");
    }
  });

  it("shows a session with the command as it is", () => {
    const session = blocks.find(({ text }) => text.startsWith("$ npx run-blackboard runs"))?.text ?? "";
    makeReadmeRuns(join(folder, "session/runs"));
    const shown = session.split(/^\$ npx run-blackboard (.*)\n/m).slice(1);
    expect(shown.length).toBeGreaterThan(8);
    for (let index = 0; index < shown.length; index += 2) {
      const [words = "", output = ""] = shown.slice(index);
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), join(project, "src/cli/main.ts"), ...words.split(" ")],
        {
          cwd: join(folder, "session"),
          encoding: "utf8",
          env: { ...process.env, TSX_TSCONFIG_PATH: join(project, "tsconfig.json") },
        },
      );
      expect(timeless(stdout + stderr)).toBe(timeless(output));
    }
  });
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
