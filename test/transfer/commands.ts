/**
 * The commands that move and keep runs, run from the packed tarball: what they print, which files they leave, and their
 * exit codes.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { textOf } from "./places.ts";

/** Whether a limit on the size of files, which imitates a full disk, can be set here. */
const canLimit = spawnSync("prlimit", ["--fsize=1000000:", "true"]).status === 0;

/** `folder`: where the tarball is installed. */
export function transferCommands(folder: () => string): void {
  /** A working directory with `runs/abc123`, last changed long ago, and the command in it. */
  function workplace(through: readonly string[] = []) {
    const cwd = temporaryFolder();
    const root = join(cwd, "runs");
    {
      using board = openBlackboard({ runId: "abc123", root, clock: () => new Date("2020-01-01T00:00:00Z") });
      board.createRun("a goal");
      board.createBrief({ briefId: "b", tier: 1, role: "coder", payload: { text: "\u001b[31m\u009b" } });
      board.logEvent("spawned", { briefId: "b" });
      board.updateRunStatus("done");
    }
    const run = (words: readonly string[], input = "") => {
      const [program = "", ...before] = [
        ...through,
        process.execPath,
        join(folder(), "node_modules/run-blackboard/dist/src/cli/main.js"),
      ];
      const options = { cwd, input, encoding: "utf8", maxBuffer: 2 ** 26 } as const;
      const { status, stdout, stderr } = spawnSync(program, [...before, ...words], options);
      return { status, stdout, stderr };
    };
    return { cwd, root, run };
  }

  describe("export and import", () => {
    test("work through files and pipes and reject an existing run", async () => {
      const { cwd, root, run } = workplace();
      const text = await textOf({ runId: "abc123", root });
      writeFileSync(join(cwd, "abc123.jsonl"), "what was there before");
      expect(run(["export", "abc123", "--output", "abc123.jsonl", "--json"])).toEqual({
        status: 0,
        stdout: `{"output":"abc123.jsonl","bytes":${Buffer.byteLength(text)}}\n`,
        stderr: "",
      });
      expect(readFileSync(join(cwd, "abc123.jsonl"), "utf8")).toBe(text);
      const piped = run(["export", "runs/abc123/blackboard.db"]);
      expect(piped).toEqual({ status: 0, stdout: text, stderr: "" });

      const again = run(["import", "abc123.jsonl", "--json"]);
      expect(again).toMatchObject({ status: 1, stdout: "" });
      expect(JSON.parse(again.stderr)).toMatchObject({ error: { code: "CONFLICT", entity: "run", id: "abc123" } });
      const renamed = run(["import", "-", "--run", "copy", "--json"], piped.stdout);
      expect(renamed).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(renamed.stdout)).toEqual({
        runId: "copy",
        location: join(root, "copy/blackboard.db"),
        workstreams: 0,
        briefs: 1,
        events: 1,
      });
      expect(await textOf({ runId: "copy", root })).toBe(text.replaceAll('"abc123"', '"copy"'));
      expect(readdirSync(cwd).sort()).toEqual(["abc123.jsonl", "runs"]);
    });

    test("report an error in one line and leave nothing", () => {
      const { cwd, root, run } = workplace();
      const cut = run(["import", "-", "--run", "new"], '{"format":"run-blackboard","version":1,"run":{}}\n');
      expect(cut).toMatchObject({ status: 1, stdout: "" });
      expect(cut.stderr).toMatch(/^Invalid input\. line 1, run\.runId: .*\n$/);
      const absent = run(["import", "nowhere.jsonl", "--json"]);
      expect(JSON.parse(absent.stderr)).toMatchObject({ error: { code: "INVALID_INPUT", issues: [{ path: "file" }] } });
      symlinkSync("abc123", join(root, "link"));
      expect(run(["export", "abc123", "--output", "no/such/folder.jsonl"]).stderr).toMatch(
        /^Invalid input\. --output: /,
      );
      expect([readdirSync(cwd), readdirSync(root).sort()]).toEqual([["runs"], ["abc123", "link"]]);
    });

    test.skipIf(!hasServer)("and copy move runs between files and a server", async () => {
      const { root, run } = workplace();
      const { url } = await freshSchema();
      const there = run(["copy", "abc123", "--to-postgres", url]);
      expect(there).toMatchObject({ status: 0, stderr: "" });
      expect(there.stdout).toMatch(/^abc123: 0 workstreams, 1 brief, 1 event in postgresql:.*\n$/);
      const board = await openOnServer({ url }, { runId: "abc123" });
      expect(await board.getBrief("b")).toMatchObject({ payload: { text: "\u001b[31m\u009b" } });
      const exported = run(["export", "abc123", "--postgres", url]);
      expect(exported.stdout).toBe(await textOf({ runId: "abc123", root }));
      expect(run(["copy", "abc123", "--postgres", url, "--to-root", "elsewhere"])).toMatchObject({ status: 0 });
      const pruned = run(["prune", "--older-than", "30d", "--postgres", url, "--json"]);
      expect(JSON.parse(pruned.stdout)).toMatchObject([{ runId: "abc123", status: "done", outcome: "deleted" }]);
      expect(await board.getRun()).toBeUndefined();
    });
  });

  test.skipIf(!canLimit)("a full disk is reported, and import, export and backup leave nothing", () => {
    const { cwd, root, run } = workplace(["prlimit", `--fsize=${2 * 2 ** 20}:`]);
    {
      using board = openBlackboard({ runId: "big", root });
      board.createRun("a goal");
      for (let n = 0; n < 40; n++) {
        board.createBrief({ briefId: `b/${n}`, tier: 1, role: "coder", payload: { text: `${n}`.repeat(50_000) } });
      }
    }
    const piped = run(["export", "big"]);
    expect(piped).toMatchObject({ status: 0, stderr: "" });
    for (const words of [
      ["import", "-", "--run", "copy"],
      ["export", "big", "--output", "big.jsonl"],
      ["backup", "big", "big.db"],
    ]) {
      const { status, stdout, stderr } = run([...words, "--json"], piped.stdout);
      expect({ words, status, stdout }).toEqual({ words, status: 1, stdout: "" });
      expect(stderr).toMatch(/DISK_FULL|file too large/);
    }
    expect([readdirSync(cwd), readdirSync(root)]).toEqual([["runs"], ["abc123", "big"]]);
  });

  test("backup makes a copy and never overwrites one", () => {
    const { cwd, run } = workplace();
    const made = run(["backup", "abc123", "copy.db", "--json"]);
    expect(JSON.parse(made.stdout)).toEqual({
      location: join(cwd, "runs/abc123/blackboard.db"),
      backup: join(cwd, "copy.db"),
      bytes: readFileSync(join(cwd, "copy.db")).length,
    });
    expect(run(["backup", "abc123", "copy.db"])).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringMatching(/^Invalid input\. file: must be a new file, but .* already exists.*\n$/),
    });
  });

  test("prune prints what it would do and then does it", () => {
    const { root, run } = workplace();
    openBlackboard({ runId: "young", root }).close();
    expect(run(["prune", "--older-than", "30"])).toMatchObject({ status: 2, stdout: "" });
    const dry = run(["prune", "--older-than", "30d", "--dry-run"]);
    expect(dry).toEqual({
      status: 0,
      stdout:
        "due      abc123: done, last changed at 2020-01-01T00:00:00.000Z\n" +
        "kept     young: the file contains no runs\n1 would be deleted, 1 kept\n",
      stderr: "",
    });
    expect(run(["prune", "--older-than", "30d"]).stdout).toContain("deleted  abc123");
    expect(readdirSync(root)).toEqual(["young"]);
  });
}
