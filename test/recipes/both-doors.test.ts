/** A TypeScript program through the class and Python programs through the command, on one run; some are killed. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { commandFile } from "../cli/command.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { start } from "../processes/spawn.ts";
import { logOf, openIn, startRecipe } from "./recipe.ts";

const python = fileURLToPath(new URL("../../examples/recipes/both-doors.py", import.meta.url));

test("a Python and a TypeScript program work on one run through both doors, though both are killed", async () => {
  const folder = temporaryFolder();
  const board = openIn(folder, "words");
  const counter = (agent: string) =>
    start("python3", [python, "words", agent], {
      cwd: folder,
      env: { ...process.env, RUN_BLACKBOARD: `${process.execPath} ${commandFile()}`, LEASE: "1s" },
    });
  const planner = await startRecipe("both-doors", { cwd: folder, args: ["words"] });
  await expect.poll(() => board.getBrief("total")?.status, { timeout: 60_000 }).toBe("pending");
  planner.signal("SIGKILL");
  await planner.ended;
  // What another agent held when it was killed.
  expect(board.claimBrief({ agentId: "killed", leaseMs: 1, role: "count" })?.brief.briefId).toBe("count/0");
  const killed = counter("counter-1");
  await board.waitForBrief("count/1");
  killed.kill();
  const counting = ["counter-2", "counter-3"].map(counter);
  const again = await startRecipe("both-doors", { cwd: folder, args: ["words"] });
  expect(await again.ended).toEqual({ code: 0, signal: null, stderr: "" });
  expect(again.lines.at(-1)).toBe("{ words: 9 }");
  expect(board.getRun()?.status).toBe("done");
  for (const { ended } of counting) expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(board.listBriefs({ role: "count" }).items.map(({ result }) => result)).toEqual(
    [4, 2, 3].map((words) => ({ words })),
  );
  expect(logOf(board, "count/0")).toEqual(["spawned", "retried", "completed"]);
  for (const id of ["count/1", "count/2", "total"]) {
    expect(logOf(board, id).filter((kind) => kind !== "retried")).toEqual(["spawned", "completed"]);
  }
});
