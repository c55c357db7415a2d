/** The survey's output. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { openProgress } from "../../examples/survey/report.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { paths, query, small, survey, surveyHere, write } from "./survey.ts";

describe("unusual names", () => {
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
    const file = await surveyHere(
      write(temporaryFolder(), Object.fromEntries(names.map((name) => [`${name}/${name}`, "a\n"]))),
    );
    expect(paths(file).sort()).toEqual(names.map((name) => `${name}/${name}`).sort());
    expect(query(file, "SELECT DISTINCT status FROM briefs")).toEqual([{ status: "done" }]);
  });

  it("never reach the terminal unescaped", async () => {
    const folder = join(temporaryFolder(), "fol\n\u001b[2Jder");
    mkdirSync(folder);
    for (const name of names) execFileSync("mkfifo", ["--", join(folder, name)]);
    const { lines } = await survey(temporaryFolder(), folder, "--workers", "1");
    expect(lines).toContain("  new\\u{a}line.ts: not a regular file");
    for (const line of lines) expect(line).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
    const missing = await survey(temporaryFolder(), join(folder, "miss\u001bing"));
    expect(missing.stderr).toMatch(/^[^\p{Cc}\p{Cf}]*\n$/u);
  });
});

describe("the output", () => {
  it("logs an event for every change of a brief", async () => {
    const folder = write(temporaryFolder(), { "src/a.ts": "" });
    execFileSync("mkfifo", [join(folder, "src/pipe")]);
    const file = await surveyHere(folder);
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

  it("ends with the summary, a table by language, and the blackboard's path; --run prints it again", async () => {
    const [cwd, folder] = [temporaryFolder(), write(temporaryFolder(), small)];
    execFileSync("mkfifo", [join(folder, "src/pipe")]);
    const first = await survey(cwd, folder, "--run", "small");
    expect({ code: first.code, stderr: first.stderr, lines: first.lines.slice(2) }).toEqual({
      code: 0,
      stderr: "",
      lines: [
        expect.stringMatching(/^Run small is done: Survey /),
        "  briefs       9 done, 1 failed",
        "  workstreams  4 done",
        "  events       10 spawned, 9 completed, 1 failed",
        "  handed on    0",
        "",
        "Not measured:",
        "  src/pipe: not a regular file",
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
      ],
    });
    const rows = () =>
      ["runs", "workstreams", "briefs", "events"].map((table) => query(first.file, `SELECT * FROM ${table}`));
    const before = rows();
    // Also when nothing is left to survey.
    execFileSync("rm", ["-r", folder]);
    const second = await survey(cwd, "--run", "small");
    expect(second).toEqual({ ...first, lines: first.lines.slice(1) });
    expect(rows()).toEqual(before);
  });

  const counts = (finished: number, handedOn = 0) => ({ finished, briefs: 2500, handedOn });

  it("is one updated line on a terminal, cleared before permanent lines", () => {
    const terminal = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true, columns: 80, rows: 24 });
    const progress = openProgress(terminal);
    progress.worked(counts(1));
    progress.worked(counts(2, 1));
    progress.say("Done.");
    const [first, second, third] = terminal.read().split("\u001b[1A");
    expect(first).toMatch(/^Surveying: 1 of 2,500 briefs\n/);
    expect(second).toMatch(/\[GSurveying: 2 of 2,500 briefs, 1 handed on\n/);
    expect(third).toMatch(/\[GDone\.\n$/);
  });

  it("is a plain line per thousand briefs without a terminal", () => {
    const pipe = new PassThrough({ encoding: "utf8" });
    const progress = openProgress(pipe);
    for (let planned = 100; planned <= 2500; planned += 100) progress.planned(planned);
    for (let finished = 1; finished <= 2500; finished++) progress.worked(counts(finished));
    expect(pipe.read().split("\n")).toEqual([
      "Planning: 1,000 briefs",
      "Planning: 2,000 briefs",
      "Surveying: 1,000 of 2,500 briefs",
      "Surveying: 2,000 of 2,500 briefs",
      "",
    ]);
  });
});
