/**
 * A symbolic link is treated as the file it points to. A second hard link is rejected, because SQLite would keep a
 * second WAL for it.
 */
import { linkSync, mkdirSync, readdirSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import {
  backupBlackboard,
  type Chunks,
  copyRun,
  exportRun,
  FileError,
  importRun,
  listRuns,
  migrateBlackboard,
  migrationStatus,
  openBlackboard,
  pruneRuns,
  restoreBlackboard,
  verifyBlackboard,
  viewBlackboard,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { countBriefs, crashed } from "./kill.ts";

const textOf = async (chunks: Chunks) => {
  let text = "";
  for await (const chunk of chunks) text += chunk;
  return text;
};

/** A run with 50 briefs, all of them in the WAL, and a root that reaches it through a link. */
async function linkedRun(link: "file" | "folder", isOpen: boolean) {
  const root = temporaryFolder();
  const folder = join(temporaryFolder(), "original");
  mkdirSync(folder);
  const file = join(folder, "blackboard.db");
  if (isOpen) {
    const board = open({ runId: "r", file });
    board.createRun("a goal");
    for (let n = 0; n < 50; n++) board.createBrief({ tier: 1, role: "coder" });
  } else await crashed(file, "r", 50);
  if (link === "folder") symlinkSync(folder, join(root, "r"));
  else {
    mkdirSync(join(root, "r"));
    symlinkSync(file, join(root, "r/blackboard.db"));
  }
  return { root, file };
}

describe.each([
  ["file", true],
  ["file", false],
  ["folder", true],
  ["folder", false],
] as const)("a link instead of the %s, while a process has the run open: %s", (link, isOpen) => {
  test("every read-only function sees the contents of the WAL", async () => {
    const { root, file } = await linkedRun(link, isOpen);
    const run = { runId: "r", root };
    for (const live of [false, true]) {
      using view = viewBlackboard({ ...run, live });
      expect(view.board.getRunSummary().briefs.pending).toBe(50);
      expect(view.board.location).toBe(file);
    }
    {
      using board = openBlackboard({ ...run, readonly: true });
      expect(board.getRunSummary().briefs.pending).toBe(50);
    }
    expect(listRuns({ root })).toMatchObject([{ location: file, summary: { briefs: { pending: 50 } } }]);
    expect(migrationStatus(run)).toMatchObject({ location: file, state: "current" });
    expect(migrateBlackboard({ ...run, dryRun: true })).toMatchObject({ location: file, state: "current" });
    expect(verifyBlackboard(run)).toMatchObject({ location: file, problems: [] });
    expect((await textOf(exportRun(run))).split("\n").filter((line) => line.startsWith('{"brief"'))).toHaveLength(50);
    expect(await copyRun(run, { root: temporaryFolder() })).toMatchObject({ briefs: 50 });
    const copy = join(temporaryFolder(), "copy.db");
    backupBlackboard(run, copy);
    expect(countBriefs(copy, "r")).toBe(50);
  });

  test("writes through the link go to the same file and WAL", async () => {
    const { root, file } = await linkedRun(link, isOpen);
    using board = openBlackboard({ runId: "r", root });
    expect(board.location).toBe(file);
    board.createBrief({ tier: 1, role: "coder" });
    expect(countBriefs(file, "r")).toBe(51);
    expect(readdirSync(join(root, "r")).filter((name) => link === "file" && name !== "blackboard.db")).toEqual([]);
  });
});

test("a link to a missing file creates that file, and a link to itself is rejected", async () => {
  const [root, elsewhere] = [temporaryFolder(), temporaryFolder()];
  symlinkSync(join(elsewhere, "made.db"), join(root, "link.db"));
  expect(migrationStatus({ file: join(root, "link.db") })).toMatchObject({ state: "absent" });
  using board = openBlackboard({ runId: "r", file: join(root, "link.db") });
  expect(board.location).toBe(join(elsewhere, "made.db"));
  expect(readdirSync(root)).toEqual(["link.db"]);
  symlinkSync(join(root, "loop.db"), join(root, "loop.db"));
  const error = await caught(FileError, () => openBlackboard({ runId: "r", file: join(root, "loop.db") }));
  expect(error.code).toBe("CANNOT_OPEN");
});

describe("a file with two hard links", () => {
  async function twoNames() {
    const root = temporaryFolder();
    for (const runId of ["r", "other"]) {
      using board = openBlackboard({ runId, root });
      board.createRun("a goal");
      board.updateRunStatus("done");
    }
    const file = join(root, "r/blackboard.db");
    const second = join(root, "second.db");
    linkSync(file, second);
    return { root, file, second };
  }

  test("is rejected with the reason by every writing function, through either name, and stays unchanged", async () => {
    const { root, file, second } = await twoNames();
    const text = await textOf(exportRun({ runId: "other", root }));
    const backup = join(root, "backup.db");
    backupBlackboard({ runId: "other", root }, backup);
    for (const name of [file, second]) {
      const ways = [
        () => openBlackboard({ runId: "r", file: name }),
        () => openBlackboard({ runId: "r", file: name, migrate: "check" }),
        () => migrateBlackboard({ file: name }),
        () => importRun([text], { file: name }),
        () => copyRun({ runId: "other", root }, { file: name }),
        () => restoreBlackboard(backup, { file: name }, { force: true }),
      ];
      for (const way of ways) {
        const error = await caught(FileError, way);
        expect(error).toMatchObject({ code: "CANNOT_OPEN", file: name });
        expect(error.message).toContain("2 hard links");
      }
    }
    expect(pruneRuns({ root, olderThanMs: 0 })).toMatchObject([
      { runId: "other", outcome: "deleted" },
      { runId: "r", outcome: "kept", reason: expect.stringContaining("hard link") },
    ]);
    unlinkSync(second);
    expect(countBriefs(file, "r")).toBe(0);
  });

  test("can be read, because snapshots of backup programs contain such files", async () => {
    const { file, second } = await twoNames();
    for (const name of [file, second]) {
      using view = viewBlackboard({ file: name });
      expect(view.board.getRun()?.goal).toBe("a goal");
    }
  });

  test("is writable again as a copy, as the message suggests", async () => {
    const { file } = await twoNames();
    backupBlackboard({ file }, `${file}.new`);
    renameSync(`${file}.new`, file);
    using board = openBlackboard({ runId: "r", file });
    expect(board.logEvent("spawned").seq).toBe(1);
  });
});
