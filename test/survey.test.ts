/** The example: real folders, surveyed by the real program in a process of its own. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import Database from "better-sqlite3";
import { openBlackboard, type RunSummary } from "run-blackboard";
import { describe, expect, it, onTestFinished } from "vitest";
import { measure } from "../examples/survey/measure.ts";
import { plan } from "../examples/survey/plan.ts";
import { openProgress } from "../examples/survey/report.ts";
import { type Found, walk } from "../examples/survey/walk.ts";
import { bundled } from "./processes/bundle.ts";
import { temporaryFolder } from "./processes/folder.ts";
import { type Running, start } from "./processes/spawn.ts";

const program = [process.execPath, bundled(new URL("../examples/survey/main.ts", import.meta.url))];

/** In two halves, so that whoever looks for what is left to do here does not find them. */
const [todo, fixme] = ["TO".concat("DO"), "FIX".concat("ME")] as const;

/** Starts a survey; its first line is the number of its process, by which to send it signals. */
function starting(cwd: string, ...args: string[]): Running {
  return start("sh", ["-c", 'echo $$; exec "$@"', "sh", ...program, ...args], { cwd });
}

function send(signal: NodeJS.Signals, { lines }: Running): void {
  process.kill(Number(lines[0]), signal);
}

interface Survey {
  code: number | null;
  lines: readonly string[];
  stderr: string;
  /** The blackboard's file, which its last line names. */
  file: string;
}

async function survey(cwd: string, ...args: string[]): Promise<Survey> {
  const running = starting(cwd, ...args);
  const { code, stderr } = await running.ended;
  const lines = running.lines.slice(1);
  return { code, lines, stderr, file: join(cwd, lines.at(-1) ?? "") };
}

/** Writes files by their paths, and the folders that they lie in; a path that ends with a slash is a folder. */
function write(folder: string, files: Record<string, string | Buffer>): string {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(path.endsWith("/") ? target : dirname(target), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(target, content);
  }
  return folder;
}

function query<Row>(file: string, sql: string): Row[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare<[], Row>(sql).all();
  } finally {
    database.close();
  }
}

/** The files' briefs, by path. */
function files(file: string): Record<string, { status: string; result: unknown; retries: number }> {
  const rows = query<{ path: string; status: string; result: string | null; retries: number }>(
    file,
    `SELECT json_extract(payload, '$.path') AS path, status, result, retry_count AS retries
     FROM briefs WHERE tier = 2 ORDER BY path`,
  );
  return Object.fromEntries(
    rows.map(({ path, status, result, retries }) => [path, { status, result: result && JSON.parse(result), retries }]),
  );
}

function paths(file: string): string[] {
  return Object.keys(files(file));
}

/** Why briefs failed, by path. */
function reasons(file: string): Record<string, string> {
  const rows = query<{ path: string; reason: string }>(
    file,
    `SELECT json_extract(payload, '$.path') AS path, json_extract(detail, '$.reason') AS reason
     FROM events JOIN briefs USING (brief_id) WHERE kind = 'failed'`,
  );
  return Object.fromEntries(rows.map(({ path, reason }) => [path, reason]));
}

/** A text file that takes hours to read and next to nothing of the disk: a signal always finds the survey at it. */
function writeEndless(path: string): void {
  write(dirname(path), { [basename(path)]: "a".repeat(8000) });
  truncateSync(path, 2 ** 43);
}

/** Waits until the survey has come to the endless file, whose batch is taken and not finished. */
async function untilTaken({ until }: Running, cwd: string): Promise<string> {
  const runId = await until((lines) => lines[1]?.match(/^Run (\S+) surveys /)?.[1]);
  using board = openBlackboard({ runId, root: join(cwd, "runs"), readonly: true });
  const taken = () => board.listBriefs({ status: "active" }).items.map(({ payload }) => String(payload.path));
  await expect.poll(taken, { timeout: 60_000 }).toContainEqual(expect.stringContaining("endless"));
  return runId;
}

const small = {
  "readme.md": "# Small\n",
  "src/main.ts": "let a = 1;\nlet b = 22;\n",
  "src/lib/deep/util.ts": "export {};\n",
  "docs/guide.md": "One line, no end",
  "empty/": "",
};

describe("the plan", () => {
  it("is a workstream per top-level folder, and a tree of briefs: the whole, its top-level folders, their files", async () => {
    const { file } = await survey(temporaryFolder(), write(temporaryFolder(), small));
    // `.` stands for the files that lie directly in the surveyed folder.
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

  it("has no folder `.` when no file lies directly in the surveyed one, and is the whole alone when nothing does", async () => {
    const none = await survey(temporaryFolder(), write(temporaryFolder(), { "a/b.c": "" }));
    expect(query(none.file, "SELECT name FROM workstreams")).toEqual([{ name: "a" }]);
    const empty = await survey(temporaryFolder(), temporaryFolder());
    expect(query(empty.file, "SELECT tier, status, result FROM briefs")).toEqual([
      { tier: 0, status: "done", result: JSON.stringify({ files: 0, bytes: 0, lines: 0, languages: {} }) },
    ]);
  });

  it("leaves out what .gitignore files name, a deeper one having the last word, and never what they do not", async () => {
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
    const { file } = await survey(temporaryFolder(), folder);
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

  it("minds the .gitignore files above, up to the root of the repository, unless they ignore the folder asked for", async () => {
    const folder = write(temporaryFolder(), {
      ".git/HEAD": "",
      ".gitignore": "*.log\n/src/secret\ndist/\n",
      "src/a.log": "",
      "src/a.ts": "",
      "src/secret/b.ts": "",
      "dist/c.js": "",
      "dist/c.log": "",
    });
    expect(paths((await survey(temporaryFolder(), join(folder, "src"))).file)).toEqual(["a.ts"]);
    expect(paths((await survey(temporaryFolder(), join(folder, "dist"))).file)).toEqual(["c.js", "c.log"]);
  });

  it("agrees with git about which files there are", async () => {
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

  it("leaves out links, `.git`, and the runs under the current folder", async () => {
    const folder = write(temporaryFolder(), {
      "real/file.ts": "",
      ".git/config": "",
      "sub/.git/config": "",
      "sub/runs/kept.txt": "",
      "outside/": "",
    });
    symlinkSync(join(folder, "real/file.ts"), join(folder, "link.ts"));
    symlinkSync(join(folder, "real"), join(folder, "linked"));
    symlinkSync(folder, join(folder, "sub/round"));
    symlinkSync("nowhere", join(folder, "real/broken"));
    const first = await survey(folder);
    const second = await survey(folder, ".");
    expect(paths(first.file)).toEqual(["real/file.ts", "sub/runs/kept.txt"]);
    expect(paths(second.file)).toEqual(["real/file.ts", "sub/runs/kept.txt"]);
  });
});

describe("a file's result", () => {
  const contents: Record<string, { content: string | Buffer; result: object }> = {
    "two-lines.ts": {
      content: "let a = 1;\nlet b = 22;\n",
      result: { bytes: 23, lines: 2, language: "TypeScript", longestLine: 11, todos: 0 },
    },
    "no-end.py": { content: "a\n\nbcd", result: { bytes: 6, lines: 3, language: "Python", longestLine: 3, todos: 0 } },
    "windows.c": { content: "ab\r\nc\r\n", result: { bytes: 7, lines: 2, language: "C", longestLine: 2, todos: 0 } },
    "empty.md": { content: "", result: { bytes: 0, lines: 0, language: "Markdown", longestLine: 0, todos: 0 } },
    "newline.txt": { content: "\n", result: { bytes: 1, lines: 1, language: "Text", longestLine: 0, todos: 0 } },
    "characters.html": {
      content: "é€😀\n",
      result: { bytes: 10, lines: 1, language: "HTML", longestLine: 3, todos: 0 },
    },
    "marks.rs": {
      content: [
        `// ${todo}`,
        `// ${todo}: and ${fixme}`,
        fixme,
        `${todo}S`,
        `x${todo}`,
        todo.toLowerCase(),
        `${fixme}_`,
        `(${todo})`,
      ].join("\n"),
      result: { bytes: 63, lines: 8, language: "Rust", longestLine: 18, todos: 4 },
    },
    Makefile: { content: "all:\n", result: { bytes: 5, lines: 1, language: "Makefile", longestLine: 4, todos: 0 } },
    "UPPER.SQL": { content: "a", result: { bytes: 1, lines: 1, language: "SQL", longestLine: 1, todos: 0 } },
    constructor: { content: "a", result: { bytes: 1, lines: 1, language: "other", longestLine: 1, todos: 0 } },
    "image.svg": {
      content: Buffer.from("ab\n\0cd\n"),
      result: { bytes: 7, lines: 0, language: "binary", longestLine: 0, todos: 0 },
    },
  };

  it.each(Object.entries(contents))("is exact: %s", async (name, { content, result }) => {
    const folder = write(temporaryFolder(), { [name]: content });
    expect(await measure(join(folder, name), new AbortController().signal)).toEqual(result);
  });

  it("is the same wherever lines, words and characters fall on the bounds of what is read at a time", async () => {
    const folder = temporaryFolder();
    const text = `${todo} é\r\n${fixme}_no x${todo}\n`;
    for (let shift = 0; shift < Buffer.byteLength(text); shift++) {
      const before = `${"-".repeat(256 * 1024 - 1 - shift)}\n`;
      const name = `${shift}.txt`;
      write(folder, { [name]: `${before}${text}` });
      expect(await measure(join(folder, name), new AbortController().signal), name).toMatchObject({
        lines: 3,
        longestLine: before.length - 1,
        todos: 1,
      });
    }
  });

  it("is found in one pass through a line longer than a string may be", async () => {
    const path = join(write(temporaryFolder(), { "long.json": "x".repeat(8000) }), "long.json");
    const bytes = 2 ** 29 + 1;
    truncateSync(path, bytes);
    expect(await measure(path, new AbortController().signal)).toEqual({
      bytes,
      lines: 1,
      language: "JSON",
      longestLine: bytes,
      todos: 0,
    });
  });

  it("is stored as it is, and rolled up for each folder and the whole", async () => {
    const folder = write(temporaryFolder(), {
      "a.ts": "1\n",
      "src/b.ts": "22\n22\n",
      "src/deep/c.py": "3",
      "src/d.bin": Buffer.from([0, 1, 2]),
    });
    const { file } = await survey(temporaryFolder(), folder);
    expect(files(file)["src/deep/c.py"]).toEqual({
      status: "done",
      result: { bytes: 1, lines: 1, language: "Python", longestLine: 1, todos: 0 },
      retries: 0,
    });
    const rows = query<{ path: string; result: string }>(
      file,
      "SELECT json_extract(payload, '$.path') AS path, result FROM briefs WHERE tier < 2 ORDER BY tier, path",
    );
    expect(rows.map(({ path, result }) => [path, JSON.parse(result)])).toEqual([
      [
        ".",
        {
          files: 4,
          bytes: 12,
          lines: 4,
          languages: {
            TypeScript: { files: 2, bytes: 8, lines: 3 },
            Python: { files: 1, bytes: 1, lines: 1 },
            binary: { files: 1, bytes: 3, lines: 0 },
          },
        },
      ],
      [".", { files: 1, bytes: 2, lines: 1, languages: { TypeScript: { files: 1, bytes: 2, lines: 1 } } }],
      [
        "src",
        {
          files: 3,
          bytes: 10,
          lines: 3,
          languages: {
            TypeScript: { files: 1, bytes: 6, lines: 2 },
            Python: { files: 1, bytes: 1, lines: 1 },
            binary: { files: 1, bytes: 3, lines: 0 },
          },
        },
      ],
    ]);
  });
});

describe("what cannot be measured", () => {
  it("fails its brief with the reason, and the survey goes on: a pipe, whose other end nobody holds", async () => {
    const folder = write(temporaryFolder(), { "a.txt": "a\n", "z.txt": "z\n" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const { code, file, lines } = await survey(temporaryFolder(), folder);
    expect(code).toBe(0);
    expect(reasons(file)).toEqual({ pipe: "not a regular file" });
    expect(Object.entries(files(file)).map(([path, { status, result }]) => [path, status, result !== null])).toEqual([
      ["a.txt", "done", true],
      ["pipe", "failed", false],
      ["z.txt", "done", true],
    ]);
    expect(lines).toContain("  pipe: not a regular file");
  });

  it("fails what has changed since it was planned: a file that is gone, or a link or a pipe by now", async () => {
    const folder = write(temporaryFolder(), { "gone.txt": "", "link.txt": "", "pipe.txt": "", "stays.txt": "" });
    const cwd = temporaryFolder();
    await planOnly(cwd, "changed", folder);
    for (const name of ["gone.txt", "link.txt", "pipe.txt"]) rmSync(join(folder, name));
    symlinkSync("stays.txt", join(folder, "link.txt"));
    execFileSync("mkfifo", [join(folder, "pipe.txt")]);
    const { code, file } = await survey(cwd, "--run", "changed");
    expect(code).toBe(0);
    expect(reasons(file)).toEqual({
      "gone.txt": "ENOENT: no such file or directory",
      "link.txt": "ELOOP: too many symbolic links encountered",
      "pipe.txt": "not a regular file",
    });
    expect(files(file)["stays.txt"]?.status).toBe("done");
  });

  it.runIf(process.platform === "linux")(
    "fails names that are not text, each on its own, and shows them as text",
    async () => {
      const folder = write(temporaryFolder(), { "fine.txt": "a\n" });
      const name = (...bytes: number[]) => Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from(bytes)]);
      writeFileSync(name(0xff), "");
      writeFileSync(name(0xfe), "");
      mkdirSync(name(0xc3, 0x28));
      writeFileSync(Buffer.concat([name(0xc3, 0x28), Buffer.from("/inside.txt")]), "");
      const { code, file } = await survey(temporaryFolder(), folder);
      expect(code).toBe(0);
      expect(query(file, "SELECT tier, status, payload FROM briefs WHERE tier > 0 ORDER BY tier, payload")).toEqual([
        { tier: 1, status: "done", payload: '{"path":"."}' },
        { tier: 1, status: "failed", payload: '{"path":"bad-\ufffd("}' },
        { tier: 2, status: "failed", payload: '{"path":"bad-\ufffd"}' },
        { tier: 2, status: "failed", payload: '{"path":"bad-\ufffd"}' },
        { tier: 2, status: "done", payload: '{"path":"fine.txt"}' },
      ]);
      expect(new Set(Object.values(reasons(file)))).toEqual(new Set(["its name is not valid UTF-8"]));
      expect(query(file, "SELECT status FROM workstreams ORDER BY name")).toEqual([
        { status: "done" },
        { status: "failed" },
      ]);
    },
  );

  it("takes a folder further down that cannot be read, here for the length of its path, for one failed file", async () => {
    const folder = temporaryFolder();
    onTestFinished(() => void execFileSync("rm", ["-rf", join(folder, "deep")]));
    const dig = 'cd "$1/deep" && for level in $(seq 20); do mkdir "$2" && cd "$2" || break; done';
    write(folder, { "deep/": "", "deep/file.txt": "a" });
    execFileSync("sh", ["-c", dig, "sh", folder, "d".repeat(250)], { stdio: "ignore" });
    const { code, file } = await survey(temporaryFolder(), folder);
    expect(code).toBe(0);
    expect(Object.values(reasons(file))).toEqual(["ENAMETOOLONG: name too long"]);
    expect(query(file, "SELECT status, count(*) AS n FROM briefs GROUP BY status")).toEqual([
      { status: "done", n: 3 },
      { status: "failed", n: 1 },
    ]);
  });

  it.skipIf(process.getuid?.() === 0)("fails files and folders that may not be read", async () => {
    const folder = write(temporaryFolder(), {
      "locked.txt": "",
      "top/a.txt": "",
      "sub/deep/b.txt": "",
      "sub/c.txt": "",
    });
    const locked = ["locked.txt", "top", "sub/deep"].map((path) => join(folder, path));
    for (const path of locked) chmodSync(path, 0);
    onTestFinished(() => {
      for (const path of locked) chmodSync(path, 0o700);
    });
    const { code, file } = await survey(temporaryFolder(), folder);
    expect(code).toBe(0);
    const reason = "EACCES: permission denied";
    expect(reasons(file)).toEqual({ "locked.txt": reason, top: reason, "sub/deep": reason });
  });
});

describe("odd names", () => {
  const names = [
    "new\nline.ts",
    "\u001b[2Jclear.ts",
    "\u202eright.ts",
    "tab\t.ts",
    " ",
    "'\"`$(x).ts",
    "-rf",
    "é".repeat(127),
    "日本.ts",
  ];

  it("are measured like any others", async () => {
    const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [`${name}/${name}`, "a\n"])));
    const { code, file, stderr } = await survey(temporaryFolder(), folder);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(paths(file).sort()).toEqual(names.map((name) => `${name}/${name}`).sort());
    expect(query(file, "SELECT DISTINCT status FROM briefs")).toEqual([{ status: "done" }]);
  });

  it("never reach the terminal as they are", async () => {
    const folder = join(temporaryFolder(), "fol\n\u001b[2Jder");
    mkdirSync(folder);
    for (const name of names) execFileSync("mkfifo", ["--", join(folder, name)]);
    const { lines } = await survey(temporaryFolder(), folder);
    expect(lines).toContain("  new\\u{a}line.ts: not a regular file");
    for (const line of lines) expect(line).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
    const missing = await survey(temporaryFolder(), join(folder, "miss\u001bing"));
    expect(missing.stderr).toMatch(/^[^\p{Cc}\p{Cf}]*\n$/u);
  });
});

describe("what it tells", () => {
  it("logs an event for each thing that happens to a brief", async () => {
    const folder = write(temporaryFolder(), { "src/a.ts": "" });
    execFileSync("mkfifo", [join(folder, "src/pipe")]);
    const { file } = await survey(temporaryFolder(), folder);
    const sql = `SELECT role, json_extract(payload, '$.path') AS path, group_concat(kind) AS kinds
      FROM (SELECT * FROM events ORDER BY seq) JOIN briefs USING (brief_id) GROUP BY brief_id ORDER BY tier, path`;
    expect(query(file, sql)).toEqual([
      { role: "survey", path: ".", kinds: "spawned,completed" },
      { role: "folder", path: "src", kinds: "spawned,completed" },
      { role: "file", path: "src/a.ts", kinds: "spawned,completed" },
      { role: "file", path: "src/pipe", kinds: "spawned,failed" },
    ]);
    expect(
      query(file, "SELECT role FROM events JOIN briefs USING (brief_id) WHERE kind = 'completed' ORDER BY seq"),
    ).toEqual([{ role: "file" }, { role: "folder" }, { role: "survey" }]);
  });

  it("ends with the summary, a table by language, and the path of the blackboard", async () => {
    const { lines, stderr } = await survey(temporaryFolder(), write(temporaryFolder(), small), "--run", "small");
    expect(stderr).toBe("");
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(/^Run small is done: Survey /),
      "  briefs       9 done",
      "  workstreams  4 done",
      "  events       9 spawned, 9 completed",
      "",
      "┌────────────┬───────┬───────┬───────┐",
      "│ Language   │ Files │ Lines │ Bytes │",
      "├────────────┼───────┼───────┼───────┤",
      "│ TypeScript │     2 │     3 │    34 │",
      "│ Markdown   │     2 │     2 │    24 │",
      "│ all        │     4 │     5 │    58 │",
      "└────────────┴───────┴───────┴───────┘",
      "",
      "runs/small/blackboard.db",
    ]);
  });

  const summary = (pending: number, done: number) =>
    ({ briefs: { pending, active: 0, done, failed: 0 } }) as RunSummary;
  const stream = (terminal: object) => {
    const text = new PassThrough({ encoding: "utf8" });
    return Object.assign(text, terminal) as unknown as NodeJS.WriteStream;
  };

  it("is one live line on a terminal, which makes way for lines that stay", () => {
    const terminal = stream({ isTTY: true, columns: 80, rows: 24 });
    const progress = openProgress(terminal);
    progress.worked(summary(9, 1));
    progress.worked(summary(8, 2));
    progress.say("Done.");
    const [first, second, third] = terminal.read().split("\u001b[1A");
    expect(first).toMatch(/^Surveying: 1 of 10 briefs\n/);
    expect(second).toMatch(/\[GSurveying: 2 of 10 briefs\n/);
    expect(third).toMatch(/\[GDone\.\n$/);
  });

  it("is a plain line for every thousand briefs elsewhere", () => {
    const pipe = stream({});
    const progress = openProgress(pipe);
    for (let count = 0; count <= 2500; count += 100) progress.planned(summary(count, 0));
    for (let count = 0; count <= 2500; count += 300) progress.worked(summary(2500 - count, count));
    expect(pipe.read().split("\n")).toEqual([
      "Planning: 1,000 briefs",
      "Planning: 2,000 briefs",
      "Surveying: 1,200 of 2,500 briefs",
      "Surveying: 2,100 of 2,500 briefs",
      "",
    ]);
  });
});

/** What a survey leaves that was stopped after its plan was made, or after that many files of it. */
async function planOnly(
  cwd: string,
  runId: string,
  folder: string,
  filesPlanned = Number.POSITIVE_INFINITY,
): Promise<void> {
  const stop = new AbortController();
  async function* first(): AsyncGenerator<Found> {
    let count = 0;
    for await (const found of walk(folder, "")) {
      if (count++ === filesPlanned) stop.abort();
      yield found;
    }
  }
  using board = openBlackboard({ runId, root: join(cwd, "runs") });
  board.createRun(`Survey ${folder}`);
  await plan(board, first(), openProgress(new PassThrough() as unknown as NodeJS.WriteStream), stop.signal);
}

describe("a survey that was stopped", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "by %s leaves a valid file and says how to go on; --run does the rest, and nothing twice",
    async (signal, code) => {
      const cwd = temporaryFolder();
      const folder = write(temporaryFolder(), { "a/one.ts": "1\n", "a/two.ts": "2\n", "c/three.ts": "3\n" });
      const endless = join(folder, "b/endless.txt");
      writeEndless(endless);
      const running = starting(cwd, folder);
      const runId = await untilTaken(running, cwd);
      send(signal, running);
      expect(await running.ended).toEqual({ code, signal: null, stderr: "" });
      expect(running.lines.at(-1)).toBe(`Stopped. To go on: npm start -- --run ${runId}`);

      const runFolder = join(cwd, "runs", runId);
      const file = join(runFolder, "blackboard.db");
      expect(readdirSync(runFolder)).toEqual(["blackboard.db"]);
      expect(query(file, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(query(file, "SELECT status, count(*) AS n FROM briefs GROUP BY status")).toEqual([
        { status: "done", n: 3 },
        { status: "pending", n: 5 },
      ]);
      const before = query(file, "SELECT brief_id, updated_at FROM briefs WHERE status = 'done' ORDER BY 1");

      writeFileSync(endless, "short\n");
      const rest = await survey(cwd, "--run", runId);
      expect({ code: rest.code, file: rest.file }).toEqual({ code: 0, file });
      expect(
        query(file, "SELECT status, count(*) AS n, max(retry_count) AS retries FROM briefs GROUP BY status"),
      ).toEqual([{ status: "done", n: 8, retries: 0 }]);
      expect(
        query(file, "SELECT brief_id FROM events WHERE kind = 'completed' GROUP BY 1 HAVING count(*) > 1"),
      ).toEqual([]);
      const ids = new Set(before.map((row) => (row as { brief_id: string }).brief_id));
      const after = query<{ brief_id: string }>(file, "SELECT brief_id, updated_at FROM briefs ORDER BY 1");
      expect(after.filter(({ brief_id }) => ids.has(brief_id))).toEqual(before);
    },
  );

  it("by SIGKILL goes on with --run: what was taken and not finished is taken again, and counted as a retry", async () => {
    const cwd = temporaryFolder();
    const folder = write(temporaryFolder(), { "a/one.ts": "1\n", "b/two.ts": "2\n" });
    const endless = join(folder, "b/endless.txt");
    writeEndless(endless);
    const running = starting(cwd, folder);
    const runId = await untilTaken(running, cwd);
    running.kill();
    expect(await running.ended).toMatchObject({ signal: "SIGKILL" });

    writeFileSync(endless, "short\n");
    const { code, file } = await survey(cwd, "--run", runId);
    expect(code).toBe(0);
    expect(Object.entries(files(file)).map(([path, { status, retries }]) => [path, status, retries])).toEqual([
      ["a/one.ts", "done", 0],
      ["b/endless.txt", "done", 1],
      ["b/two.ts", "done", 1],
    ]);
    expect(query(file, "SELECT detail FROM events WHERE kind = 'retried'")).toEqual([
      { detail: '{"reason":"whoever had taken it is gone"}' },
      { detail: '{"reason":"whoever had taken it is gone"}' },
    ]);
  });

  it("while it was planned is planned to the end, nothing twice", async () => {
    const cwd = temporaryFolder();
    const names = Array.from({ length: 250 }, (_, index) => `folder/file${index}.ts`);
    const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [name, "a\n"])));
    execFileSync("mkfifo", [join(folder, "folder/a-pipe")]);
    await planOnly(cwd, "planning", folder, 150);
    const planned = join(cwd, "runs/planning/blackboard.db");
    expect(query(planned, "SELECT status, (SELECT count(*) FROM briefs) AS n FROM runs")).toEqual([
      { status: "pending", n: 101 },
    ]);

    const { file, code } = await survey(cwd, folder, "--run", "planning");
    expect({ code, file }).toEqual({ code: 0, file: planned });
    expect(paths(file)).toEqual(["folder/a-pipe", ...names].sort());
    expect(query(file, "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind")).toEqual([
      { kind: "completed", n: 252 },
      { kind: "failed", n: 1 },
      { kind: "spawned", n: 253 },
    ]);
  });
});

describe("--run", () => {
  it("names the run, and so the blackboard", async () => {
    const { code, lines } = await survey(write(temporaryFolder(), { "a.ts": "" }), "--run", "first");
    expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: "runs/first/blackboard.db" });
  });

  it("of a finished run tells the summary again and changes nothing, though the folder be gone", async () => {
    const cwd = temporaryFolder();
    const folder = write(temporaryFolder(), { "src/a.ts": "a\n" });
    const first = await survey(cwd, folder, "--run", "twice");
    const rows = () =>
      ["runs", "workstreams", "briefs", "events"].map((table) => query(first.file, `SELECT * FROM ${table}`));
    const before = rows();
    rmSync(folder, { recursive: true });
    const second = await survey(cwd, "--run", "twice");
    expect(second.code).toBe(0);
    expect(second.lines).toEqual(first.lines.slice(1));
    expect(rows()).toEqual(before);
  });

  it("of a run with another goal is refused with that goal", async () => {
    const cwd = temporaryFolder();
    const [one, other] = [write(temporaryFolder(), { "a.ts": "" }), temporaryFolder()];
    await survey(cwd, one, "--run", "taken");
    const { code, stderr, lines } = await survey(cwd, other, "--run", "taken");
    expect({ code, lines }).toEqual({ code: 1, lines: [] });
    expect(stderr).toBe(`Run taken exists already, with another goal: Survey ${one}\n`);
  });
});

describe("what it refuses", () => {
  it.each([
    ["a folder that is not there", ["nowhere"], "Cannot survey nowhere: ENOENT: no such file or directory\n"],
    ["a file", ["file.txt"], "Cannot survey file.txt: ENOTDIR: not a directory\n"],
    ["an empty name", [""], "Cannot survey : ENOENT: no such file or directory\n"],
    ["the folder of the blackboards", ["runs/x"], "Cannot survey runs/x: the blackboards lie there\n"],
    ["a run id that would lead elsewhere", ["--run", "../x"], /^Invalid input\. runId: .*\n$/],
    ["an option it does not know", ["--colour"], /^Unknown option '--colour'.*\n\nUsage: npm start -- \[FOLDER\]/],
    ["two folders", [".", "."], /^One folder at a time\.\n\nUsage: /],
    ["a run without its id", ["--run"], /^Option '--run <value>' argument missing\n\nUsage: /],
    ["an address that is none", ["--postgres", ""], /^Invalid input\. connection: must be a connection string.*\n$/],
  ])("%s: one clear line, exit code 1, nothing written", async (_, args, message) => {
    const cwd = write(temporaryFolder(), { "file.txt": "", "runs/x/": "" });
    const { code, lines, stderr } = await survey(cwd, ...args);
    expect({ code, lines }).toEqual({ code: 1, lines: [] });
    if (typeof message === "string") expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
    expect(readdirSync(join(cwd, "runs"))).toEqual(["x"]);
  });

  it("says how it is used with --help", async () => {
    const cwd = temporaryFolder();
    const { code, lines } = await survey(cwd, "--help");
    const first = "Usage: npm start -- [FOLDER] [--run ID] [--postgres URL]";
    expect({ code, first: lines[0] }).toEqual({ code: 0, first });
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
});

it("surveys 10,000 files within a minute", async () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `top${index % 10}/sub${index % 70}/file${index}.ts`);
  const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [name, "line\n".repeat(50)])));
  const before = performance.now();
  const { file, lines } = await survey(temporaryFolder(), folder);
  expect(performance.now() - before).toBeLessThan(60_000);
  expect(lines).toContain("Planning: 10,001 briefs");
  expect(query(file, "SELECT status, count(*) AS n FROM briefs GROUP BY status")).toEqual([
    { status: "done", n: 10_011 },
  ]);
});
