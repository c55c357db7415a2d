/** Why briefs failed, at the command. */
import { join } from "node:path";
import { groupFailures, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { printed, run } from "./command.ts";

const hostile = "\u001b]0;owned\u0007 \u009b31m \u202e\u2028";
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there.
const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u202a-\u202e\u2028\u2029]/;

function makeRun() {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = openBlackboard({ runId: "r", file });
  board.createRun("a goal");
  for (const briefId of ["plan", "write", "test", "ship"]) {
    board.createBrief({ briefId, parentBriefId: briefId === "plan" ? null : "plan", tier: 1, role: "coder" });
  }
  board.failBrief("write", { error: "disk quota exceeded" });
  board.failBrief("test", { error: "disk quota exceeded", disk: 2 });
  board.failBrief("ship", { reason: hostile });
  return { file, board };
}

test("failures groups the failed briefs by reason", () => {
  const { file, board } = makeRun();
  const text = printed("failures", file);
  expect(text).toMatch(/^ +2 {2}disk quota exceeded +coder 2 +(?:write|test) +\d/m);
  expect(text).not.toMatch(steering);
  expect(JSON.parse(printed("failures", file, "--json"))).toEqual(groupFailures(board));
});

test("failures says that there are none, and that a run is missing", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "r", file });
  expect(run(["failures", file, "--run", "r", "--json"])).toMatchObject({ code: 1, stdout: "" });
  board.createRun("a goal");
  expect(printed("failures", file)).toBe("No failed briefs.\n");
});

test.skipIf(!hasServer)("failures works on a server", async () => {
  const { url } = await freshSchema();
  const board = await openOnServer({ url }, { runId: "r" });
  await board.createRun("a goal");
  await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  await board.failBrief("b", { error: "no" });
  expect(printed("failures", "r", "--postgres", url)).toMatch(/^ +1 {2}no +coder 1 +b +\d+ s$/m);
  expect(printed("tree", "r", "--postgres", url)).toMatch(/✗ b {2}coder {2}\d+ s {2}no$/m);
});

test("lists, trees and a brief show the reason beside each failed brief, and only there", () => {
  const { file, board } = makeRun();
  expect(printed("briefs", file)).toMatch(/^write +failed .* disk quota exceeded$/m);
  expect(printed("briefs", file)).toMatch(/^plan +pending .* -$/m);
  expect(printed("briefs", file, "--status", "pending")).not.toContain("reason");
  expect(printed("tree", file)).toMatch(/✗ test {2}coder {2}\d+ s {2}disk quota exceeded$/m);
  expect(printed("tree", file)).not.toMatch(steering);
  expect(printed("brief", file, "write")).toMatch(/^reason +disk quota exceeded$/m);
  expect(JSON.parse(printed("brief", file, "write", "--json"))).toMatchObject({
    failure: { kind: "failed", reason: "disk quota exceeded" },
  });
  board.retryBrief("write");
  expect(printed("brief", file, "write")).not.toMatch(/^reason/m);
  expect(JSON.parse(printed("brief", file, "write", "--json"))).toMatchObject({ failure: null });
});
