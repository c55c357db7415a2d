/** Results of files and folders, and failures of what cannot be measured. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { measure } from "../../examples/survey/measure.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { files, planHere, query, reasons, surveyHere, workHere, write } from "./survey.ts";

/** In two halves, so that a search for such comments does not find them here. */
const [todo, fixme] = ["TO".concat("DO"), "FIX".concat("ME")] as const;

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

  it("is the same wherever lines, words and characters fall on chunk boundaries", async () => {
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

  it("is stored unchanged and summed for each folder and the whole", async () => {
    const folder = write(temporaryFolder(), {
      "a.ts": "1\n",
      "src/b.ts": "22\n22\n",
      "src/deep/c.py": "3",
      "src/d.bin": Buffer.from([0, 1, 2]),
    });
    const file = await surveyHere(folder);
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
  it("a pipe without a writer fails its brief with the reason, and the survey continues", async () => {
    const folder = write(temporaryFolder(), { "a.txt": "a\n", "z.txt": "z\n" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const file = await surveyHere(folder);
    expect(reasons(file)).toEqual({ pipe: "not a regular file" });
    expect(Object.entries(files(file)).map(([path, { status, result }]) => [path, status, result !== null])).toEqual([
      ["a.txt", "done", true],
      ["pipe", "failed", false],
      ["z.txt", "done", true],
    ]);
  });

  it("a file that has changed since it was planned fails: it is gone, or is a link or a pipe", async () => {
    const folder = write(temporaryFolder(), { "gone.txt": "", "link.txt": "", "pipe.txt": "", "stays.txt": "" });
    const cwd = temporaryFolder();
    await planHere(cwd, "changed", folder);
    for (const name of ["gone.txt", "link.txt", "pipe.txt"]) rmSync(join(folder, name));
    symlinkSync("stays.txt", join(folder, "link.txt"));
    execFileSync("mkfifo", [join(folder, "pipe.txt")]);
    await workHere(cwd, "changed", folder);
    const file = join(cwd, "runs/changed/blackboard.db");
    expect(reasons(file)).toEqual({
      "gone.txt": "ENOENT: no such file or directory",
      "link.txt": "ELOOP: too many symbolic links encountered",
      "pipe.txt": "not a regular file",
    });
    expect(files(file)["stays.txt"]?.status).toBe("done");
  });

  it.runIf(process.platform === "linux")(
    "each name that is not text fails its brief and is shown as text",
    async () => {
      const folder = write(temporaryFolder(), { "fine.txt": "a\n" });
      const name = (...bytes: number[]) => Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from(bytes)]);
      writeFileSync(name(0xff), "");
      writeFileSync(name(0xfe), "");
      mkdirSync(name(0xc3, 0x28));
      writeFileSync(Buffer.concat([name(0xc3, 0x28), Buffer.from("/inside.txt")]), "");
      const file = await surveyHere(folder);
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

  it("a subfolder that cannot be read, here for its path length, counts as one failed file", async () => {
    const folder = temporaryFolder();
    onTestFinished(() => void execFileSync("rm", ["-rf", join(folder, "deep")]));
    const dig = 'cd "$1/deep" && for level in $(seq 20); do mkdir "$2" && cd "$2" || break; done';
    write(folder, { "deep/": "", "deep/file.txt": "a" });
    execFileSync("sh", ["-c", dig, "sh", folder, "d".repeat(250)], { stdio: "ignore" });
    const file = await surveyHere(folder);
    expect(Object.values(reasons(file))).toEqual(["ENAMETOOLONG: name too long"]);
    expect(query(file, "SELECT status, count(*) AS n FROM briefs GROUP BY status")).toEqual([
      { status: "done", n: 3 },
      { status: "failed", n: 1 },
    ]);
  });

  it.skipIf(process.getuid?.() === 0)("files and folders without read permission fail their briefs", async () => {
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
    const file = await surveyHere(folder);
    const reason = "EACCES: permission denied";
    expect(reasons(file)).toEqual({ "locked.txt": reason, top: reason, "sub/deep": reason });
  });
});
