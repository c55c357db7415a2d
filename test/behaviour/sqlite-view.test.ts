import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  FileError,
  InvalidInputError,
  listRunIds,
  listRuns,
  NotFoundError,
  openBlackboard,
  viewBlackboard,
} from "run-blackboard";
import { describe, expect, it } from "vitest";
import { project } from "../package/installed.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";

describe("viewBlackboard", () => {
  it("shows a file of the reference as if it were migrated and leaves it unchanged", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "old.db");
    copyFileSync(join(project, "test/fixtures/python/webhook.db"), file);
    const before = readFileSync(file);
    using view = viewBlackboard({ file });
    expect(view).toMatchObject({ state: "reference", isLive: false });
    const { board } = view;
    expect(board.runId).toBe("webhook");
    expect(board.listEvents({ limit: 1 }).items).toMatchObject([{ seq: 1, kind: "spawned" }]);
    expect(board.getBriefTree().totals.failed).toBe(1);
    const refused = await caught(FileError, () => board.logEvent("spawned"));
    expect(refused.code).toBe("READ_ONLY");
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(folder)).toEqual(["old.db"]);
  });

  it("sees later writes with `live`, and leaves no trace without it", () => {
    const root = temporaryFolder();
    openBlackboard({ runId: "a", root }).close();
    {
      using view = viewBlackboard({ runId: "a", root });
      expect(view.isLive).toBe(false);
      expect(readdirSync(join(root, "a"))).toEqual(["blackboard.db"]);
    }
    using live = viewBlackboard({ runId: "a", root, live: true });
    expect(live.isLive).toBe(true);
    using writer = openBlackboard({ runId: "a", root });
    writer.createRun("a goal");
    expect(live.board.getRun()).toEqual(writer.getRun());
  });

  it("opens a file's only run and asks for a runId if there are several", async () => {
    const file = join(temporaryFolder(), "shared.db");
    openBlackboard({ runId: "a", file }).close();
    await caught(NotFoundError, () => viewBlackboard({ file }));
    for (const runId of ["a", "b"]) {
      using board = openBlackboard({ runId, file });
      board.createRun(`goal of ${runId}`);
    }
    const error = await caught(InvalidInputError, () => viewBlackboard({ file }));
    expect(error.issues).toMatchObject([{ path: "runId" }]);
    expect(error.message).toContain("a, b");
    using view = viewBlackboard({ file, runId: "b" });
    expect(view.board.getRun()?.goal).toBe("goal of b");
  });

  it("throws for a missing file and creates none", async () => {
    const root = temporaryFolder();
    const error = await caught(FileError, () => viewBlackboard({ runId: "a", root }));
    expect(error.code).toBe("NO_SUCH_FILE");
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("listRuns", () => {
  it("lists every run of a file with its goal and rejects a missing root", async () => {
    const root = temporaryFolder();
    openBlackboard({ runId: "a", root }).close();
    for (const runId of ["a", "b"]) {
      using board = openBlackboard({ runId, file: join(root, "a/blackboard.db") });
      board.createRun(`goal of ${runId}`);
    }
    expect(listRuns({ root }).map(({ runId, run, error }) => ({ runId, goal: run?.goal, error }))).toEqual([
      { runId: "a", goal: "goal of a", error: null },
      { runId: "b", goal: "goal of b", error: null },
    ]);
    expect(listRunIds({ root })).toEqual(["a"]);
    await caught(InvalidInputError, () => listRuns({ root: join(root, "nowhere") }));
  });
});
