/** Waits in one process for what other processes do. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

function openShared() {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = openBlackboard({ runId: "shared", file, synchronous: "normal" });
  board.createRun("wait");
  for (const briefId of ["b", "c"]) board.createBrief({ briefId, tier: 1, role: "coder" });
  return { board, file };
}

test("a wait keeps its process alive and resolves for what another process wrote, with and without an event", async () => {
  const { board, file } = openShared();
  using _ = board;
  const program = startProgram("keep-wait", [file]);
  await program.line("ready");
  board.updateBriefResult("b", { n: 1 });
  await program.line('done {"n":1}');
  board.failBrief("c");
  expect((await program.finish()).at(-1)).toBe('{"pending":0,"active":0,"done":1,"failed":1}');
});

test("a wait that ended does not keep its process alive", async () => {
  expect(await startProgram("leave-wait", []).finish()).toEqual(["done", "left"]);
});

test("a wait on a snapshot, read where the folder is not writable, resolves for a finished brief and otherwise throws that it cannot follow", async () => {
  const { board, file } = openShared();
  board.createBrief({ briefId: "done", tier: 1, role: "coder" });
  board.completeBrief("done", {});
  board.close();
  chmodSync(join(file, ".."), 0o555);
  expect(await startProgram("wait-as-nobody", [file]).finish()).toEqual(["done", "FileError READ_ONLY"]);
});
