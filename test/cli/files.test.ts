/** Files that commands create from a run: as private as the run, complete, and never written over a database. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { copyRun, exportRun, importRun, openBlackboard } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { printed, run } from "./command.ts";

function makeRun(mode: number) {
  const folder = temporaryFolder();
  const file = join(folder, "runs/r/blackboard.db");
  {
    using board = openBlackboard({ runId: "r", file });
    board.createRun("a goal");
    board.spawnBrief({ briefId: "b", tier: 1, role: "coder" });
  }
  chmodSync(file, mode);
  return { folder, file, at: (name: string) => join(folder, name) };
}

const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

describe("a file created from a run", () => {
  test.each([0o600, 0o640, 0o644])(
    "of mode %o has the same mode: exports, reports, copies and backups",
    async (mode) => {
      const { file, at } = makeRun(mode);
      printed("export", file, "--output", at("out.jsonl"));
      printed("report", file, "--output", at("out.html"));
      printed("copy", file, "--to-file", at("copy.db"));
      printed("copy", file, "--to-root", at("other"));
      printed("backup", file, at("backup.db"));
      await copyRun({ file }, { file: at("copied/by/package.db") });
      const made = ["out.jsonl", "out.html", "copy.db", "other/r/blackboard.db", "backup.db", "copied/by/package.db"];
      expect(made.map((name) => [name, modeOf(at(name))])).toEqual(made.map((name) => [name, mode.toString(8)]));
      expect(openBlackboard({ runId: "r", file: at("copy.db") }).getBrief("b")).toMatchObject({ role: "coder" });
    },
  );

  test("has the permissions that both the run and the overwritten file allow", () => {
    for (const [mode, before, after] of [
      [0o600, 0o644, 0o600],
      [0o644, 0o600, 0o600],
      [0o640, 0o604, 0o600],
    ] as const) {
      const { file, at } = makeRun(mode);
      for (const [command, name] of [
        ["export", "out.jsonl"],
        ["report", "out.html"],
      ] as const) {
        writeFileSync(at(name), "what was there before");
        chmodSync(at(name), before);
        printed(command, file, "--output", at(name));
        expect(modeOf(at(name))).toBe(after.toString(8));
        expect(readFileSync(at(name), "utf8")).toContain("a goal");
      }
    }
  });

  test("passes its mode on: an imported run is as private as the export that it was read from", async () => {
    const { file, at } = makeRun(0o600);
    printed("export", file, "--output", at("out.jsonl"));
    printed("import", at("out.jsonl"), "--root", at("imported"));
    expect(modeOf(at("imported/r/blackboard.db"))).toBe("600");
    const piped = run(["import", "-", "--root", at("piped")], { input: readFileSync(at("out.jsonl"), "utf8") });
    expect([piped.code, modeOf(at("piped/r/blackboard.db"))]).toEqual([0, "644"]);
    await importRun(exportRun({ file }), { root: at("package") }, { mode: 0o640 });
    expect(modeOf(at("package/r/blackboard.db"))).toBe("640");
    await expect(importRun([], { root: at("none") }, { mode: 0o1000 })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  test.skipIf(!hasServer)("on a server is private to the user", async () => {
    const { url } = await freshSchema();
    const board = await openOnServer({ url }, { runId: "r" });
    await board.createRun("a goal");
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    printed("export", "r", "--postgres", url, "--output", at("out.jsonl"));
    printed("report", "r", "--postgres", url, "--output", at("out.html"));
    await copyRun(postgresRun({ runId: "r", connection: url }), { file: at("copy.db") });
    expect(["out.jsonl", "out.html", "copy.db"].map((name) => modeOf(at(name)))).toEqual(["600", "600", "600"]);
  });
});

describe.each(["export", "report"])("%s --output rejects", (command) => {
  test("the run's own file and its companion files by any name, even before they exist", () => {
    const { folder, file, at } = makeRun(0o644);
    using board = openBlackboard({ runId: "r", file });
    board.logEvent("spawned");
    symlinkSync(file, at("link.db"));
    symlinkSync(`${file}-wal`, at("link.txt"));
    symlinkSync(join(folder, "runs"), at("linked"));
    const before = readFileSync(file);
    for (const output of [
      file,
      `${file}-wal`,
      `${file}-shm`,
      `${file}-journal`,
      at("link.db"),
      at("link.txt"),
      at("linked/r/blackboard.db"),
      at("linked/r/blackboard.db-journal"),
    ]) {
      const { code, stdout, stderr } = run([command, file, "--output", output, "--json"]);
      expect([output, code, stdout]).toEqual([output, 2, ""]);
      expect(JSON.parse(stderr).error).toMatchObject({ code: "INVALID_INPUT", issues: [{ path: "--output" }] });
    }
    expect(readFileSync(file)).toEqual(before);
    expect(existsSync(`${file}-journal`)).toBe(false);
    expect(board.logEvent("spawned").seq).toBe(3);
  });

  test("a different name of the run's file, and any database that may be open", () => {
    const { file, at } = makeRun(0o644);
    linkSync(file, at("hard.txt"));
    mkdirSync(at("runs/other"));
    const other = open({ runId: "other", file: at("runs/other/blackboard.db") });
    other.createRun("another goal");
    for (const output of [at("hard.txt"), at("runs/other/blackboard.db")]) {
      expect(run([command, file, "--output", output]).code).toBe(2);
    }
    expect(other.getRun()?.goal).toBe("another goal");
    const { integrity_check: sound } =
      connectTo(file).prepare<[], { integrity_check: string }>("PRAGMA integrity_check").get() ?? {};
    expect(sound).toBe("ok");
    expect(readdirSync(at(""))).toEqual(["hard.txt", "runs"]);
  });
});

test("a report or export that fails to write reports an error and leaves the existing file unchanged", () => {
  const { file, at } = makeRun(0o644);
  writeFileSync(at("out"), "what was there before");
  for (const command of ["report", "export"]) {
    const beyond = run([command, file, "--output", at("out/file"), "--json"]);
    expect([beyond.code, JSON.parse(beyond.stderr).error.code]).toEqual([1, "INVALID_INPUT"]);
    const full = run([command, file, "--output", "/dev/full", "--json"]);
    expect([full.code, JSON.parse(full.stderr).error.code]).toEqual([1, "INVALID_INPUT"]);
    expect(readFileSync(at("out"), "utf8")).toBe("what was there before");
    expect(readdirSync(at(""))).toEqual(["out", "runs"]);
  }
});
