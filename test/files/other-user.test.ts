/** A read by another user leaves no file that would keep the owner from writing. Runs only when the tests run as root. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { countBriefs, crashed, startHere } from "./kill.ts";

const owner = 12_345;
const looks = { status: "current", verify: 0, view: 3, live: 3, readonly: 3, runs: 3, export: 3, backup: "copied" };

/**
 * A run owned by neither root nor the reading user, readable by all, in a folder where all may create files.
 */
async function foreignRun(isCrashed: boolean) {
  const root = temporaryFolder();
  const file = join(root, "r/blackboard.db");
  await crashed(file, "r", 3);
  if (!isCrashed) openBlackboard({ runId: "r", file }).close();
  for (const name of readdirSync(dirname(file))) chownSync(join(dirname(file), name), owner, owner);
  chmodSync(file, 0o644);
  chmodSync(dirname(file), 0o777);
  const scratch = join(root, "scratch");
  mkdirSync(scratch);
  chmodSync(scratch, 0o777);
  return { root, file, scratch };
}

const listing = (file: string) =>
  readdirSync(dirname(file)).map((name) => `${name} ${statSync(join(dirname(file), name)).uid}`);

describe.skipIf(process.getuid?.() !== 0)("another user", () => {
  test.each([false, true])(
    "reads with every function and leaves no file next to the run; crashed before: %s",
    async (isCrashed) => {
      const { root, file, scratch } = await foreignRun(isCrashed);
      const before = listing(file);
      // What a killed look of yet another user left there may not be deleted, and does not matter.
      const left = `run-blackboard-copy-${spawnSync("true").pid}@${hostname()}-Ab3dEf`;
      mkdirSync(join(scratch, left), { mode: 0o700 });
      chmodSync(scratch, 0o1777);
      const program = startHere("look-as-nobody", [root, scratch], ["env", `TMPDIR=${scratch}`]);
      await program.line("ready");
      for (const [way, answer] of Object.entries(looks)) {
        expect([way, JSON.parse(await program.ask(way))]).toEqual([way, answer]);
        expect([way, listing(file)]).toEqual([way, before]);
      }
      await program.finish();
      expect(readdirSync(scratch).sort()).toEqual(["copy-0.db", left]);
    },
  );

  test("reads while the owner has the run open, and the owner can write during and after it", async () => {
    const { root, file, scratch } = await foreignRun(false);
    const reader = startHere("look-as-nobody", [root, scratch]);
    await reader.line("ready");
    const seteuid = process.seteuid?.bind(process) ?? (() => undefined);
    const setegid = process.setegid?.bind(process) ?? (() => undefined);
    setegid(owner);
    seteuid(owner);
    try {
      using board = openBlackboard({ runId: "r", file });
      board.createBrief({ tier: 1, role: "coder" });
      expect(JSON.parse(await reader.ask("hold"))).toBe(4);
      board.createBrief({ tier: 1, role: "coder" });
      for (const way of ["view", "live", "readonly", "runs"]) expect(JSON.parse(await reader.ask(way))).toBe(5);
      expect(JSON.parse(await reader.ask("hold"))).toBe(5);
      board.close();
      // The reader still has it open.
      expect(countBriefs(file, "r")).toBe(5);
      using again = openBlackboard({ runId: "r", file });
      again.createBrief({ tier: 1, role: "coder" });
      await reader.finish();
      again.createBrief({ tier: 1, role: "coder" });
    } finally {
      seteuid(0);
      setegid(0);
    }
    expect(countBriefs(file, "r")).toBe(7);
  });

  test("as root creates companion files that belong to the file's owner and removes them", async () => {
    const { root, file } = await foreignRun(false);
    {
      using board = openBlackboard({ runId: "r", root, readonly: true });
      expect(board.getRunSummary().briefs.pending).toBe(3);
      expect(listing(file).sort()).toEqual(
        ["blackboard.db", "blackboard.db-shm", "blackboard.db-wal"].map((name) => `${name} ${owner}`),
      );
    }
    expect(listing(file)).toEqual([`blackboard.db ${owner}`]);
  });
});

test("without write permission leaves no companion files that the owner could not write", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  {
    using board = openBlackboard({ runId: "r", file });
    board.createRun("a goal");
  }
  chmodSync(file, 0o444);
  {
    using board = openBlackboard({ runId: "r", file, readonly: true });
    expect(board.getRun()?.goal).toBe("a goal");
    expect(readdirSync(dirname(file))).toEqual(["blackboard.db"]);
  }
  chmodSync(file, 0o644);
  using board = openBlackboard({ runId: "r", file });
  expect(board.logEvent("spawned").seq).toBe(1);
});
