/** The command as a user runs it: the binary of the packed tarball in separate processes. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type BlackboardEvent, openBlackboard } from "run-blackboard";
import { describe, expect, it } from "vitest";
import { freshSchema, hasServer, open } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { start } from "../processes/spawn.ts";
import { project } from "./installed.ts";

const reference = join(project, "test/fixtures/python/webhook.db");

/** Every kind of character that a terminal interprets or a page might. */
const hostile = "\u001b]0;owned\u0007 \u009b31m \u202e\u2028 \u007f <script>alert(1)</script>";
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there.
const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u202a-\u202e\u2028\u2029]/;

function makeRun(root: string, runId = "webhooks", text = "a goal") {
  const board = openBlackboard({ runId, root });
  board.createRun(text);
  board.createWorkstream({ workstreamId: "api", name: `API ${text}`, tier: 1 });
  board.spawnBrief({ briefId: "plan", tier: 0, role: "architect", payload: { text } });
  for (const n of [0, 1, 2, 3]) {
    const briefId = `write/${n}`;
    board.spawnBrief({ briefId, parentBriefId: "plan", workstreamId: "api", tier: 1, role: "coder", payload: { n } });
  }
  board.completeBrief("write/0", { ok: true });
  board.failBrief("write/1", { error: text });
  return board;
}

/** A closed run, one of the reference, an unreadable one, and a file without any run. */
function makeRoot(): string {
  const root = temporaryFolder();
  makeRun(root).close();
  openBlackboard({ runId: "empty", root }).close();
  for (const name of ["old", "broken"]) mkdirSync(join(root, name));
  copyFileSync(reference, join(root, "old/blackboard.db"));
  writeFileSync(join(root, "broken/blackboard.db"), "no database at all".repeat(100));
  return root;
}

/** Names and contents of all files under a folder. */
function fingerprint(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => !existsSync(join(root, name, ".")))
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(root, name)))
          .digest("hex")}`,
    )
    .sort();
}

export function command(folder: () => string): void {
  const binary = () => join(folder(), "node_modules/run-blackboard/dist/src/cli/main.js");
  const ended = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [binary(), ...words], {
      cwd: folder(),
      encoding: "utf8",
    });
    return { code: status, stdout, stderr };
  };
  const printed = (...words: string[]) => {
    const { code, stdout, stderr } = ended(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };
  const json = (...words: string[]) => JSON.parse(printed(...words, "--json"));
  const rows = (...words: string[]) =>
    printed(...words, "--json")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

  describe("run-blackboard", () => {
    it("lists every run, including an older and an unreadable one", () => {
      const root = makeRoot();
      const listed: { runId: string }[] = json("runs", "--root", root);
      const byId = Object.fromEntries(listed.map((one) => [one.runId, one]));
      expect(Object.keys(byId).sort()).toEqual(["broken", "empty", "webhook", "webhooks"]);
      expect(byId.broken).toMatchObject({ state: null, run: null, summary: null, error: { code: "NOT_SQLITE" } });
      expect(byId.empty).toMatchObject({ state: "current", run: null, summary: null, error: null });
      expect(byId.webhook).toMatchObject({ state: "reference", run: { status: "active" }, summary: { lastSeq: 21 } });
      expect(byId.webhooks).toMatchObject({ state: "current", error: null, summary: { briefs: { failed: 1 } } });
      expect(printed("runs", "--root", root)).toMatch(/^broken: .*is not a SQLite database/m);
    });

    it("read-only commands change and create no file", () => {
      const root = makeRoot();
      const before = fingerprint(root);
      printed("runs", "--root", root);
      for (const run of ["webhooks", "webhook"]) {
        for (const words of [["summary"], ["tree"], ["briefs"], ["events"], ["report", "-o", "-"]]) {
          const [name = "", ...rest] = words;
          printed(name, run, ...rest, "--root", root);
        }
      }
      printed("brief", "webhooks", "plan", "--root", root);
      ended("status", "--all", "--root", root);
      ended("verify", "--all", "--root", root);
      expect(ended("summary", "nowhere", "--root", root).code).toBe(1);
      expect(fingerprint(root)).toEqual(before);
    });

    it("prints the package's summary, rows and tree as JSON", () => {
      const root = temporaryFolder();
      using board = makeRun(root);
      expect(json("summary", "--root", root)).toMatchObject(board.getRunSummary());
      expect(rows("briefs", "webhooks", "--root", root)).toEqual(board.listBriefs().items);
      expect(rows("briefs", "webhooks", "--status", "done,failed", "--parent", "plan", "--root", root)).toEqual(
        board.listBriefs({ status: ["done", "failed"], parentBriefId: "plan" }).items,
      );
      expect(
        rows("briefs", "webhooks", "--workstream", "", "--role", "architect", "--tier", "0", "--root", root),
      ).toEqual([board.getBrief("plan")]);
      expect(rows("events", "webhooks", "--root", root)).toEqual(board.listEvents().items);
      expect(rows("events", "webhooks", "--kind", "failed", "--after", "2", "--root", root)).toEqual(
        board.listEvents({ kinds: ["failed"] }).items,
      );
      expect(json("tree", "webhooks", "--root", root)).toEqual(board.getBriefTree());
      const { children } = json("tree", "webhooks", "--failed", "--root", root).roots[0];
      expect(children.map((node: { brief: object }) => node.brief)).toEqual([board.getBrief("write/1")]);
      const brief = json("brief", "webhooks", "write/1", "--root", root);
      expect(brief).toEqual({
        ...board.getBrief("write/1"),
        after: [],
        dependents: [],
        waitsForFailed: false,
        failure: expect.objectContaining({ kind: "failed" }),
        events: board.listEvents({ briefId: "write/1" }).items,
      });
    });

    it("prints no control characters from data, and the same values as JSON", () => {
      const root = temporaryFolder();
      makeRun(root, "webhooks", hostile).close();
      for (const words of [
        ["runs"],
        ["summary"],
        ["tree"],
        ["briefs", "webhooks"],
        ["brief", "webhooks", "plan"],
        ["events"],
      ]) {
        expect(printed(...words, "--root", root)).not.toMatch(steering);
        const text = printed(...words, "--root", root, "--json");
        expect(text).not.toMatch(steering);
        for (const line of text.trimEnd().split("\n")) JSON.parse(line);
      }
      expect(json("brief", "webhooks", "plan", "--root", root).payload).toEqual({ text: hostile });
      expect(ended("brief", "webhooks", hostile, "--root", root).stderr.trimEnd()).not.toMatch(steering);
    });

    it("follows the log, resumes after the last seq, and exits with 0 on Ctrl-C", async () => {
      const root = temporaryFolder();
      using board = makeRun(root);
      const follow = (...words: string[]) => {
        const child = start(process.execPath, [
          binary(),
          "events",
          "webhooks",
          "--follow",
          "--json",
          "--root",
          root,
          ...words,
        ]);
        const events = (): BlackboardEvent[] => child.lines.map((line) => JSON.parse(line));
        return { ...child, events };
      };
      const first = follow();
      await first.until((lines) => (lines.length === 7 ? true : undefined));
      board.retryBrief("write/1", { reason: "again" });
      await first.until((lines) => (lines.length === 8 ? true : undefined));
      first.interrupt();
      expect(await first.ended).toMatchObject({ code: 0, stderr: "" });
      expect(first.events()).toEqual(board.listEvents().items);

      board.failBrief("write/2");
      const second = follow("--after", "8", "--kind", "failed");
      await second.until((lines) => (lines.length === 1 ? true : undefined));
      board.retryBrief("write/2");
      board.failBrief("write/3");
      await second.until((lines) => (lines.length === 2 ? true : undefined));
      expect(second.events()).toEqual(board.listEvents({ after: 8, kinds: ["failed"] }).items);
    });

    it("reports that it cannot follow a snapshot", () => {
      const root = makeRoot();
      const { code, stderr } = ended("events", "webhook", "--follow", "--root", root);
      expect(code).toBe(1);
      expect(stderr).toContain("cannot follow");
      expect(stderr).toContain("snapshot");
    });

    it("exits without an error when its reader closes the pipe", () => {
      const root = temporaryFolder();
      const board = makeRun(root);
      board.transaction((tx) => {
        for (let n = 0; n < 3000; n++) tx.createBrief({ tier: 1, role: "coder", payload: { text: "x".repeat(100) } });
      });
      board.close();
      const pipe = `set -o pipefail; "${process.execPath}" "${binary()}" briefs webhooks --json --root "${root}" | head -n 1`;
      const { status, stdout, stderr } = spawnSync("bash", ["-c", pipe], { encoding: "utf8" });
      expect({ status, stderr, lines: stdout.trimEnd().split("\n").length }).toEqual({
        status: 0,
        stderr: "",
        lines: 1,
      });
    });

    it("fits a terminal's width and prints no colours into a pipe or with NO_COLOR", () => {
      const root = temporaryFolder();
      makeRun(root, "webhooks", "a goal that is much too long for such a narrow terminal, 日本語 too").close();
      const inTerminal = (words: string, environment: NodeJS.ProcessEnv) => {
        const line = `stty cols 60 rows 24; "${process.execPath}" "${binary()}" ${words} --root "${root}"`;
        const env = { PATH: process.env.PATH, TERM: "xterm-256color", ...environment };
        const { stdout } = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8", env });
        return stdout.replaceAll("\r", "");
      };
      for (const words of ["runs", "tree", "briefs webhooks", "events"]) {
        const coloured = inTerminal(words, {});
        expect(coloured).toContain("\u001b[3");
        for (const line of stripVTControlCharacters(coloured).split("\n")) expect(line.length).toBeLessThanOrEqual(60);
        expect(inTerminal(words, { NO_COLOR: "1" })).not.toContain("\u001b");
      }
      const piped = printed("runs", "--root", root);
      expect(piped).not.toContain("\u001b");
      expect(piped).toContain("日本語 too");
    });

    it("moves briefs by the rules and logs an event with the operator's name", () => {
      const root = temporaryFolder();
      using board = makeRun(root);
      const claim = board.claimBrief({ agentId: "agent-1", leaseMs: 60_000, role: "coder" });
      expect(claim?.brief.briefId).toBe("write/2");
      expect(rows("release", "webhooks", "write/2", "--root", root)).toEqual([board.getBrief("write/2")]);
      expect(board.getBrief("write/2")).toMatchObject({
        status: "pending",
        claimedBy: null,
        retryCount: 0,
        attempt: 1,
      });
      expect(rows("retry", "webhooks", "write/1", "--reason", "fixed", "--root", root)).toMatchObject([
        { status: "pending" },
      ]);
      expect(rows("fail", "webhooks", "write/3", "--root", root)).toMatchObject([{ status: "failed" }]);
      expect(
        board.listEvents({ after: 7 }).items.map(({ kind, briefId, detail }) => ({ kind, briefId, detail })),
      ).toEqual([
        { kind: "retried", briefId: "write/2", detail: { by: "operator", previousAgent: "agent-1", attempt: 1 } },
        { kind: "retried", briefId: "write/1", detail: { by: "operator", reason: "fixed" } },
        { kind: "failed", briefId: "write/3", detail: { by: "operator" } },
      ]);
      const { code, stdout, stderr } = ended(
        "retry",
        "webhooks",
        "write/0",
        "nobody",
        "write/3",
        "--root",
        root,
        "--json",
      );
      expect(code).toBe(1);
      const errors = stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).error.code);
      expect(errors).toEqual(["TRANSITION", "NOT_FOUND"]);
      expect(JSON.parse(stdout)).toMatchObject({ briefId: "write/3", status: "pending" });
    });

    it("verify reports what no schema declares: orphans and cycles", () => {
      const root = temporaryFolder();
      const board = makeRun(root);
      const sql = board.drizzle.$client;
      sql.exec("UPDATE briefs SET parent_brief_id = 'write/3' WHERE brief_id = 'write/2'");
      sql.exec("UPDATE briefs SET parent_brief_id = 'write/2' WHERE brief_id = 'write/3'");
      sql.exec("UPDATE briefs SET parent_brief_id = 'gone', workstream_id = 'gone' WHERE brief_id = 'write/0'");
      sql.exec("UPDATE events SET brief_id = 'gone' WHERE seq = 1");
      board.close();
      const { code, stdout } = ended("verify", "webhooks", "--root", root, "--json");
      expect(code).toBe(1);
      const { problems }: { problems: { kind: string; message: string }[] } = JSON.parse(stdout);
      expect(problems.map(({ kind }) => kind).sort()).toEqual(["cycle", "orphan", "orphan", "orphan"]);
      expect(problems.find(({ kind }) => kind === "cycle")?.message).toContain('2, such as "write/2"');
    });

    it("answers usage errors with a suggestion and an exit code, without a stack trace", () => {
      const root = makeRoot();
      const typo = ended("sumary", "webhooks", "--root", root);
      expect(typo.code).toBe(2);
      expect(typo.stderr).toContain("Did you mean summary?");
      expect(ended("briefs", "webhooks", "--statu", "done").stderr).toContain("Did you mean --status?");
      const usage = ended("briefs", "webhooks", "--status", "finished", "--json");
      expect({ code: usage.code, error: JSON.parse(usage.stderr).error.code }).toEqual({ code: 2, error: "USAGE" });
      const missing = ended("summary", "nowhere", "--root", root, "--json");
      expect({ code: missing.code, stdout: missing.stdout }).toEqual({ code: 1, stdout: "" });
      expect(JSON.parse(missing.stderr).error).toMatchObject({
        code: "NO_SUCH_FILE",
        file: join(root, "nowhere/blackboard.db"),
      });
      const several = ended("summary", "--root", root);
      expect({ code: several.code, lines: several.stderr.trimEnd().split("\n").length }).toEqual({ code: 2, lines: 1 });
      expect(several.stderr).toContain("webhooks");
      for (const name of [
        "runs",
        "summary",
        "tree",
        "briefs",
        "brief",
        "events",
        "retry",
        "fail",
        "release",
        "report",
      ]) {
        expect(printed(name, "--help")).toContain(`run-blackboard ${name}`);
      }
    });

    it("reports that node-postgres is not installed", () => {
      const { code, stderr } = ended("runs", "--postgres", "postgresql://nobody@localhost/none");
      expect(code).toBe(1);
      expect(stderr).toContain("npm install pg");
    });

    it("reports that the MCP SDK is not installed", () => {
      const { code, stdout, stderr } = ended("mcp", "webhooks");
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain("npm install @modelcontextprotocol/sdk");
    });

    it.skipIf(!hasServer)("reads a PostgreSQL database and moves briefs there", async () => {
      const link = join(folder(), "node_modules/pg");
      if (!existsSync(link)) symlinkSync(join(project, "node_modules/pg"), link);
      const schema = await freshSchema();
      const board = await open(schema, { runId: "webhooks" });
      await board.createRun("a goal");
      await board.spawnBrief({ briefId: "plan", tier: 0, role: "architect" });
      const [listed] = json("runs", "--postgres", schema.url);
      expect(listed).toMatchObject({ runId: "webhooks", state: "current", run: { goal: "a goal" }, error: null });
      expect(json("summary", "--postgres", schema.url)).toMatchObject(await board.getRunSummary());
      expect(rows("briefs", "webhooks", "--postgres", schema.url)).toEqual((await board.listBriefs()).items);
      expect(rows("fail", "webhooks", "plan", "--postgres", schema.url)).toMatchObject([{ status: "failed" }]);
      expect(rows("events", "--postgres", schema.url)).toEqual((await board.listEvents()).items);
      expect(json("tree", "--postgres", schema.url)).toEqual(await board.getBriefTree());
      expect(printed("report", "webhooks", "-o", "-", "--postgres", schema.url)).toContain("a goal");
      expect(json("status", "--postgres", schema.url)).toMatchObject({ state: "current", pending: [] });
      expect(json("verify", "--postgres", schema.url)).toMatchObject({ state: "current", problems: [] });

      const empty = await freshSchema();
      const dry = ended("migrate", "--dry-run", "--postgres", empty.url, "--json");
      expect({ code: dry.code, state: JSON.parse(dry.stdout).state }).toEqual({ code: 3, state: "empty" });
      expect(json("migrate", "--postgres", empty.url)).toMatchObject({ state: "current", pending: [] });
    });
  });
}
