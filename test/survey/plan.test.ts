/** What a survey puts on the blackboard and what it omits. */
import { execFileSync } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Found, walk } from "../../examples/survey/walk.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { paths, planHere, query, small, survey, surveyHere, workHere, write } from "./survey.ts";

describe("the plan", () => {
  it("is a workstream per top-level folder, and a tree of briefs: the whole, its top-level folders, their files", async () => {
    const file = await surveyHere(write(temporaryFolder(), small));
    // `.` represents the files directly in the surveyed folder.
    expect(query(file, "SELECT name, tier, status FROM workstreams ORDER BY name")).toEqual([
      { name: ".", tier: 1, status: "done" },
      { name: "docs", tier: 1, status: "done" },
      { name: "empty", tier: 1, status: "done" },
      { name: "src", tier: 1, status: "done" },
    ]);
    const briefs = query(
      file,
      `SELECT brief.tier, brief.role, brief.payload, parent.payload AS parent, name AS workstream
       FROM briefs AS brief LEFT JOIN briefs AS parent ON parent.brief_id = brief.parent_brief_id
       LEFT JOIN workstreams ON workstreams.workstream_id = brief.workstream_id
       ORDER BY brief.tier, brief.payload`,
    );
    const payload = (path: string) => JSON.stringify({ path });
    const folder = (path: string) => ({
      tier: 1,
      role: "folder",
      payload: payload(path),
      parent: payload("."),
      workstream: path,
    });
    const inFolder = (top: string, path: string) => ({
      tier: 2,
      role: "file",
      payload: payload(path),
      parent: payload(top),
      workstream: top,
    });
    expect(briefs).toEqual([
      { tier: 0, role: "survey", payload: payload("."), parent: null, workstream: null },
      folder("."),
      folder("docs"),
      folder("empty"),
      folder("src"),
      inFolder("docs", "docs/guide.md"),
      inFolder(".", "readme.md"),
      inFolder("src", "src/lib/deep/util.ts"),
      inFolder("src", "src/main.ts"),
    ]);
  });

  it("has no folder `.` without files directly in the surveyed folder, and only the root brief for an empty one", async () => {
    const none = await surveyHere(write(temporaryFolder(), { "a/b.c": "" }));
    expect(query(none, "SELECT name FROM workstreams")).toEqual([{ name: "a" }]);
    const empty = await surveyHere(temporaryFolder());
    expect(query(empty, "SELECT tier, status, result FROM briefs")).toEqual([
      { tier: 0, status: "done", result: JSON.stringify({ files: 0, bytes: 0, lines: 0, languages: {} }) },
    ]);
  });

  it("omits exactly what .gitignore files name; a deeper file takes precedence", async () => {
    const folder = write(temporaryFolder(), {
      ".gitignore": "*.log\nbuild/\n/only-here.txt\n# comment\n",
      "a.log": "",
      "only-here.txt": "",
      "build/out.js": "",
      "src/.gitignore": "!build/\n!keep.log\n/local.ts\n",
      "src/build/kept.js": "",
      "src/build/other.log": "",
      "src/keep.log": "",
      "src/drop.log": "",
      "src/local.ts": "",
      "src/deep/local.ts": "",
      "src/only-here.txt": "",
      "src/build.ts": "",
    });
    const file = await surveyHere(folder);
    expect(paths(file)).toEqual([
      ".gitignore",
      "src/.gitignore",
      "src/build.ts",
      "src/build/kept.js",
      "src/deep/local.ts",
      "src/keep.log",
      "src/only-here.txt",
    ]);
    expect(query(file, "SELECT name FROM workstreams ORDER BY name")).toEqual([{ name: "." }, { name: "src" }]);
  });

  it("applies the .gitignore files above, up to the repository's root, unless they ignore the surveyed folder", async () => {
    const folder = write(temporaryFolder(), {
      ".git/HEAD": "",
      ".gitignore": "*.log\n/src/secret\ndist/\n",
      "src/a.log": "",
      "src/a.ts": "",
      "src/secret/b.ts": "",
      "dist/c.js": "",
      "dist/c.log": "",
    });
    expect(paths(await surveyHere(join(folder, "src")))).toEqual(["a.ts"]);
    expect(paths(await surveyHere(join(folder, "dist")))).toEqual(["c.js", "c.log"]);
  });

  it("contains the same files as git", async () => {
    const patterns = [
      "*",
      "!*/",
      "!*.ts",
      "a/b",
      "/a/*",
      "!a/y.ts",
      "**/b",
      "b/**/a",
      "[ab].md",
      "\\!n",
      "s p  ",
      "/",
      "!",
      "w\\*",
    ];
    const folder = write(temporaryFolder(), {});
    for (const [index, first] of patterns.entries()) {
      const repository = join(folder, `${index}`);
      const second = patterns[(index * 5 + 3) % patterns.length] ?? "";
      write(repository, {
        ".gitignore": `${first}\n`,
        "a/.gitignore": `${second}\n`,
        "a/b/.gitignore": `!${first}\r\n`,
      });
      for (const name of ["a", "b", "y.ts", "a.md", "!n", "s p", "w*", "wx"]) {
        write(repository, { [`b/${name}`]: "", [`c/a/${name}`]: "", [`a/b/${name}`]: "", [`${name}.d/a/x.ts`]: "" });
      }
      execFileSync("git", ["init", "--quiet", repository]);
      const git = ["-C", repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
      const expected = execFileSync("git", git, { encoding: "utf8" }).split("\0").filter(Boolean);
      const found: string[] = [];
      for await (const { role, entry } of walk(repository, "")) if (role === "file") found.push(entry.path);
      expect(found.sort(), `${first} and ${second}`).toEqual(expected.sort());
    }
  });

  it("omits links, `.git`, and the runs under the current folder", async () => {
    const folder = write(temporaryFolder(), {
      "real/file.ts": "",
      ".git/config": "",
      "sub/.git/config": "",
      "sub/runs/kept.txt": "",
      "runs/older/blackboard.db": "",
      "outside/": "",
    });
    symlinkSync(join(folder, "real/file.ts"), join(folder, "link.ts"));
    symlinkSync(join(folder, "real"), join(folder, "linked"));
    symlinkSync(folder, join(folder, "sub/round"));
    symlinkSync("nowhere", join(folder, "real/broken"));
    const { file } = await survey(folder, "--workers", "1");
    expect(paths(file)).toEqual(["real/file.ts", "sub/runs/kept.txt"]);
  });

  it("that was interrupted is completed without duplicates", async () => {
    const cwd = temporaryFolder();
    const names = Array.from({ length: 250 }, (_, index) => `folder/file${index}.ts`);
    const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [name, "a\n"])));
    execFileSync("mkfifo", [join(folder, "folder/a-pipe")]);
    const stop = new AbortController();
    await planHere(
      cwd,
      "planning",
      folder,
      meanwhile(walk(folder, ""), 150, () => stop.abort()),
      stop,
    );
    const file = join(cwd, "runs/planning/blackboard.db");
    expect(query(file, "SELECT status, (SELECT count(*) FROM briefs) AS n FROM runs")).toEqual([
      { status: "pending", n: 200 },
    ]);

    await planHere(cwd, "planning", folder);
    await workHere(cwd, "planning", folder);
    expect(paths(file)).toEqual(["folder/a-pipe", ...names].sort());
    expect(query(file, "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind")).toEqual([
      { kind: "completed", n: 252 },
      { kind: "failed", n: 1 },
      { kind: "spawned", n: 253 },
    ]);
  });

  it("is closed by the first process that completes it: a slower start of the same run adds nothing to it", async () => {
    const cwd = temporaryFolder();
    const names = Array.from({ length: 120 }, (_, index) => `folder/file${100 + index}.ts`);
    const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [name, "a\n"])));
    const slower = meanwhile(walk(folder, ""), 2, async () => {
      rmSync(join(folder, "folder/file101.ts"));
      await planHere(cwd, "both", folder);
      await workHere(cwd, "both", folder);
    });
    await planHere(cwd, "both", folder, slower);
    const file = join(cwd, "runs/both/blackboard.db");
    expect(paths(file)).toEqual(names.filter((name) => name !== "folder/file101.ts"));
    expect(query(file, "SELECT DISTINCT status FROM briefs")).toEqual([{ status: "done" }]);
    expect(query(file, "SELECT status FROM runs")).toEqual([{ status: "done" }]);
  });
});

/** Yields what was walked and runs `happens` after `after` entries. */
async function* meanwhile(
  walked: AsyncIterable<Found>,
  after: number,
  happens: () => void | Promise<void>,
): AsyncGenerator<Found> {
  let count = 0;
  for await (const found of walked) {
    if (count++ === after) await happens();
    yield found;
  }
}
