import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { startProgram } from "./programs.ts";

test("a run of 160 MB goes in and out of a process that has 64 MB for it", async () => {
  const program = startProgram("stream", [temporaryFolder(), "40000"], { NODE_OPTIONS: "--max-old-space-size=64" });
  const lines = await program.finish();
  expect(lines).toEqual([expect.stringMatching(/^16\d{7} same$/)]);
});
